/**
 * The application on top of a simulated device: what its operations come to at the face of the client.
 *
 * Owns carrying out an `Operation`, the messages of workloads and how an answer is told. When it is asked, and on which
 * machine, is `SimulatedDevice`'s.
 *
 * @since 0.1.0
 */
import {
  type ChatDuplex,
  type ChatEnd,
  type Content,
  type Device,
  type DeviceEntry,
  type SharedData,
  Transaction,
  DeviceStopped
} from "@d2m/client"
import { Common, D2d, type DeviceId } from "@d2m/codec"
import { Cause, Effect, Exit, Option, Predicate, Redacted, Result, Stream } from "effect"
import type { Operation } from "./Operation.ts"
import { canReconnectBy } from "./VirtualChat.ts"
import type { Answer, HandedBack, ListedDevice } from "./WorldEvent.ts"

const zeros = new Uint8Array(65_536)

/** What is said to the chat server: no two bytes are the same, so that it shows when one is missing. */
const hello = Uint8Array.from({ length: 48 }, (_, at) => at + 1)

/**
 * So many things to say to the chat server, no two of which are the same in a world; none is a close-error.
 *
 * @category constructors
 * @since 0.1.0
 */
export const wordsFrom = (first: number, count: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, (_, at) => {
    const word = new Uint8Array(8)
    new DataView(word.buffer).setUint32(4, first + at)
    return word
  })

const template = D2d.OutgoingMessage.make({ type: Common.CspE2eMessageType.TEXT })

/**
 * A message of so many bytes, 65536 at most, with an id that tells it from all others of the world.
 *
 * @category constructors
 * @since 0.1.0
 */
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

/** Contents as they are told in events. */
export const idsOf = (contents: ReadonlyArray<Content>): HandedBack => contents.map(messageIdOf)

/** All that a device says of itself, in one line. */
export const descriptionOf = ({ appVersion, label, platform, platformDetails }: D2d.DeviceInfo): string =>
  [label, `platform ${platform}`, platformDetails, appVersion].filter((part) => part !== "").join(", ")

/** What came out well: an `Answer` without its tag. */
export type Given = Omit<Extract<Answer, { readonly _tag: "Done" }>, "_tag">

/** Nothing was promised, and nothing told. */
export const nothing: Given = { timestamps: [] }

/** The devices of a group as they are told in events. */
export const listed = (entries: ReadonlyMap<DeviceId, DeviceEntry>): Given => {
  const devices = Array.from(entries, ([deviceId, { connection, info, slotExpiration }]): ListedDevice => {
    const isConnected = connection?._tag === "connectedSince"
    return {
      deviceId,
      description: Result.isSuccess(info) ? descriptionOf(info.success) : undefined,
      slotExpiration,
      connection: connection === undefined ? undefined : { isConnected, since: Number(connection.value) }
    }
  })
  return { timestamps: [], told: { _tag: "Devices", devices } }
}

/** Shared data as it is told in events. */
export const shared = (data: Option.Option<SharedData>): Given => ({
  timestamps: [],
  told: { _tag: "SharedData", version: Option.getOrUndefined(data)?.version }
})

/** What errors say besides their tags. */
interface Failure {
  readonly _tag?: string
  readonly committed?: "no" | "unknown"
  readonly lockHeld?: boolean
}

/** How an operation came out. */
export const answerOf = (exit: Exit.Exit<Given, unknown>): Answer => {
  if (Exit.isSuccess(exit)) return { _tag: "Done", ...exit.value }
  const error = Cause.findError(exit.cause)
  if (Result.isFailure(error))
    return { _tag: "Failed", error: Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "Died" }
  const { _tag, committed, lockHeld } = error.success as Failure
  return {
    _tag: "Failed",
    error: _tag ?? "Unknown",
    ...(committed === undefined ? {} : { committed }),
    ...(lockHeld === undefined ? {} : { lockHeld }),
    ...(error.success instanceof DeviceStopped ? { unacked: idsOf(Redacted.value(error.success.unacked)) } : {})
  }
}

/** What a workload's transaction body fails with. */
class BodyFailed {
  readonly _tag = "BodyFailed"
}

