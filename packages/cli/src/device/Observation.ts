/**
 * What a device says of itself, as lines of a session.
 *
 * Owns which part of a state, an event, a message or an error is told; no key, nonce or box is.
 *
 * @since 0.1.0
 */
import type {
  ConnectionEnd,
  ConnectionState,
  Content,
  DeviceEntry,
  DeviceEvent,
  ReflectedMessage,
  ResumeChoice,
  UserReason
} from "@d2m/client"
import { Common, D2d, type DeviceId, DeviceSlotExpirationPolicy, encodeMessage, Protobuf } from "@d2m/codec"
import { Result } from "effect"
import { Hex } from "effect/encoding"
import { idText, type LineOf } from "./SessionLine.ts"

/**
 * A scope by its name, or its number when nobody named it.
 *
 * @category getters
 * @since 0.1.0
 */
export const scopeText = (scope: number): string =>
  Protobuf.nameOf(D2d.TransactionScopeScope, scope)?.toLowerCase() ?? String(scope)

const answers = { Continue: "continue", ConnectAnyway: "anyway", RegisterAgain: "register" } as const

/**
 * An answer as `resume` takes it.
 *
 * @category getters
 * @since 0.1.0
 */
export const answerText = (choice: ResumeChoice): "continue" | "anyway" | "register" => answers[choice]

const meanings: Readonly<Record<UserReason["_tag"], string>> = {
  UnsupportedVersion: "the mediator speaks no version that this device does",
  SlotsExhausted:
    "all device slots of the group are taken: drop a device from another one, take the slot of the one that was away for longest (--take-slot), or wait until that of one that has gone is free (without --data, minutes later)",
  DuplicateDevice: "the same device has connected from elsewhere",
  Dropped: "this device has been removed from the group",
  QueueLimit: "the mediator has removed this device, because too much waited for it",
  SlotMismatch: "the mediator knows this device as something else",
  Refused: "the mediator does not want this connection",
  NotTrusted: "the mediator could not show that it is the right one",
  ClockSkew: "the clocks of mediator and device are too far apart",
  ChatRefused: "the chat server does not want another connection",
  Halted: "a message could not be handled",
  TooManyFailures: "too many failures in a row"
}

const selfSigned: ReadonlySet<string> = new Set(["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN"])

/**
 * Why a connection ended, and which flag would have it otherwise.
 *
 * @category getters
 * @since 0.1.0
 */
export const endText = (end: ConnectionEnd): string => {
  switch (end._tag) {
    case "PlaintextRefused":
      return end.message.replace("allowPlaintext", "--allow-plaintext")
    case "NoPinFor":
      return `no --pin is given for ${end.host}: add one, or choose --trust system-trust`
    case "CertificateRejected":
      return selfSigned.has(end.code)
        ? `the certificate of ${end.host} is self-signed (${end.code}): --trust pinned-only takes it for its --pin`
        : end.message
    default:
      return end.message
  }
}

/**
 * Why the user is needed, in words.
 *
 * @category getters
 * @since 0.1.0
 */
export const reasonText = (reason: UserReason): string => {
  const meaning = meanings[reason._tag]
  if (reason._tag === "TooManyFailures") return `${meaning}: ${endText(reason.last)}`
  return "because" in reason ? `${meaning}: ${endText(reason.because)}` : meaning
}

/**
 * The line for a state.
 *
 * @category lines
 * @since 0.1.0
 */
export const stateLine = (state: ConnectionState, at: number): LineOf<"State"> => {
  const line = { _tag: "State", at, state: state._tag } as const
  switch (state._tag) {
    case "Stopped":
      return { ...line, pending: state.pendingReflects, died: state.died }
    case "Connecting":
    case "Handshaking":
      return { ...line, pending: state.pendingReflects, attempt: state.attempt }
    case "Live": {
      const { dry, leader, pendingReflects, queued } = state
      return { ...line, pending: pendingReflects, dry, leader, queued }
    }
    case "Waiting": {
      const { because, failures, nextTryAt, pendingReflects } = state
      const rest = nextTryAt === undefined ? {} : { nextTryAt }
      return { ...line, pending: pendingReflects, failures, because: endText(because), ...rest }
    }
    case "NeedsUser":
      return {
        ...line,
        pending: state.pendingReflects,
        reason: state.reason._tag,
        because: reasonText(state.reason),
        answers: state.answers.map(answerText)
      }
  }
}

