/**
 * One `step` under way: the state it may change, the time it happens at, and what it puts out.
 *
 * Owns the order of outputs and the rule that everything one step writes about a group is one `Persist`. Knows nothing
 * of the protocol.
 *
 * @since 0.1.0
 */
import { Limits, type ServerFrame } from "@d2m/codec"
import type { Decision } from "./Decision.ts"
import type { Moment } from "./Moment.ts"
import type { Output, Persist } from "./Output.ts"
import type { Connection, Environment, Group, State } from "./State.ts"
import type { PersistId, StoreCommand } from "./StoreCommand.ts"

interface OpenPersist extends Persist {
  readonly commands: Array<StoreCommand>
}

/** One `step` under way. */
export interface Turn {
  readonly state: State
  /** Milliseconds since 1970: what others are told. */
  readonly now: number
  /** Milliseconds by the monotonic clock: how long something takes. */
  readonly elapsed: number
  readonly environment: Environment
  readonly outputs: Array<Output>
  persist: OpenPersist | undefined
}

/** Stands for "nothing to wait for". */
export const durable: PersistId = 0

export const makeTurn = (state: State, { elapsed, now }: Moment, environment: Environment): Turn => ({
  state,
  now,
  elapsed,
  environment,
  outputs: [],
  persist: undefined
})

/** Writes something down about a group; returns what a promise about it has to wait for. */
export const record = (turn: Turn, group: Group, command: StoreCommand): PersistId => {
  const open = turn.persist
  if (open !== undefined && open.groupKey === group.key) {
    open.commands.push(command)
    return open.id
  }
  const id = ++turn.state.lastPersist
  const persist: OpenPersist = { _tag: "Persist", id, groupKey: group.key, commands: [command] }
  turn.persist = persist
  turn.outputs.push(persist)
  return id
}

export const send = (turn: Turn, connection: Connection, frame: ServerFrame, after: PersistId = durable): void => {
  turn.outputs.push({ _tag: "Send", connection: connection.id, frame, after })
}

export const decide = (turn: Turn, group: Group, decision: Decision): void => {
  turn.outputs.push({ _tag: "Decided", groupKey: group.key, decision })
}

const nonAscii = /[^\x20-\x7e]/g

/** A close reason that fits a close frame: printable ASCII, so that bytes are characters. */
export const closeReason = (text: string): string => text.replace(nonAscii, "?").slice(0, Limits.closeReason)

/** Envelopes from this length on are not copied for each device that gets them. */
export const longEnvelope = 2048

/** Whether bytes make up most of the buffer that they lie in, so that keeping them wastes half of it at most. */
export const isOwn = (bytes: Uint8Array): boolean => bytes.byteLength * 2 >= bytes.buffer.byteLength

/** The bytes on their own, without the rest of the buffer they were received in. */
export const own = <Bytes extends Uint8Array>(bytes: Bytes): Bytes =>
  isOwn(bytes) ? bytes : (new Uint8Array(bytes) as Uint8Array as Bytes)
