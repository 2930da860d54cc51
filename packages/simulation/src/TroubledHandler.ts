/**
 * The application's handler of messages on a simulated device.
 *
 * Owns what is seen of it, and that a defect of its own is told as one. Which handler it is, and in which life of the device,
 * is told by the device; what can be the matter with it is `HandlerTroubles`'.
 *
 * @since 0.1.0
 */
import { HandlerError, type ReflectedMessage } from "@d2m/client"
import { Cause, Context, Effect, Exit, Option, Result } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { HandlerTroubles, planted } from "./HandlerTroubles.ts"
import type { Kernel } from "./Kernel.ts"
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

const failure = Effect.suspend(() => Effect.fail(new HandlerError({ detail: planted })))

/** The handler of one device, over all its lives. */
export class TroubledHandler {
  readonly troubles: HandlerTroubles
  /** Since when it has been at what it was given last, in ms of kernel time; nothing while it is at rest. */
  busySince: number | undefined
  readonly #kernel: Kernel
  readonly #witness: Witness
  readonly #onDefect: (defect: unknown) => void

  constructor(kernel: Kernel, witness: Witness, onDefect: (defect: unknown) => void) {
    this.#kernel = kernel
    this.#witness = witness
    this.#onDefect = onDefect
    this.troubles = new HandlerTroubles(kernel)
  }

  /** Nobody waits any more, or is at anything: the life in which they were is over. */
  renew(): void {
    this.busySince = undefined
    this.troubles.renew()
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
      if (!this.troubles.areThere && handler === undefined) {
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
      return this.troubles.befall(handled, failure).pipe(
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
}
