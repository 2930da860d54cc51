/**
 * A device made by hand from frames and keys: it does what a scenario says, and nothing by itself.
 *
 * Owns deterministic groups, ids and bytes, the handshake, and the barrier that shows that nothing else has come. Shares
 * no code with the client package.
 */
import { assert } from "@effect/vitest"
import {
  type AugmentedDeviceInfo,
  Box,
  type ClientFrame,
  type ClientHello,
  type ClientUrlInfo,
  DeviceGroupKey,
  type DeviceGroupKeys,
  DeviceId,
  DeviceSlotExpirationPolicy,
  DeviceSlotsExhaustedPolicy,
  DeviceSlotState,
  makeCrypto,
  type Reflected,
  ReflectedId,
  ReflectId,
  type ServerFrame,
  type ServerHello,
  type ServerInfo,
  Timestamp,
  tweetNacl
} from "@d2m/codec"
import { Effect, Result, type Scope } from "effect"
import { type OpenError, Target } from "./Target.ts"
import { type Wire, WireError } from "./Wire.ts"

export const crypto = makeCrypto(tweetNacl)

/** Bytes that look like a box and are told apart by their number. */
export const bytes = (seed: number, length = 48): Uint8Array => {
  const made = new Uint8Array(length)
  // The seed goes in whole, so that no two of them make the same bytes.
  for (let index = 0; index < length; index++) made[index] = (seed >> (8 * (index & 3))) + index * 7 + (index >> 8)
  return made
}

export interface Group {
  readonly keys: DeviceGroupKeys
  readonly path: ClientUrlInfo
}

/** The group of a number: always the same keys. */
export const group = (seed: number, serverGroup = "7a"): Group => {
  const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(seed)))
  return { keys, path: { deviceGroupId: keys.groupId, serverGroup } }
}

export const G = group(1)

/** Device ids beyond 2^53, where only a true u64 survives. */
export const A = DeviceId.make(0xa000_0000_0000_0001n)
export const B = DeviceId.make(0xb000_0000_0000_0002n)
export const C = DeviceId.make(0xc000_0000_0000_0003n)
export const D = DeviceId.make(0xffff_ffff_ffff_fffdn)

export const { EXISTING, NEW } = DeviceSlotState
export const { DROP_LEAST_RECENT, REJECT } = DeviceSlotsExhaustedPolicy
export const { PERSISTENT, VOLATILE } = DeviceSlotExpirationPolicy
export const EPHEMERAL = 0x0001

export interface HelloOptions {
  readonly group?: Group
  readonly version?: number
  readonly response?: Uint8Array
  readonly exhausted?: number
  readonly expiration?: number
  readonly info?: Uint8Array
  readonly expected?: number
}

/** The right answer to a challenge. */
export const answer = (keys: DeviceGroupKeys, hello: ServerHello): Uint8Array =>
  Result.getOrThrow(crypto.answerChallenge(keys, hello, bytes(hello.challenge[0]!, 24)))

/** The info a device sends unless told otherwise: 40 bytes and more, like a box. */
export const deviceInfo = (id: DeviceId): Uint8Array => bytes(Number(id & 0xffn), 64)

export const clientHello = (id: DeviceId, hello: ServerHello, options: HelloOptions = {}): ClientHello => ({
  _tag: "ClientHello",
  version: options.version ?? 0,
  response: options.response ?? answer((options.group ?? G).keys, hello),
  deviceId: id,
  deviceSlotsExhaustedPolicy: options.exhausted ?? REJECT,
  deviceSlotExpirationPolicy: options.expiration ?? PERSISTENT,
  encryptedDeviceInfo: Box.make("dgdik", options.info ?? deviceInfo(id)),
  expectedDeviceSlotState: options.expected ?? NEW
})

export const reflectFrame = (reflectId: number, envelope: Uint8Array, flags = 0): ClientFrame => ({
  _tag: "Reflect",
  flags,
  reflectId: ReflectId.make(reflectId),
  envelope: Box.make("dgrk", envelope)
})
export const ackFrame = (reflectedId: number): ClientFrame => ({
  _tag: "ReflectedAck",
  reflectedId: ReflectedId.make(reflectedId)
})
export const begin = (encryptedScope: Uint8Array, ttl = 0): ClientFrame => ({
  _tag: "BeginTransaction",
  encryptedScope: Box.make("dgtsk", encryptedScope),
  ttl
})
export const commit: ClientFrame = { _tag: "CommitTransaction" }
export const getDevicesInfo: ClientFrame = { _tag: "GetDevicesInfo" }
export const drop = (deviceId: DeviceId): ClientFrame => ({ _tag: "DropDevice", deviceId })
export const proxy = (data: Uint8Array): ClientFrame => ({ _tag: "Proxy", data })
export const setSharedData = (encryptedSharedDeviceData: Uint8Array): ClientFrame => ({
  _tag: "SetSharedDeviceData",
  encryptedSharedDeviceData: Box.make("dgsddk", encryptedSharedDeviceData)
})

/** An open connection that has had its ServerHello. */
export const open = (
  of: Group = G
): Effect.Effect<{ readonly wire: Wire; readonly hello: ServerHello }, OpenError | WireError, Target | Scope.Scope> =>
  Effect.gen(function* () {
    const target = yield* Target
    const wire = yield* target.open(of.path)
    return { wire, hello: yield* wire.next("ServerHello") }
  })