/**
 * The line for an event.
 *
 * @category lines
 * @since 0.1.0
 */
export const eventLine = (event: DeviceEvent, at: number): LineOf<"Event"> => {
  const line = { _tag: "Event", at, event: event._tag } as const
  switch (event._tag) {
    case "Disconnected":
      return { ...line, detail: endText(event.because) }
    case "Quarantined":
      return { ...line, reflectedId: event.reflectedId, detail: `${event.reason}: ${event.detail}` }
    case "Duplicate":
      return { ...line, reflectedId: event.reflectedId }
    case "LockHeld":
    case "TransactionEnded": {
      const scope = event.scope === undefined ? {} : { scope: scopeText(event.scope) }
      return { ...line, deviceId: idText(event.deviceId), ...scope }
    }
    case "BlobRejected": {
      const device = event.deviceId === undefined ? {} : { deviceId: idText(event.deviceId) }
      return { ...line, ...device, detail: `${event.blob}: ${event.reason}` }
    }
    case "HandlerFailed":
      return { ...line, detail: event.detail }
    case "UnknownFrame":
      return { ...line, detail: `type 0x${event.type.toString(16).padStart(2, "0")}, ${event.length} bytes` }
    case "StrayFrame":
      return { ...line, detail: event.frame }
    case "EphemeralsDropped":
    case "EphemeralsMissed":
      return { ...line, detail: String(event.count) }
    default:
      return line
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const noBytes = new Uint8Array(0)

/** Bytes of a content that is no text which are shown: too few for any key that it may carry. */
const shownBytes = 8

const asText = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

const bytesOf = (content: Content | undefined): Uint8Array =>
  content === undefined
    ? noBytes
    : encodeMessage(D2d.Envelope, { padding: noBytes, content, protocolVersion: 0, deviceId: 0n })

/** What kind of content it is, its bytes, and the text that they are, if they are one. */
const contentOf = (content: Content | undefined) => {
  if (content?._tag !== "outgoingMessage" && content?._tag !== "incomingMessage") {
    return { content: content?._tag ?? "unknown", body: bytesOf(content), text: undefined }
  }
  const { body, type } = content.value
  const kind = Protobuf.nameOf(Common.CspE2eMessageType, type) ?? `type ${type}`
  const text = type === Common.CspE2eMessageType.TEXT ? asText(body) : undefined
  return { content: `${content._tag} ${kind}`, body, text }
}

/**
 * The line for a message of another device.
 *
 * @category lines
 * @since 0.1.0
 */
export const receivedLine = (message: ReflectedMessage): LineOf<"Received"> => {
  const { body, content, text } = contentOf(message.content)
  return {
    _tag: "Received",
    reflectedId: message.reflectedId,
    sender: idText(message.sender),
    time: String(message.timestamp),
    ephemeral: message.ephemeral,
    content,
    bytes: body.length,
    ...(text === undefined ? { hex: Hex.encode(body.subarray(0, shownBytes)) } : { text })
  }
}

/**
 * The line for the list of devices, this one first, then by id.
 *
 * @category lines
 * @since 0.1.0
 */
export const devicesLine = (entries: ReadonlyMap<DeviceId, DeviceEntry>, own: DeviceId): LineOf<"Devices"> => {
  const sorted = [...entries].sort(([a], [b]) => (a === own ? -1 : b === own ? 1 : a < b ? -1 : 1))
  return {
    _tag: "Devices",
    devices: sorted.map(([deviceId, { connection, info, slotExpiration }]) => ({
      deviceId: idText(deviceId),
      own: deviceId === own,
      persistent: slotExpiration === DeviceSlotExpirationPolicy.PERSISTENT,
      ...(Result.isSuccess(info)
        ? {
            label: info.success.label,
            platform: Protobuf.nameOf(D2d.DeviceInfoPlatform, info.success.platform) ?? String(info.success.platform),
            appVersion: info.success.appVersion
          }
        : {}),
      ...(connection === undefined
        ? {}
        : { connected: connection._tag === "connectedSince", since: String(connection.value) })
    }))
  }
}
