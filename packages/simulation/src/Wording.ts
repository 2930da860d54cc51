/**
 * What an event says, in words: one short phrase each, the same on every engine.
 *
 * Owns the phrases that traces and stories are made of. When it happened and where it stands on a page is theirs to say.
 *
 * @since 0.1.0
 */
import type { ConnectionEnd, ConnectionState, Content } from "@d2m/client"
import { type ClientFrame, isEphemeral, type ServerFrame } from "@d2m/codec"
import type { Operation } from "./Operation.ts"
import { messageIdOf } from "./Application.ts"
import type { Answer, BatchPlace, HandedBack, ListedDevice, ProgramAsk, Told, WorldEvent } from "./WorldEvent.ts"

/**
 * What is said of a content, in a word or two; nothing where its number will do.
 *
 * @category models
 * @since 0.1.0
 */
export type Label = (content: Content) => string | undefined

/** Messages have the number that a workload gave them; nothing is said of anything else. */
const numbered: Label = (content) => {
  const id = messageIdOf(content)
  return id === undefined || id === 0 ? undefined : `m${id}`
}

const ephemeral = (flags: number): string => (isEphemeral(flags) ? " ephemeral" : "")
const slot = (state: number): string => (state === 0 ? "New" : state === 1 ? "Existing" : `${state}`)

/** A frame, by its tag and the numbers that tell it from its like. */
export const frameWords = (frame: ClientFrame | ServerFrame): string => {
  switch (frame._tag) {
    case "Reflect":
      return `Reflect ${frame.reflectId}${ephemeral(frame.flags)}`
    case "ReflectAck":
      return `ReflectAck ${frame.reflectId}`
    case "Reflected":
      return `Reflected ${frame.reflectedId}${ephemeral(frame.flags)}`
    case "ReflectedAck":
      return `ReflectedAck ${frame.reflectedId}`
    case "ClientHello":
      return `ClientHello as ${slot(frame.expectedDeviceSlotState)}`
    case "ServerInfo":
      return `ServerInfo ${slot(frame.deviceSlotState)}, ${frame.reflectionQueueLength} queued`
    case "TransactionRejected":
    case "TransactionEnded":
    case "DropDevice":
    case "DropDeviceAck":
      return `${frame._tag} ${frame.deviceId}`
    case "BeginTransaction":
      return `BeginTransaction${frame.ttl === 0 ? "" : ` ${frame.ttl} s`}`
    case "Proxy":
      return `Proxy ${frame.data.length} B`
    case "Unknown":
      return `Unknown 0x${frame.type.toString(16).padStart(2, "0")}`
    case "ServerHello":
    case "GetDevicesInfo":
    case "DevicesInfo":
    case "SetSharedDeviceData":
    case "BeginTransactionAck":
    case "CommitTransaction":
    case "CommitTransactionAck":
    case "ReflectionQueueDry":
    case "RolePromotedToLeader":
      return frame._tag
  }
}

const messageWords = (message: Uint8Array | string, frame: ClientFrame | ServerFrame | undefined): string => {
  if (frame !== undefined) return frameWords(frame)
  return typeof message === "string" ? `text, ${message.length} long` : `no frame, ${message.length} B`
}

/** Numbers that follow each other, or a list of them; no more than eight. */
const numbers = (ids: ReadonlyArray<string>): string =>
  ids.length > 8 ? `${ids.slice(0, 7).join(", ")} … ${ids.at(-1)}` : ids.join(", ")

/** Handled messages: the numbers that the mediator gave them, and what is said of their contents. */
const batchWords = ({ isReplay, messages }: BatchPlace, label: Label): string => {
  const named = messages.map(({ content, reflectedId }) => {
    const said = content === undefined ? undefined : label(content)
    return said === undefined ? `${reflectedId}` : `${reflectedId} (${said})`
  })
  return `${numbers(named)}${isReplay ? " of its quarantine" : ""}`
}

const range = (first: number, count: number): string => (count === 1 ? `m${first}` : `m${first}…m${first + count - 1}`)

/** What a clock shows too much, or too little. */
export const clockWords = (skew: number): string =>
  `clock ${Number((Math.abs(skew) / 1000).toFixed(3))} s ${skew < 0 ? "behind" : "ahead"}`