/** An open connection whose ClientHello is on its way. */
export const greet = (
  id: DeviceId,
  options: HelloOptions = {}
): Effect.Effect<Wire, OpenError | WireError, Target | Scope.Scope> =>
  Effect.gen(function* () {
    const { hello, wire } = yield* open(options.group)
    yield* wire.send(clientHello(id, hello, options))
    return wire
  })

/** A device past its ServerInfo. */
export interface Session extends Wire {
  readonly id: DeviceId
  readonly info: ServerInfo
  /** Reflects and waits for the ack; gives its timestamp. Reflect-ids count from 1, as Desktop's do. */
  readonly reflect: (envelope: Uint8Array, flags?: number) => Effect.Effect<bigint, WireError>
  readonly reflectEphemeral: (envelope: Uint8Array) => Effect.Effect<void>
  /** Frames that were sent to this device before the answer to a request it makes now. */
  readonly barrier: Effect.Effect<ReadonlyArray<ServerFrame>, WireError>
  /** Nothing has come, and the connection is open. */
  readonly quiet: Effect.Effect<void, WireError>
  readonly devices: Effect.Effect<ReadonlyMap<bigint, AugmentedDeviceInfo>, WireError>
  /** The ids of all slots, ascending. */
  readonly registered: Effect.Effect<ReadonlyArray<bigint>, WireError>
}

/** Connects a device and takes its ServerInfo; what follows is still to come. */
export const login = (
  id: DeviceId,
  options: HelloOptions = {}
): Effect.Effect<Session, OpenError | WireError, Target | Scope.Scope> =>
  Effect.gen(function* () {
    const wire = yield* greet(id, options)
    return session(id, wire, yield* wire.next("ServerInfo"))
  })

/** What a wire becomes with its ServerInfo. */
export const session = (id: DeviceId, wire: Wire, info: ServerInfo): Session => {
  let reflectId = 0
  const request = Effect.gen(function* () {
    yield* wire.send(getDevicesInfo)
    const frames = yield* wire.until("DevicesInfo")
    const answer = frames.at(-1)!
    assert(answer._tag === "DevicesInfo")
    return { before: frames.slice(0, -1), devices: answer.augmentedDeviceInfo }
  })
  // The answer to a request may overtake messages that go out in chunks: what is under way shows the second time.
  const barrier = Effect.zipWith(request, request, (first, second) => [...first.before, ...second.before])
  const devices = Effect.map(request, ({ before, devices }) => {
    assert.deepStrictEqual(before, [])
    return devices
  })
  return {
    ...wire,
    id,
    info,
    reflect: (envelope, flags = 0) =>
      Effect.gen(function* () {
        const own = ++reflectId
        yield* wire.send(reflectFrame(own, envelope, flags))
        const ack = yield* wire.next("ReflectAck")
        assert.strictEqual(ack.reflectId, own)
        return ack.timestamp
      }),
    reflectEphemeral: (envelope) => wire.send(reflectFrame(++reflectId, envelope, EPHEMERAL)),
    barrier,
    quiet: Effect.map(barrier, (frames) => assert.deepStrictEqual(frames, [])),
    devices,
    registered: Effect.map(devices, (map) => [...map.keys()].sort((x, y) => (x < y ? -1 : 1)))
  }
}

/** A device that has had everything there was for it. */
export interface Joined extends Session {
  /** The messages that came before Dry. */
  readonly backlog: ReadonlyArray<Reflected>
  readonly isLeader: boolean
}

/** Connects a device and takes all that waits for it, Dry and leadership included. */
export const join = (
  id: DeviceId,
  options: HelloOptions = {}
): Effect.Effect<Joined, OpenError | WireError, Target | Scope.Scope> =>
  Effect.gen(function* () {
    const entered = yield* login(id, options)
    const frames = yield* entered.until("ReflectionQueueDry")
    const backlog = frames.slice(0, -1).map((frame) => {
      assert(frame._tag === "Reflected", `a ${frame._tag} before Dry`)
      return frame
    })
    const after = yield* entered.barrier
    assert(after.every(({ _tag }) => _tag === "RolePromotedToLeader") && after.length <= 1)
    return { ...entered, backlog, isLeader: after.length === 1 }
  })

/** Waits until the mediator has noticed that a device has gone, as another device of its group can see. */
export const awaitAbsent = (observer: Session, id: DeviceId): Effect.Effect<void, WireError> =>
  Effect.gen(function* () {
    for (let round = 0; round < 1000; round++) {
      yield* observer.send(getDevicesInfo)
      const frames = yield* observer.until("DevicesInfo")
      yield* observer.putBack(frames.slice(0, -1))
      const devices = frames.at(-1)
      assert(devices?._tag === "DevicesInfo")
      const state = devices.augmentedDeviceInfo.get(id)?.connectionState
      if (state?._tag !== "connectedSince") return
    }
    return yield* new WireError({ expected: `device ${id} to be gone`, found: "it connected" })
  })

/** Hangs up and waits until the mediator has noticed. */
export const leave = (device: Session, observer: Session): Effect.Effect<void, WireError> =>
  Effect.andThen(device.hangUp, awaitAbsent(observer, device.id))

/** A message as it must arrive. */
export const reflected = (reflectedId: number, envelope: Uint8Array, timestamp: bigint, flags = 0): Reflected => ({
  _tag: "Reflected",
  flags,
  reflectedId: ReflectedId.make(reflectedId),
  timestamp: Timestamp.make(timestamp),
  envelope: Box.make("dgrk", envelope)
})
