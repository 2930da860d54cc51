/**
 * What the number in a WebSocket close says.
 *
 * Owns the table of close codes with their meaning, class and default verdict (PROTOCOL A7). What a client does with a
 * verdict, and what else can overrule it, belongs to the client's reconnect policy (decision 26).
 *
 * @since 0.1.0
 */

/**
 * The close codes that have a meaning of their own, by name.
 *
 * The first three are WebSocket's, 4000–4009 tell of the chat server behind the mediator, the rest of the mediator.
 *
 * @category constants
 * @since 0.1.0
 */
export const CloseCode = {
  NormalClosure: 1000,
  GoingAway: 1001,
  InternalError: 1011,
  ChatEnded: 4000,
  ChatUnreachable: 4001,
  ChatInternal: 4009,
  ProtocolError: 4010,
  TransactionTimeout: 4011,
  UnknownAck: 4012,
  Idle: 4013,
  UnsupportedVersion: 4110,
  SlotsExhausted: 4111,
  DuplicateDevice: 4112,
  Dropped: 4113,
  QueueLimit: 4114,
  SlotStateMismatch: 4115
} as const

/**
 * Any close code: an open number, of which `CloseCode` names the known ones.
 *
 * @category models
 * @since 0.1.0
 */
export type CloseCode = number

/**
 * The name of a known close code.
 *
 * @category models
 * @since 0.1.0
 */
export type CloseCodeName = keyof typeof CloseCode

/**
 * Whom a close code speaks about.
 *
 * @category models
 * @since 0.1.0
 */
export type CloseCodeClass = "websocket" | "chat" | "mediator" | "unknown"

/**
 * What to do after a close when nothing else decides.
 *
 * - `reconnect`: connect again with backoff
 * - `user`: do not connect again before a person has decided
 * - `reconnect-warn`: connect again, and say that the code is none of the protocol's
 *
 * @category models
 * @since 0.1.0
 */
export type CloseVerdict = "reconnect" | "user" | "reconnect-warn"

/**
 * All that is known about one close code.
 *
 * @category models
 * @since 0.1.0
 */
export interface CloseCodeInfo {
  readonly code: CloseCode
  /** Its name, `"Unknown"` for a code that has none. */
  readonly name: CloseCodeName | "Unknown"
  /** One sentence in plain words. */
  readonly meaning: string
  readonly class: CloseCodeClass
  readonly verdict: CloseVerdict
}

const known: { readonly [Name in CloseCodeName]: Omit<CloseCodeInfo, "code" | "name"> } = {
  NormalClosure: { meaning: "the connection ended regularly", class: "websocket", verdict: "reconnect" },
  GoingAway: { meaning: "the mediator is shutting down", class: "websocket", verdict: "reconnect" },
  InternalError: { meaning: "the mediator failed internally", class: "websocket", verdict: "reconnect" },
  ChatEnded: { meaning: "the chat server ended its connection", class: "chat", verdict: "reconnect" },
  ChatUnreachable: { meaning: "the chat server could not be reached", class: "chat", verdict: "reconnect" },
  ChatInternal: { meaning: "the way to the chat server failed internally", class: "chat", verdict: "reconnect" },
  ProtocolError: { meaning: "one side broke the protocol", class: "mediator", verdict: "reconnect" },
  TransactionTimeout: { meaning: "a transaction ran past its time to live", class: "mediator", verdict: "reconnect" },
  UnknownAck: {
    meaning: "a message was acknowledged that the mediator does not know",
    class: "mediator",
    verdict: "reconnect"
  },
  Idle: { meaning: "the client was silent for too long", class: "mediator", verdict: "reconnect" },
  UnsupportedVersion: { meaning: "the protocol version is not supported", class: "mediator", verdict: "user" },
  SlotsExhausted: { meaning: "no device slot is left", class: "mediator", verdict: "user" },
  DuplicateDevice: { meaning: "the same device connected again", class: "mediator", verdict: "user" },
  Dropped: { meaning: "another device dropped this one", class: "mediator", verdict: "user" },
  QueueLimit: {
    meaning: "the device was dropped: its reflection queue grew too long",
    class: "mediator",
    verdict: "user"
  },
  SlotStateMismatch: {
    meaning: "the device slot is not in the state the client expected",
    class: "mediator",
    verdict: "user"
  }
}

/**
 * Every known close code, in ascending order: the table of PROTOCOL A7 as data.
 *
 * @category constants
 * @since 0.1.0
 */
export const closeCodes: ReadonlyArray<CloseCodeInfo> = (Object.keys(CloseCode) as ReadonlyArray<CloseCodeName>).map(
  (name) => ({ code: CloseCode[name], name, ...known[name] })
)

const byCode: ReadonlyMap<number, CloseCodeInfo> = new Map(closeCodes.map((info) => [info.code, info]))

const unknown = (code: number, meaning: string, class_: CloseCodeClass, verdict: CloseVerdict): CloseCodeInfo => ({
  code,
  name: "Unknown",
  meaning,
  class: class_,
  verdict
})

/**
 * Says what a close code means. Total: every number has an answer.
 *
 * A code without a row of its own is judged by its range: 1000–1999 and 4000–4099 reconnect, 4100–4199 need the user,
 * and everything else reconnects with a warning (PROTOCOL A7).
 *
 * @category getters
 * @since 0.1.0
 */
export const closeCode = (code: number): CloseCodeInfo => {
  const info = byCode.get(code)
  if (info !== undefined) return info
  if (code >= 1000 && code < 2000)
    return unknown(code, "a WebSocket code without a D2M meaning", "websocket", "reconnect")
  if (code >= 4000 && code < 4100) return unknown(code, "an unassigned temporary code", "unknown", "reconnect")
  if (code >= 4100 && code < 4200) return unknown(code, "an unassigned permanent code", "unknown", "user")
  return unknown(code, "a code outside the protocol", "unknown", "reconnect-warn")
}

/**
 * Whether a peer may put the code into a close frame.
 *
 * RFC 6455 and its registry allow 1000–1003, 1007–1014 and 3000–4999; 1005, 1006 and 1015 only ever describe what one
 * side saw. A browser's `WebSocket.close` takes fewer: 1000 and 3000–4999.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSendable = (code: number): boolean =>
  Number.isInteger(code) &&
  ((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999))
