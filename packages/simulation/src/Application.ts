/**
 * The application on top of a simulated device: what its operations come to at the face of the client.
 *
 * Owns carrying out an `Operation`, the messages of workloads and how an answer is told. When it is asked, and on which
 * machine, is `SimulatedDevice`'s.
 *
 * @since 0.1.0
 */
import { type ChatDuplex, type ChatEnd, type Content, type Device, Transaction } from "@d2m/client"
import { Common, D2d, type DeviceId } from "@d2m/codec"
import { Cause, Effect, Exit, Option, Predicate, Result, Stream } from "effect"
import type { Operation } from "./Operation.ts"
import { canReconnectBy } from "./VirtualChat.ts"
import type { Answer } from "./WorldEvent.ts"

const zeros = new Uint8Array(65_536)

/** What is said to the chat server: no two bytes are the same, so that it shows when one is missing. */
const hello = Uint8Array.from({ length: 48 }, (_, at) => at + 1)

const template = D2d.OutgoingMessage.make({ type: Common.CspE2eMessageType.TEXT })

/** A message of so many bytes with an id that tells it from all others of the world. */
export const messageOf = (id: number, bytes: number): Content => ({
  _tag: "outgoingMessage",
  value: { ...template, messageId: BigInt(id), body: zeros.subarray(0, bytes) }
})

/**
 * The id that a workload gave to a message, if it is one of a workload.
 *
 * @category getters
 * @since 0.1.0
 */
export const messageIdOf = (content: Content | undefined): number | undefined =>
  content?._tag === "outgoingMessage" ? Number(content.value.messageId) : undefined

/** How an operation came out. */
export const answerOf = (exit: Exit.Exit<ReadonlyArray<bigint>, unknown>): Answer => {
  if (Exit.isSuccess(exit)) return { _tag: "Done", timestamps: exit.value.map(Number) }
  const error = Cause.findError(exit.cause)
  if (Result.isFailure(error))
    return { _tag: "Failed", error: Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "Died" }
  const { _tag, committed } = error.success as { readonly _tag?: string; readonly committed?: "no" | "unknown" }
  return { _tag: "Failed", error: _tag ?? "Unknown", ...(committed === undefined ? {} : { committed }) }
}

/** What a workload's transaction body fails with. */
class BodyFailed {
  readonly _tag = "BodyFailed"
}

type TransactionOperation = Extract<Operation, { readonly _tag: "Transaction" }>

const transactionBody = (operation: TransactionOperation, firstMessage: number) =>
  Effect.gen(function* () {
    const transaction = yield* Transaction
    const timestamps: Array<bigint> = []
    for (let at = 0; at < operation.count; at++) {
      if (operation.pause > 0) yield* Effect.sleep(operation.pause)
      const { timestamp } = yield* transaction.reflect(messageOf(firstMessage + at, operation.bytes))
      timestamps.push(timestamp)
    }
    if (operation.fails) return yield* Effect.fail(new BodyFailed())
    return timestamps
  })

/** Asks a device for what an operation says; gives the timestamps of what was promised. */
export const carryOut = (
  device: Device["Service"],
  operation: Exclude<Operation, { readonly _tag: "SwitchOff" }>,
  firstMessage: number,
  deviceIdOf: (name: string) => DeviceId | undefined
): Effect.Effect<ReadonlyArray<bigint>, unknown> => {
  switch (operation._tag) {
    case "Reflect": {
      const [first, ...rest] = Array.from({ length: operation.count }, (_, at) =>
        messageOf(firstMessage + at, operation.bytes)
      )
      return rest.length === 0
        ? Effect.map(device.reflect(first!), (timestamp) => [timestamp])
        : device.reflectAll([first!, ...rest])
    }
    case "Ephemeral":
      return Effect.as(device.reflectEphemeral(messageOf(firstMessage, operation.bytes)), [])
    case "Transaction":
      return device.transaction(
        { scope: D2d.TransactionScopeScope.CONTACT_SYNC, ttl: operation.ttl * 1000 },
        transactionBody(operation, firstMessage)
      )
    case "ListDevices":
      return Effect.as(device.devices, [])
    case "SetSharedData":
      return Effect.as(device.setSharedData({ version: operation.version }), [])
    case "Drop": {
      const target = deviceIdOf(operation.target)
      return target === undefined ? Effect.succeed([]) : Effect.as(device.drop(target), [])
    }
    case "RetryNow":
      return Effect.as(device.retryNow, [])
  }
}

/** Says hello to the chat server, and listens until it says goodbye or is gone. */
export const chatter = (io: ChatDuplex): Effect.Effect<ChatEnd> => {
  const goodbye = io.incoming.pipe(
    Stream.map(canReconnectBy),
    Stream.takeUntil(Predicate.isNotUndefined),
    Stream.runLast
  )
  return Effect.map(Effect.andThen(Effect.ignore(io.send(hello)), goodbye), (last) => {
    const canReconnect = Option.getOrUndefined(last)
    return canReconnect === undefined ? { _tag: "Ended" } : { _tag: "CloseError", canReconnect }
  })
}
