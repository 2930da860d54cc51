/**
 * Which fibers are within a handler of a device.
 * Owns the mark that each run of the handler leaves on its fiber and on those which that one starts: what waits there until
 * all messages are handled would wait for itself.
 * Leaves what is refused to them to `Transaction`.
 */
import { Context, Effect, type Fiber, Latch, Scope } from "effect"

/** One run of a handler. */
interface Run {
  readonly device: object
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** Open when it has ended. */
  readonly over: Latch.Latch
  isOver: boolean
}

const Runs = Context.Reference<ReadonlyArray<Run>>("@d2m/client/Handling/Runs", { defaultValue: () => [] })

/**
 * The runs of the handler of one device.
 *
 * @internal
 */
export interface HandlingOfDevice {
  /** Runs the handler, in a scope of its own. */
  readonly mark: <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Scope.Scope>>
  /**
   * What a fiber has to wait for that a run has started, until that is over: nothing if it is, and `itself` where the fiber is
   * the one that runs it. A handler of another device may well be the one to wait.
   */
  readonly within: (fiber: Fiber.Fiber<unknown, unknown>) => Effect.Effect<void> | "itself" | undefined
}

/** @internal */
export const makeHandling = (): HandlingOfDevice => {
  const device = {}
  return {
    mark: <A, E, R>(handler: Effect.Effect<A, E, R>) =>
      Effect.withFiber((fiber) => {
        const run: Run = { device, fiber, over: Latch.makeUnsafe(false), isOver: false }
        const others = fiber.getRef(Runs)
        const runs = others.length === 0 ? [run] : [...others.filter(({ isOver }) => !isOver), run]
        const scope = Scope.makeUnsafe()
        const end = (): void => {
          run.isOver = true
          run.over.openUnsafe()
        }
        // Mark and scope come and go together: each change of a context has its price, and so has each batch.
        const marked = Effect.updateContext(
          handler,
          (context: Context.Context<Exclude<R, Scope.Scope>>) =>
            Context.add(Context.add(context, Scope.Scope, scope), Runs, runs) as unknown as Context.Context<R>
        )
        return Effect.onExit(marked, (exit) => {
          const closing = Scope.closeUnsafe(scope, exit)
          if (closing !== undefined) return Effect.ensuring(closing, Effect.sync(end))
          end()
          return Effect.void
        })
      }),
    within: (fiber) => {
      const run = fiber.getRef(Runs).find((run) => run.device === device && !run.isOver)
      if (run === undefined) return undefined
      return run.fiber === fiber ? "itself" : run.over.await
    }
  }
}
