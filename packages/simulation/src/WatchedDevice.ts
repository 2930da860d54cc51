/**
 * A device as a program has it in its hands.
 *
 * Owns what has to be seen of what a program does with it, so that oracles know: what is told to connect at once, whose
 * question is answered, what of its quarantine is handled again. All else is seen on the wire.
 *
 * @since 0.1.0
 */
import { Device, type Resume, type UserReason } from "@d2m/client"
import { Effect, Exit } from "effect"
import { answerOf } from "./Application.ts"
import { IsReplay } from "./TroubledHandler.ts"
import type { LifePlace, Witness } from "./WorldEvent.ts"

/** What must be known of a simulated device to watch it. */
export interface Watch {
  readonly name: string
  readonly witness: Witness
  readonly nextCall: () => number
  readonly place: () => LifePlace
  /** The question that its user has been asked, who is not asked any more. */
  readonly takeQuestion: () => UserReason | undefined
}

/** The device, watched; a life ends with its machine, and never by a program. */
export const watched = (device: Device["Service"], watch: Watch): Device["Service"] => {
  const { name, nextCall, place, takeQuestion, witness } = watch
  const retryNow = Effect.suspend(() => {
    const call = { call: nextCall(), operation: { _tag: "RetryNow" } as const, firstMessage: 0 }
    witness({ _tag: "Asked", ...place(), ...call })
    return Effect.onExit(device.retryNow, (exit) =>
      Effect.sync(() => witness({ _tag: "Answered", ...place(), ...call, answer: answerOf(Exit.map(exit, () => [])) }))
    )
  })
  const resume = (answer: Resume) =>
    Effect.suspend(() => {
      const reason = takeQuestion()
      if (reason !== undefined) {
        witness({ _tag: "UserAnswered", ...place(), reason: reason._tag, answer: answer._tag })
      }
      return device.resume(answer)
    })
  const quarantine = {
    ...device.quarantine,
    replay: (id: number) => Effect.provideService(device.quarantine.replay(id), IsReplay, true)
  }
  const stop = Effect.die(new Error(`a program cannot stop ${name}, which would never start again: strike a Crash`))
  return Device.of({ ...device, retryNow, resume, quarantine, stop })
}
