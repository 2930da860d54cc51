/**
 * What a mediator counts: plain numbers, bumped where something happens and read when somebody wants to know.
 *
 * Owns the numbers of one mediator since it started. Under which names they are reported is `Metrics`'.
 *
 * @since 0.1.0
 */
import type { Decision } from "../Decision.ts"
import type { MediatorStoreError } from "../MediatorStore.ts"
import { type Histogram, makeHistogram } from "./Histogram.ts"

/**
 * What has passed over one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Traffic {
  readonly framesIn: number
  readonly framesOut: number
  /** Bytes of WebSocket messages, without their framing. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** A `Traffic` that goes on. */
export type Counting = { -readonly [Key in keyof Traffic]: Traffic[Key] }

/** Traffic that has not begun. */
export const noTraffic = (): Counting => ({ framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 })

/** How often something happened, by its name. */
export type Tally = Map<string, number>

/** Counts one more. */
export const count = (tally: Tally, name: string): void => {
  tally.set(name, (tally.get(name) ?? 0) + 1)
}

/**
 * Who ended a connection: the mediator, or the client and the network between.
 *
 * @category models
 * @since 0.1.0
 */
export type EndedBy = "Mediator" | "Peer"

/** Where a text message is counted: behind the 256 types that a frame can have. */
export const textType = 256

/** Where an empty message is counted: it has no type. */
export const noType = 257

/** What a mediator has counted since it started. */
export interface Meter {
  /** Messages by type byte. */
  readonly framesIn: Float64Array
  readonly framesOut: Float64Array
  bytesIn: number
  bytesOut: number
  opened: number
  groupsFailed: number
  /** By who ended them and the close code, as {@link endName} has it. */
  readonly ended: Tally
  /** By tag, and by reason where there is one, as {@link decisionName} has it. */
  readonly decisions: Tally
  readonly storeFailures: Tally
  /** From a reflect that came in to its ack, handed to the transport. */
  readonly ack: Histogram
  readonly store: { readonly [Operation in StoreOperation]: Histogram }
}

/** What a mediator asks of its store while it runs. */
export type StoreOperation = Exclude<MediatorStoreError["operation"], "open">

/** A meter at zero. */
export const makeMeter = (): Meter => ({
  framesIn: new Float64Array(noType + 1),
  framesOut: new Float64Array(noType + 1),
  bytesIn: 0,
  bytesOut: 0,
  opened: 0,
  groupsFailed: 0,
  ended: new Map(),
  decisions: new Map(),
  storeFailures: new Map(),
  ack: makeHistogram(),
  store: { load: makeHistogram(), read: makeHistogram(), apply: makeHistogram() }
})

const typeOf = (message: Uint8Array | string): number => {
  if (typeof message === "string") return textType
  return message.length === 0 ? noType : message[0]!
}

/** Counts messages that came in. */
export const countReceived = (meter: Meter, traffic: Counting, messages: ReadonlyArray<Uint8Array | string>): void => {
  let bytes = 0
  for (const message of messages) {
    meter.framesIn[typeOf(message)]!++
    bytes += message.length
  }
  traffic.framesIn += messages.length
  traffic.bytesIn += bytes
  meter.bytesIn += bytes
}

/** Counts a frame that goes out. */
export const countSent = (meter: Meter, traffic: Counting, head: Uint8Array, length: number): void => {
  meter.framesOut[head[0]!]!++
  traffic.framesOut++
  traffic.bytesOut += length
  meter.bytesOut += length
}

/** The name of an end in its tally. */
export const endName = (by: EndedBy, code: number): string => `${by}:${code}`

/** The name of a decision in its tally. */
export const decisionName = (decision: Decision): string => {
  switch (decision._tag) {
    case "SlotFreed":
    case "TransactionDiscarded":
      return `${decision._tag}:${decision.why}`
    case "Registered":
      return `${decision._tag}:${decision.isNew ? "new" : "known"}`
    default:
      return decision._tag
  }
}
