/**
 * The application's handler of a simulated device, and what can be the matter with it.
 *
 * Owns that it fails, dies, stands still or takes longer while there is a reason for it, what is seen of it, and that a
 * defect of its own is told as one. Which handler it is, and in which life of the device, is told by the device.
 *
 * @since 0.1.0
 */
import { HandlerError, type ReflectedMessage } from "@d2m/client"
import { Cause, Context, Effect, Exit, Latch, Option, Result } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { Kernel } from "./Kernel.ts"
import type { Machine } from "./Machine.ts"
import { Reasons } from "./Reasons.ts"
import type { LifePlace, Witness, WorldEvent } from "./WorldEvent.ts"

/**
 * What an application does with the messages of other devices; the device and its world are told by its own means.
 *
 * It fails with a `HandlerError` where it cannot handle them; to interrupt itself is the same. One that dies has a defect,
 * and ends the run.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageHandler = (batch: NonEmptyReadonlyArray<ReflectedMessage>) => Effect.Effect<void, HandlerError>

/** Whether the handler is called because the application has asked for a message of its quarantine again. */
export const IsReplay = Context.Reference<boolean>("@d2m/simulation/IsReplay", { defaultValue: () => false })

/** What a handler dies of while there is a reason for it: no defect of the application's. */
const planted = "planted"

type Outcome = Extract<WorldEvent, { _tag: "Handled" }>["outcome"]

/** `isOwn`: it came to its exit by itself; an interrupt of its own is a failure like any other for the client. */
const outcomeOf = (exit: Exit.Exit<void, HandlerError>, isOwn: boolean): Outcome => {
  if (Exit.isSuccess(exit)) return "Done"
  if (Option.isSome(Cause.findErrorOption(exit.cause))) return "Failed"
  if (!Cause.hasInterruptsOnly(exit.cause)) return "Died"
  return isOwn ? "Failed" : "Interrupted"
}

/** What a handler throws when it is called it dies of as well. */
const called = (
  handler: MessageHandler,
  messages: NonEmptyReadonlyArray<ReflectedMessage>
): ReturnType<MessageHandler> => {
  try {
    return handler(messages)
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** The handler of one device, over all its lives. */
export class TroubledHandler {
  readonly fails = new Reasons()
  readonly dies = new Reasons()
  readonly stalls = new Reasons()
  /** Each with how many ms longer it takes. */
  readonly slows = new Reasons<number>()
  /** Since when it has been at what it was given last, in ms of kernel time; nothing while it is at rest. */
  busySince: number | undefined
  readonly #kernel: Kernel
  readonly #witness: Witness
  readonly #onDefect: (defect: unknown) => void
  /** Of the present life: whoever waits in an earlier one must never be woken. */
  #moves = Latch.makeUnsafe(true)

  constructor(kernel: Kernel, witness: Witness, onDefect: (defect: unknown) => void) {
    this.#kernel = kernel
    this.#witness = witness
    this.#onDefect = onDefect
  }

  /** Nobody waits any more, or is at anything: the life in which they were is over. */
  renew(): void {
    this.busySince = undefined
    this.#moves = Latch.makeUnsafe(true)
  }

  /** Lets those go on that were stalled, unless there still is a reason to stall. */
  moves(machine: Machine | undefined): void {
    if (this.stalls.size > 0 || machine === undefined) return
    const moves = this.#moves
    this.#kernel.ready(machine, () => moves.openUnsafe())
  }

  /** Handles messages; they are counted as handled when there is no `handler`. */
  handle(
    place: Omit<LifePlace, "at">,
    messages: NonEmptyReadonlyArray<ReflectedMessage>,
    handler: MessageHandler | undefined
  ): Effect.Effect<void, HandlerError> {
    return Effect.withFiber((fiber) => {
      const isReplay = fiber.getRef(IsReplay)
      const { device, life } = place
      this.#witness({ _tag: "Handling", at: this.#kernel.now, device, life, messages, isReplay })
      const tellHandled = (outcome: Outcome) =>
        this.#witness({ _tag: "Handled", at: this.#kernel.now, device, life, messages, isReplay, outcome })
      const isTroubled = this.dies.size > 0 || this.fails.size > 0 || this.stalls.size > 0 || this.slows.size > 0
      if (!isTroubled && handler === undefined) {
        tellHandled("Done")
        return Effect.void
      }
      this.busySince = this.#kernel.now
      let isOwn = false
      // Passed over when the one who calls the handler is interrupted.
      const own = Effect.sync(() => {
        isOwn = true
      })
      const handled = handler === undefined ? Effect.void : Effect.tapCause(called(handler, messages), () => own)
      return this.#troubled(handled).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            this.busySince = undefined
            tellHandled(outcomeOf(exit, isOwn))
            const defect = Exit.isFailure(exit) ? Cause.findDefect(exit.cause) : undefined
            if (defect !== undefined && Result.isSuccess(defect) && defect.success !== planted) {
              this.#onDefect(defect.success)
            }
          })
        )
      )
    })
  }

  #troubled(effect: Effect.Effect<void, HandlerError>): Effect.Effect<void, HandlerError> {
    if (this.stalls.act()) {
      this.#moves.closeUnsafe()
      // Not on a machine that has been killed meanwhile: see `Network`.
      return Effect.andThen(Effect.andThen(this.#moves.await, Effect.yieldNow), effect)
    }
    if (this.dies.act()) return Effect.die(planted)
    if (this.fails.act()) return Effect.fail(new HandlerError({ detail: planted }))
    if (!this.slows.act()) return effect
    const millis = this.slows.values.reduce((sum, by) => sum + by, 0)
    return Effect.andThen(Effect.sleep(millis), effect)
  }
}
