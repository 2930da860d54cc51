/**
 * How long a client may be silent: until its ClientHello, and ever after (decision 14; PROTOCOL D28).
 *
 * Owns both deadlines of a connection, and what they do not count: while nothing is read from a connection, its silence is
 * the mediator's own. Whoever takes nothing while it is not read is the transport's to find out.
 *
 * @since 0.1.0
 */
import { CloseCode } from "@d2m/codec"
import { schedule } from "./Deadlines.ts"
import { closeConnection } from "./Disconnect.ts"
import type { Connection, SilenceDeadline } from "./State.ts"
import type { Turn } from "./Turn.ts"

const dueAt = (turn: Turn, connection: Connection, deadline: SilenceDeadline): number =>
  deadline._tag === "Handshake" ? connection.helloDueAt : connection.lastSeenAt + turn.environment.options.idleTimeout

/** Sets the deadlines of a connection that has just been opened. */
export const silenceBegins = (turn: Turn, connection: Connection): void => {
  for (const _tag of ["Handshake", "Idle"] as const) {
    const deadline: SilenceDeadline = { _tag, connection: connection.id }
    schedule(turn.state.deadlines, dueAt(turn, connection, deadline), deadline)
  }
}

/** The connection has shown a sign of life. */
export const wasHeard = (turn: Turn, connection: Connection): void => {
  connection.lastSeenAt = turn.elapsed
}

/** Nothing is read from the connection from now on. */
export const held = (turn: Turn, connection: Connection): void => {
  connection.heldSince ??= turn.elapsed
}

/** The connection is read again: its deadlines move by the time that it was not. */
export const released = (turn: Turn, connection: Connection): void => {
  if (connection.heldSince === undefined) return
  const heldFor = turn.elapsed - connection.heldSince
  connection.heldSince = undefined
  connection.lastSeenAt = Math.min(turn.elapsed, connection.lastSeenAt + heldFor)
  connection.helloDueAt += heldFor
  for (const deadline of connection.missed.splice(0)) {
    schedule(turn.state.deadlines, dueAt(turn, connection, deadline), deadline)
  }
}

/** One of the connection's deadlines has come: closes it, unless it was too early. */
export const silenceDeadlineReached = (turn: Turn, connection: Connection, deadline: SilenceDeadline): void => {
  if (deadline._tag === "Handshake" && connection.session !== undefined) return
  if (connection.heldSince !== undefined) return void connection.missed.push(deadline)
  const at = dueAt(turn, connection, deadline)
  if (at > turn.elapsed) return void schedule(turn.state.deadlines, at, deadline)
  const reason = deadline._tag === "Handshake" ? "no ClientHello in time" : "the client was silent too long"
  closeConnection(turn, connection, CloseCode.Idle, reason)
}
