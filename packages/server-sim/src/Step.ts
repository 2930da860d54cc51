/**
 * The mediator as a function: state, input, time -> state, outputs.
 *
 * Owns the way of an input to the concept it belongs to, protocol errors (decision 6), deadlines and the `WakeAt` that
 * follows from them. No clock, no randomness, no IO: a shell supplies those and does what comes out.
 *
 * @since 0.1.0
 */
import { type ClientFrame, CloseCode, decodeClientFrame } from "@d2m/codec"
import { Result } from "effect"
import { chatIsGone, fromChat, toChat } from "./ChatProxy.ts"
import { clientHello, open } from "./ClientHello.ts"
import { type Deadline, nextAt, popDue } from "./Deadlines.ts"
import { dropDevice, getDevicesInfo, setSharedDeviceData } from "./DeviceManagement.ts"
import { endGrace } from "./DeviceSlots.ts"
import { closeConnection, forgetConnection } from "./Disconnect.ts"
import { loadGroup, mayRest } from "./IdleGroups.ts"
import type { Input, Loaded } from "./Input.ts"
import type { Output } from "./Output.ts"
import type { Moment } from "./Moment.ts"
import { reflect, reflectedAck } from "./Reflect.ts"
import { congested, drained } from "./ReflectedStream.ts"
import { held, released, silenceDeadlineReached, wasHeard } from "./Silence.ts"
import { graceIsOver } from "./SlotLoss.ts"
import {
  type Connection,
  type Environment,
  type Group,
  groupKeyOf,
  knowsGroup,
  type Session,
  type State
} from "./State.ts"
import type { GroupKey } from "./StoreCommand.ts"
import { begin, commit, totalExceeded, ttlReached } from "./Transaction.ts"
import { lockReleased } from "./TransactionBudget.ts"
import { closeReason, decide, durable, makeTurn, type Turn } from "./Turn.ts"

const protocolError = (turn: Turn, connection: Connection, reason: string): void =>
  closeConnection(turn, connection, CloseCode.ProtocolError, reason)

const registeredFrame = (turn: Turn, group: Group, session: Session, frame: ClientFrame): void => {
  switch (frame._tag) {
    case "Reflect":
      return reflect(turn, group, session, frame)
    case "ReflectedAck":
      return reflectedAck(turn, group, session, frame)
    case "BeginTransaction":
      return begin(turn, group, session, frame)
    case "CommitTransaction":
      return commit(turn, group, session)
    case "GetDevicesInfo":
      return getDevicesInfo(turn, group, session)
    case "DropDevice":
      return dropDevice(turn, group, session, frame)
    case "SetSharedDeviceData":
      return setSharedDeviceData(turn, group, session, frame)
  }
}

const frameReceived = (turn: Turn, connection: Connection, frame: ClientFrame): void => {
  const { group, session } = connection
  switch (frame._tag) {
    case "Proxy":
      return toChat(turn, connection, frame)
    case "ClientHello":
      return clientHello(turn, connection, frame)
    case "Unknown":
      return turn.environment.options.strict
        ? protocolError(turn, connection, `unknown frame type 0x${frame.type.toString(16).padStart(2, "0")}`)
        : decide(turn, group, { _tag: "UnknownFrameIgnored", type: frame.type })
    default:
      return session === undefined
        ? protocolError(turn, connection, `${frame._tag} before ClientHello`)
        : registeredFrame(turn, group, session, frame)
  }
}

const messageReceived = (turn: Turn, connection: Connection, message: Uint8Array | string): void => {
  wasHeard(turn, connection)
  if (typeof message === "string") return protocolError(turn, connection, "a text message")
  const frame = decodeClientFrame(message)
  if (Result.isFailure(frame)) return protocolError(turn, connection, frame.failure.message)
  frameReceived(turn, connection, frame.success)
}

const groupFailed = (turn: Turn, key: GroupKey): void => {
  const group = turn.state.groups.get(key)
  if (group === undefined) return
  // Nothing is written about a group whose state and store may disagree.
  turn.state.groups.delete(key)
  turn.state.idle.delete(key)
  if (group.lock !== undefined) lockReleased(turn.state, group, group.lock)
  for (const slot of group.slots.values()) endGrace(turn, slot)
  for (const id of group.connections.keys()) {
    turn.state.connections.delete(id)
    turn.outputs.push({
      _tag: "Close",
      connection: id,
      code: CloseCode.InternalError,
      reason: "the mediator failed internally",
      after: durable
    })
  }
}

