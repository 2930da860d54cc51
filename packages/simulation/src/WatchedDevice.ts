/**
 * A device as a program has it in its hands.
 *
 * Owns what has to be seen of what a program does with it, so that oracles know: what is told to connect at once, whose
 * question is answered, what of its quarantine is handled again, what the program is told of devices and shared data,
 * what it reflects and drops and what is promised, when the bodies of its transactions begin, and what those make of their
 * preconditions.
 *
 * @since 0.1.0
 */
import { Device, type Resume, Transaction, type UserReason } from "@d2m/client"
import { Effect, Exit } from "effect"
import { answerOf, type Given, listed, nothing, shared } from "./Application.ts"
import type { Operation } from "./Operation.ts"
import { IsReplay } from "./TroubledHandler.ts"
import type { LifePlace, ProgramAsk, Witness } from "./WorldEvent.ts"

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
  const seen = <A, E>(
    operation: Operation,
    ask: Effect.Effect<A, E>,
    give: (answer: A) => Given
  ): Effect.Effect<A, E> =>
    // Whoever is interrupted between the two would seem to ask for ever.
    Effect.uninterruptibleMask((restore) => {
      const call = { call: nextCall(), operation, firstMessage: 0 }
      witness({ _tag: "Asked", ...place(), ...call })
      return Effect.onExit(restore(ask), (exit) =>
        Effect.sync(() => witness({ _tag: "Answered", ...place(), ...call, answer: answerOf(Exit.map(exit, give)) }))
      )
    })
  const none = () => nothing
  /** The same of what no workload knows of; oracles that judge workloads do not take it for one. */
  const told = <A, E, R>(
    call: number,
    ask: ProgramAsk,
    effect: Effect.Effect<A, E, R>,
    give: (answer: A) => Given
  ): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) => {
      witness({ _tag: "ProgramAsked", ...place(), call, ask })
      return Effect.onExit(restore(effect), (exit) =>
        Effect.sync(() =>
          witness({ _tag: "ProgramAnswered", ...place(), call, ask, answer: answerOf(Exit.map(exit, give)) })
        )
      )
    })
  const promised = (timestamps: ReadonlyArray<bigint>): Given => ({ timestamps: timestamps.map(Number) })
  const reflectAll: Device["Service"]["reflectAll"] = (contents) =>
    Effect.suspend(() => told(nextCall(), { _tag: "Reflect", contents }, device.reflectAll(contents), promised))
  const reflectEphemeral: Device["Service"]["reflectEphemeral"] = (content) =>
    Effect.suspend(() =>
      told(nextCall(), { _tag: "Ephemeral", contents: [content] }, device.reflectEphemeral(content), none)
    )
  const drop: Device["Service"]["drop"] = (deviceId) =>
    Effect.suspend(() => told(nextCall(), { _tag: "Drop", deviceId }, device.drop(deviceId), none))
  const inTransaction = (call: number, transaction: Transaction["Service"]): Transaction["Service"] => {
    const reflectAll: Transaction["Service"]["reflectAll"] = (contents) =>
      Effect.suspend(() =>
        told(
          nextCall(),
          { _tag: "TransactionReflect", contents, call },
          transaction.reflectAll(contents),
          (provisional) => promised(provisional.map(({ timestamp }) => timestamp))
        )
      )
    return { reflectAll, reflect: (content) => Effect.map(reflectAll([content]), ([provisional]) => provisional) }
  }
  const transaction: Device["Service"]["transaction"] = (options, body) =>
    Effect.suspend(() => {
      const { precondition } = options
      const call = nextCall()
      const ask: ProgramAsk = { _tag: "Transaction", scope: options.scope }
      const whole = Effect.updateService(body, Transaction, (given) => inTransaction(call, given))
      if (precondition === undefined) {
        const begun = Effect.sync(() => witness({ _tag: "Entered", ...place(), call, isUnconditional: true }))
        return told(call, ask, device.transaction(options, Effect.andThen(begun, whole)), none)
      }
      const checked = Effect.tap(precondition, (holds) =>
        Effect.sync(() => witness({ _tag: "Checked", ...place(), call, holds }))
      )
      const entered = Effect.sync(() => witness({ _tag: "Entered", ...place(), call }))
      const conditional = { ...options, precondition: checked }
      return told(call, ask, device.transaction(conditional, Effect.andThen(entered, whole)), none)
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
  return Device.of({
    ...device,
    reflect: (content) => Effect.map(reflectAll([content]), ([timestamp]) => timestamp),
    reflectAll,
    reflectEphemeral,
    drop,
    transaction,
    devices: seen({ _tag: "ListDevices" }, device.devices, listed),
    setSharedData: (data) => seen({ _tag: "SetSharedData", version: data.version }, device.setSharedData(data), none),
    sharedData: seen({ _tag: "GetSharedData" }, device.sharedData, shared),
    retryNow: seen({ _tag: "RetryNow" }, device.retryNow, none),
    resume,
    quarantine,
    stop
  })
}