type TransactionOperation = Extract<Operation, { readonly _tag: "Transaction" }>

/** What is seen of a transaction that has a precondition, and until when that holds. */
export interface Condition {
  readonly holds: () => boolean
  readonly onChecked: (holds: boolean) => void
  readonly onEntered: () => void
}

const transactionBody = Effect.fnUntraced(function* (operation: TransactionOperation, firstMessage: number) {
  const transaction = yield* Transaction
  const timestamps: Array<number> = []
  for (let at = 0; at < operation.count; at++) {
    if (operation.pause > 0) yield* Effect.sleep(operation.pause)
    const { timestamp } = yield* transaction.reflect(messageOf(firstMessage + at, operation.bytes))
    timestamps.push(Number(timestamp))
  }
  if (operation.fails) return yield* Effect.fail(new BodyFailed())
  return { timestamps }
})

const preconditionOf = ({ holds, onChecked }: Condition): Effect.Effect<boolean> =>
  Effect.sync(() => {
    const isTrue = holds()
    onChecked(isTrue)
    return isTrue
  })

/** How many messages an operation is about. */
export const messagesOf = (operation: Operation): number =>
  "count" in operation ? operation.count : operation._tag === "Ephemeral" ? 1 : 0

/** Asks a device for what an operation says; gives the timestamps of what was promised, and what was asked for. */
export const carryOut = (
  device: Device["Service"],
  operation: Exclude<Operation, { readonly _tag: "Chat" | "SwitchOff" }>,
  firstMessage: number,
  deviceIdOf: (name: string) => DeviceId | undefined,
  condition: Condition
): Effect.Effect<Given, unknown> => {
  switch (operation._tag) {
    case "Reflect": {
      const [first, ...rest] = Array.from({ length: operation.count }, (_, at) =>
        messageOf(firstMessage + at, operation.bytes)
      )
      return rest.length === 0
        ? Effect.map(device.reflect(first!), (timestamp) => ({ timestamps: [Number(timestamp)] }))
        : Effect.map(device.reflectAll([first!, ...rest]), (timestamps) => ({ timestamps: timestamps.map(Number) }))
    }
    case "Ephemeral":
      return Effect.as(device.reflectEphemeral(messageOf(firstMessage, operation.bytes)), nothing)
    case "Transaction": {
      const options = { scope: D2d.TransactionScopeScope.CONTACT_SYNC, ttl: operation.ttl * 1000 }
      const body = transactionBody(operation, firstMessage)
      if (operation.holdsFor === undefined) return device.transaction(options, body)
      return device.transaction(
        { ...options, precondition: preconditionOf(condition) },
        Effect.andThen(Effect.sync(condition.onEntered), body)
      )
    }
    case "ListDevices":
      return Effect.map(device.devices, listed)
    case "SetSharedData":
      return Effect.as(device.setSharedData({ version: operation.version }), nothing)
    case "GetSharedData":
      return Effect.map(device.sharedData, shared)
    case "Drop": {
      const target = deviceIdOf(operation.target)
      return target === undefined ? Effect.succeed(nothing) : Effect.as(device.drop(target), nothing)
    }
    case "RetryNow":
      return Effect.as(device.retryNow, nothing)
  }
}

/**
 * What an application does on each chat session, from its opening on, and how that has ended. One that dies has a defect, and
 * ends the run.
 *
 * @category models
 * @since 0.1.0
 */
export type ChatHandler = (io: ChatDuplex) => Effect.Effect<ChatEnd>

/** Says hello to the chat server, and listens until it says goodbye or is gone. */
const chatter: ChatHandler = (io) => {
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

/** What a handler throws when it is called it dies of as well. */
const calledWith = (handler: ChatHandler, io: ChatDuplex): Effect.Effect<ChatEnd> => {
  try {
    return handler(io)
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** A chat handler, the plain one unless given; `onClosed` is called when it has reported a close-error. */
export const chatWith =
  (handler: ChatHandler = chatter, onClosed: (canReconnect: boolean) => void): ChatHandler =>
  (io) =>
    Effect.tap(calledWith(handler, io), (end) =>
      Effect.sync(() => {
        if (end._tag === "CloseError") onClosed(end.canReconnect)
      })
    )