const groupLoaded = (turn: Turn, { groupId, stored }: Loaded): void => {
  if (turn.state.isShutDown || knowsGroup(turn.state, groupKeyOf(groupId))) return
  mayRest(turn, loadGroup(turn, groupId, stored))
}

const shutDown = (turn: Turn): void => {
  turn.state.isShutDown = true
  for (const connection of turn.state.connections.values()) {
    closeConnection(turn, connection, CloseCode.GoingAway, "the mediator is shutting down")
  }
}

const inputReceived = (turn: Turn, input: Input): void => {
  switch (input._tag) {
    case "Opened":
      return open(turn, input)
    case "GroupFailed":
      return groupFailed(turn, input.groupKey)
    case "Loaded":
      return groupLoaded(turn, input)
    case "Shutdown":
      return shutDown(turn)
    case "Tick":
      return
  }
  // What is still on its way from a connection that has been closed is of no interest.
  const connection = turn.state.connections.get(input.connection)
  if (connection === undefined) return
  switch (input._tag) {
    case "Received":
      return messageReceived(turn, connection, input.message)
    case "Pinged":
      return wasHeard(turn, connection)
    case "Gone":
      return forgetConnection(turn, connection)
    case "Held":
      return held(turn, connection)
    case "Released":
      return released(turn, connection)
    case "Congested":
      return congested(connection)
    case "Drained":
      return drained(turn, connection)
    case "ChatReceived":
      return fromChat(turn, connection, input)
    case "ChatGone":
      return chatIsGone(turn, connection, input)
    case "CloseRequested":
      return closeConnection(turn, connection, input.code, closeReason(input.reason))
  }
}

const deadlineReached = (turn: Turn, deadline: Deadline): void => {
  const { connections, groups } = turn.state
  switch (deadline._tag) {
    case "Handshake":
    case "Idle": {
      const connection = connections.get(deadline.connection)
      return connection === undefined ? undefined : silenceDeadlineReached(turn, connection, deadline)
    }
    case "TransactionTtl": {
      const group = groups.get(deadline.groupKey)
      return group === undefined ? undefined : ttlReached(turn, group)
    }
    case "TransactionTotal":
      return totalExceeded(turn)
    case "VolatileGrace": {
      const group = groups.get(deadline.groupKey)
      return group === undefined ? undefined : graceIsOver(turn, group, deadline.deviceId)
    }
  }
}

/** The group that an input is about; absent if it is about all of them, or about nothing that the state knows. */
export const groupOf = (state: State, input: Input): GroupKey | undefined => {
  switch (input._tag) {
    case "Opened":
    case "Loaded":
      return groupKeyOf(input.groupId)
    case "GroupFailed":
      return input.groupKey
    case "Shutdown":
    case "Tick":
      return undefined
    default:
      return state.connections.get(input.connection)?.group.key
  }
}

/** Whether a step at this moment begins with deadlines, which may be any group's. */
export const hasDue = (state: State, { elapsed }: Moment): boolean => nextAt(state.deadlines) <= elapsed

/**
 * One step of the mediator at a moment.
 *
 * Deadlines that are due come before the input. Takes ownership of `state`: it is updated in place and returned, and the
 * value passed in must not be used again. Otherwise a pure function of its arguments. Throws nothing but an
 * {@link InvariantViolation}, which no peer can cause.
 *
 * @category core
 * @since 0.1.0
 */
export const step = (
  state: State,
  input: Input,
  moment: Moment,
  environment: Environment
): readonly [State, ReadonlyArray<Output>] => {
  const turn = makeTurn(state, moment, environment)
  // Ahead of what may throw: without a word about the next time there would be none.
  if (input._tag === "Tick") state.wakeAt = Infinity
  while (hasDue(state, moment)) deadlineReached(turn, popDue(state.deadlines, moment.elapsed)!)
  inputReceived(turn, input)
  const at = nextAt(state.deadlines)
  if (at < state.wakeAt) {
    state.wakeAt = at
    turn.outputs.push({ _tag: "WakeAt", at })
  }
  return [state, turn.outputs]
}
