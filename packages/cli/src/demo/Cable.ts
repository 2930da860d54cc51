/**
 * The network cable of one device: forwards TCP to the mediator until somebody pulls it.
 *
 * Sees only TLS records, as a real network would. Pulling it resets every connection; while it is out, new ones are
 * refused.
 *
 * @since 0.1.0
 */
import { Effect, Schema, type Scope } from "effect"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

/**
 * The cable has no port of its own to listen on.
 *
 * @category errors
 * @since 0.1.0
 */
export class CableFailed extends Schema.TaggedError<CableFailed>()("CableFailed", { reason: Schema.String }) {
  override get message(): string {
    return `the demo's network could not be set up: ${this.reason}`
  }
}

/** A cable in place. */
export interface Cable {
  /** The loopback port that leads to the mediator. */
  readonly port: number
  /** Resets every connection and refuses new ones. */
  readonly pull: Effect.Effect<void>
  /** Lets connections through again. */
  readonly plug: Effect.Effect<void>
}

/** Lays a cable from a free loopback port to `port`. */
export const make = (port: number): Effect.Effect<Cable, CableFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const ends = new Set<Socket>()
    let plugged = true
    const server = createServer((near) => {
      // A failing end takes the other one with it; the error itself is what the cable is there to cause.
      near.on("error", () => near.destroy())
      if (!plugged) {
        near.resetAndDestroy()
        return
      }
      const far = connect(port, "127.0.0.1")
      far.on("error", () => near.resetAndDestroy())
      for (const [end, other] of [
        [near, far],
        [far, near]
      ] as const) {
        ends.add(end)
        end.setNoDelay()
        end.on("close", () => {
          ends.delete(end)
          other.destroy()
        })
        end.pipe(other)
      }
    })
    const reset = Effect.sync(() => {
      for (const end of ends) end.resetAndDestroy()
    })
    yield* Effect.acquireRelease(
      Effect.callback<void, CableFailed>((resume) => {
        server.once("error", (cause) => resume(Effect.fail(new CableFailed({ reason: cause.message }))))
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.andThen(
          reset,
          Effect.sync(() => server.close())
        )
    )
    return {
      port: (server.address() as AddressInfo).port,
      pull: Effect.suspend(() => {
        plugged = false
        return reset
      }),
      plug: Effect.sync(() => {
        plugged = true
      })
    }
  })