/** What an application asks for. */
export const operationWords = (operation: Operation, firstMessage = 0): string => {
  switch (operation._tag) {
    case "Reflect":
    case "Transaction": {
      const what = firstMessage === 0 ? `${operation.count}` : range(firstMessage, operation.count)
      const { holdsFor } = operation._tag === "Transaction" ? operation : { holdsFor: undefined }
      const condition = holdsFor === undefined ? "" : `, if within ${Math.round(holdsFor)} ms`
      return `${operation._tag} ${what}, ${operation.bytes} B${condition}`
    }
    case "Ephemeral":
      return `Ephemeral ${firstMessage === 0 ? "" : `m${firstMessage}, `}${operation.bytes} B`
    case "SetSharedData":
      return `SetSharedData ${operation.version}`
    case "Chat":
      return `Chat ${operation.count}`
    case "Drop":
      return `Drop ${operation.target}`
    case "SwitchOff":
      return `SwitchOff for ${Math.round(operation.lasts)} ms`
    case "ListDevices":
    case "GetSharedData":
    case "RetryNow":
      return operation._tag
  }
}

/** What a program asks for. */
const askWords = (ask: ProgramAsk, label: Label): string => {
  switch (ask._tag) {
    case "Transaction":
      return `Transaction in scope ${ask.scope}`
    case "Drop":
      return `Drop ${ask.deviceId}`
    case "Reflect":
    case "Ephemeral":
    case "TransactionReflect": {
      const what = numbers(ask.contents.map((content) => label(content) ?? content._tag))
      return ask._tag === "TransactionReflect" ? `Reflect ${what} in ?${ask.call}` : `${ask._tag} ${what}`
    }
  }
}

/** One entry of a list of devices. */
export const listedWords = ({ connection, description, deviceId, slotExpiration }: ListedDevice): string => {
  const since =
    connection === undefined ? "" : `, ${connection.isConnected ? "here" : "gone"} since ${connection.since}`
  return `${deviceId} ${description ?? "untold"} (${slotExpiration === 0 ? "volatile" : "persistent"}${since})`
}

const toldWords = (told: Told): string =>
  told._tag === "SharedData" ? `version ${told.version ?? "none"}` : told.devices.map(listedWords).join(", ")

/** What was given back: the numbers of its messages. */
export const unackedWords = (unacked: HandedBack): string =>
  unacked.length === 0 ? "nothing" : numbers(unacked.map((id) => (id === undefined ? "m?" : `m${id}`)))

const answerWords = (answer: Answer): string => {
  if (answer._tag === "Done") {
    if (answer.told !== undefined) return toldWords(answer.told)
    return answer.timestamps.length === 0 ? "done" : "promised"
  }
  const { committed, error, lockHeld, unacked } = answer
  const lock = lockHeld === undefined ? "" : lockHeld ? " under the lock" : " before the lock"
  const back = unacked === undefined ? "" : `, back ${unackedWords(unacked)}`
  return `${error}${lock}${committed === undefined ? "" : `, committed ${committed}`}${back}`
}

/** Why a connection has ended, with the code of a close or the status of a refusal. */
const endWords = (end: ConnectionEnd): string => {
  if (end._tag === "UpgradeRefused") return end.status === undefined ? end._tag : `${end._tag} ${end.status}`
  return "code" in end ? `${end._tag} ${end.code}` : end._tag
}

/** A state, with what sets it apart from its like. */
export const stateWords = (state: ConnectionState): string => {
  const pending = "pendingReflects" in state && state.pendingReflects > 0 ? `, ${state.pendingReflects} pending` : ""
  switch (state._tag) {
    case "Live":
      return `Live${state.dry ? ", dry" : ""}${state.leader ? ", leader" : ""}${pending}`
    case "Connecting":
    case "Handshaking":
      return `${state._tag} ${state.attempt}${pending}`
    case "Waiting": {
      return `Waiting after ${endWords(state.because)}${pending}`
    }
    case "NeedsUser":
      return `NeedsUser ${state.reason._tag}${pending}`
    case "Stopped":
      return `${state.died ? "Died" : "Stopped"}, ${state.pendingReflects} not acked`
  }
}

