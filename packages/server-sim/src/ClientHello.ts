/**
 * The handshake: ServerHello out, ClientHello in, ServerInfo out.
 *
 * Owns the order of checks (decision 5) and registration (decisions 4, 7, 16, 25; PROTOCOL D1, D3-D9). Nothing is stored
 * before every check has passed.
 *
 * @since 0.1.0
 */
import { type ClientHello, CloseCode, DeviceSlotsExhaustedPolicy, DeviceSlotState } from "@d2m/codec"
import { fitsDevicesInfo } from "./BlobLimits.ts"
import { endGrace, leastRecent, makeSlot } from "./DeviceSlots.ts"
import { closeConnection, endSession } from "./Disconnect.ts"
import { loadGroup } from "./IdleGroups.ts"
import type { Opened } from "./Input.ts"
import { invariant } from "./Invariant.ts"
import { advance } from "./ReflectedStream.ts"
import { silenceBegins } from "./Silence.ts"
import { freeSlot } from "./SlotLoss.ts"
import { type Connection, type DeviceSlot, type Group, groupKeyOf, type Session } from "./State.ts"
import type { PersistId } from "./StoreCommand.ts"
import { decide, own, record, send, type Turn } from "./Turn.ts"

export const open = (turn: Turn, input: Opened): void => {
  const { elapsed, state } = turn
  const { handshakeDeadline, versions } = turn.environment.options
  const key = groupKeyOf(input.groupId)
  invariant(!state.connections.has(input.connection), "a connection opens once")
  const group = state.groups.get(key) ?? loadGroup(turn, input.groupId, input.stored)
  state.idle.delete(key)
  const connection: Connection = {
    id: input.connection,
    group,
    lastSeenAt: elapsed,
    helloDueAt: elapsed + handshakeDeadline,
    heldSince: undefined,
    missed: [],
    isCongested: false,
    esk: input.esk,
    challenge: input.challenge,
    session: undefined
  }
  state.connections.set(connection.id, connection)
  group.connections.set(connection.id, connection)
  if (state.isShutDown) return closeConnection(turn, connection, CloseCode.GoingAway, "the mediator is shutting down")
  silenceBegins(turn, connection)
  send(turn, connection, {
    _tag: "ServerHello",
    version: versions.max,
    esk: input.esk.public,
    challenge: input.challenge
  })
}

export const clientHello = (turn: Turn, connection: Connection, hello: ClientHello): void => {
  const { group } = connection
  const { crypto, options } = turn.environment
  const refuse = (code: number, reason: string, after?: PersistId) =>
    closeConnection(turn, connection, code, reason, after)

  if (connection.session !== undefined) return refuse(CloseCode.ProtocolError, "a second ClientHello")
  if (hello.version < options.versions.min || hello.version > options.versions.max) {
    return refuse(
      CloseCode.UnsupportedVersion,
      `version ${hello.version} is not in ${options.versions.min}...${options.versions.max}`
    )
  }
  if (!crypto.verifyResponse(group.id, connection.esk, connection.challenge, hello.response)) {
    return refuse(CloseCode.ProtocolError, "authentication failed")
  }
  const known = group.slots.get(hello.deviceId)
  const state = known === undefined ? DeviceSlotState.NEW : DeviceSlotState.EXISTING
  if (hello.expectedDeviceSlotState !== state) {
    // A device gives up its identity on the word that it has no slot, and counts on one: a crash must not take that back.
    return known === undefined
      ? refuse(CloseCode.SlotStateMismatch, "the device has no slot", group.departed)
      : refuse(CloseCode.SlotStateMismatch, "the device has a slot already", group.registered)
  }
  const isFull = known === undefined && group.slots.size >= options.maxDeviceSlots
  if (isFull && hello.deviceSlotsExhaustedPolicy !== DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT) {
    return refuse(CloseCode.SlotsExhausted, `all ${options.maxDeviceSlots} device slots are taken`)
  }
  if (!fitsDevicesInfo(group, hello, isFull ? leastRecent(group) : undefined)) {
    return refuse(CloseCode.ProtocolError, "the device info is too long to be listed with those of the others")
  }
  register(turn, connection, hello, known)
}

const makeRoom = (turn: Turn, group: Group): void => {
  while (group.slots.size >= turn.environment.options.maxDeviceSlots) {
    const slot = leastRecent(group)
    if (slot === undefined) return
    freeSlot(turn, group, slot, "LeastRecent", CloseCode.Dropped, "another device needed the slot")
  }
}

const register = (turn: Turn, connection: Connection, hello: ClientHello, known: DeviceSlot | undefined): void => {
  const { group } = connection
  const { now } = turn
  const { maxDeviceSlots } = turn.environment.options
  if (known === undefined) makeRoom(turn, group)
  const slot = known ?? makeSlot(turn, hello.deviceId)
  group.slots.set(slot.deviceId, slot)
  const replaced = slot.session
  if (replaced !== undefined) endSession(turn, group, replaced, "Replaced")

  slot.expirationPolicy = hello.deviceSlotExpirationPolicy
  slot.encryptedDeviceInfo = own(hello.encryptedDeviceInfo)
  const session: Session = {
    connection,
    slot,
    connectedSince: now,
    cursor: 1,
    first: 0,
    last: 0,
    dryAfter: slot.issued,
    isDry: false,
    isPaused: connection.isCongested,
    inserts: [],
    ephemeralBytes: 0
  }
  slot.session = session
  endGrace(turn, slot)
  connection.session = session
  group.sessions.push(session)

  const after = record(turn, group, {
    _tag: "RegisterSlot",
    deviceId: slot.deviceId,
    expirationPolicy: slot.expirationPolicy,
    encryptedDeviceInfo: slot.encryptedDeviceInfo,
    issued: slot.issued
  })
  group.registered = after
  send(
    turn,
    connection,
    {
      _tag: "ServerInfo",
      maxDeviceSlots,
      deviceSlotState: known === undefined ? DeviceSlotState.NEW : DeviceSlotState.EXISTING,
      encryptedSharedDeviceData: group.encryptedSharedDeviceData,
      currentTime: BigInt(now),
      reflectionQueueLength: slot.queue.length
    },
    after
  )
  decide(turn, group, {
    _tag: "Registered",
    deviceId: slot.deviceId,
    isNew: known === undefined,
    queued: slot.queue.length
  })
  if (replaced !== undefined) {
    decide(turn, group, { _tag: "Replaced", deviceId: slot.deviceId })
    closeConnection(turn, replaced.connection, CloseCode.DuplicateDevice, "the device connected again")
  }
  advance(turn, session)
}
