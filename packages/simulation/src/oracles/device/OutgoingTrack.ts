/**
 * What the oracle of what devices send keeps of each device and its connection.
 *
 * Owns the shapes and how they begin; what happens to them, and the rules, are `Outgoing`'s.
 *
 * @since 0.1.0
 */

import { type LastRead, nothingRead } from "./LastRead.ts"

/** What a message was asked for with. */
export interface Origin {
  readonly call: number
  readonly kind: "Reflect" | "Ephemeral" | "Transaction"
}

export interface Written {
  readonly id: number | undefined
  readonly kind: Origin["kind"] | undefined
}

export interface Device {
  readonly name: string
  /** Messages that were written and have no ack. */
  readonly owed: Set<number>
  /** Messages by when they were written first: one whose ack is not taken in keeps its place. */
  readonly places: Map<number, number>
  readonly acked: Set<number>
  /** The times in the acks of messages whose call has no answer. */
  readonly ackedAt: Map<number, ReadonlyArray<number>>
  /** Messages whose acks the device may not have taken in. */
  readonly doubtful: Set<number>
  readonly lastRead: LastRead
  /** The acks in it. */
  fresh: Array<number>
  resumedAt: number
  /** Ephemerals that were taken and have not been seen, and those whose connection is over. */
  readonly said: Set<number>
  readonly missed: Set<number>
  /** Messages outside transactions that were asked for and have no ack. */
  outstanding: number
  /** Whether it was told to stop: from then on it gives up what it was asked for. */
  isStopping: boolean
  line: Line | undefined
}

export interface Line {
  readonly connection: number
  isGreeted: boolean
  hasSaidHello: boolean
  isLive: boolean
  /** Whether something came that ends the connection for the device. */
  isBroken: boolean
  lock: { isHeld: boolean; call: number | undefined } | undefined
  /** Reflects without an ack, by reflect-id. */
  readonly written: Map<number, Written>
  /** Ids that had no ack when the connection before this one ended. */
  readonly earlierIds: ReadonlySet<number>
  readonly sent: Set<number>
  /** What is to be sent again, from `next` on. */
  readonly again: ReadonlyArray<number>
  next: number
}

/** A device of which nothing has been seen. */
export const makeDevice = (name: string): Device => ({
  name,
  owed: new Set(),
  places: new Map(),
  acked: new Set(),
  ackedAt: new Map(),
  doubtful: new Set(),
  lastRead: nothingRead(),
  fresh: [],
  resumedAt: -1,
  said: new Set(),
  missed: new Set(),
  outstanding: 0,
  isStopping: false,
  line: undefined
})

/** A connection of a device that has just been opened. */
export const makeLine = (device: Device, connection: number): Line => ({
  connection,
  isGreeted: false,
  hasSaidHello: false,
  isLive: false,
  isBroken: false,
  lock: undefined,
  written: new Map(),
  earlierIds: new Set(device.line?.written.keys()),
  sent: new Set(),
  again: [...device.owed].sort((a, b) => device.places.get(a)! - device.places.get(b)!),
  next: 0
})