/** What a device says of itself. */
const happenedWords = (event: Extract<WorldEvent, { readonly _tag: "Happened" }>["event"]): string => {
  switch (event._tag) {
    case "Duplicate":
      return `Duplicate ${event.reflectedId}`
    case "Quarantined":
      return `Quarantined ${event.reflectedId} ${event.reason}`
    case "HandlerFailed":
      return `HandlerFailed on ${event.messages}, try ${event.tries}`
    case "BlobRejected":
      return `BlobRejected ${event.blob} ${event.reason}`
    case "UnknownFrame":
      return `UnknownFrame 0x${event.type.toString(16).padStart(2, "0")}`
    case "StrayFrame":
      return `StrayFrame ${event.frame}`
    case "TransactionEnded":
    case "LockHeld":
      return `${event._tag} ${event.deviceId}`
    case "EphemeralsDropped":
    case "EphemeralsMissed":
      return `${event._tag} ${event.count}`
    case "Disconnected":
      return `Disconnected ${endWords(event.because)}`
    case "Dry":
    case "PromotedToLeader":
    case "PassedOver":
    case "ChatFailed":
      return event._tag
  }
}

/**
 * An event in words, without its time and its device; contents by what `label` says of them, or the numbers of a workload.
 *
 * @category rendering
 * @since 0.1.0
 */
export const wordsOf = (event: WorldEvent, label: Label = numbered): string => {
  switch (event._tag) {
    case "DeviceSent":
    case "MediatorReceived":
    case "MediatorSent":
    case "DeviceReceived":
      return messageWords(event.message, event.frame)
    case "Dialed":
      return "dials"
    case "DialFailed":
      return `dial failed: ${event.why}`
    case "Opened":
      return "connected"
    case "MediatorClosed":
    case "DeviceClosed":
      return `closes ${event.code}`
    case "MediatorLost":
      return "connection is over"
    case "DeviceLost":
      return `connection is over, ${event.code}`
    case "Handling":
      return `handles ${batchWords(event, label)}`
    case "Handled":
      return `handled ${batchWords(event, label)}${event.outcome === "Done" ? "" : `: ${event.outcome}`}`
    case "Asked":
      return `${operationWords(event.operation, event.firstMessage)} ?${event.call}`
    case "Answered":
      return `?${event.call} ${answerWords(event.answer)}`
    case "ProgramAsked":
      return `${askWords(event.ask, label)} ?${event.call}`
    case "ProgramAnswered":
      return `?${event.call} ${answerWords(event.answer)}`
    case "Checked":
      return `the precondition of ?${event.call} ${event.holds ? "holds" : "does not hold"}`
    case "Entered":
      return `?${event.call} is carried out`
    case "HandedBack":
      return `gives back ${unackedWords(event.unacked)}`
    case "StateChanged":
      return stateWords(event.state)
    case "Happened":
      return happenedWords(event.event)
    case "Kept":
      return `keeps ${event.reflectedId} in quarantine as ${event.id}`
    case "ChatBegun":
      return "chats"
    case "ChatListens":
      return "listens to the chat server"
    case "ChatHeard":
      return `hears ${event.message.length} B of the chat server`
    case "ChatOver":
      return `the chat is over: ${event.outcome}`
    case "ChatClosed":
      return `the chat server closes, and one ${event.canReconnect ? "may" : "must not"} come back`
    case "UserAnswered":
      return `user: ${event.reason} ${event.answer}`
    case "Machine": {
      const { change, skew = 0, withoutStorage, writes = { kept: 0, lost: 0 } } = event
      const details = [
        ...(withoutStorage === true ? ["storage lost"] : []),
        ...(skew === 0 ? [] : [clockWords(skew)]),
        ...(writes.kept === 0 ? [] : [`${writes.kept} writes done`]),
        ...(writes.lost === 0 ? [] : [`${writes.lost} writes lost`])
      ]
      return [change, ...details].join(", ")
    }
    case "Fault":
      return `${event.kind} ${event.phase}`
    case "Phase":
      return event.phase
  }
}
