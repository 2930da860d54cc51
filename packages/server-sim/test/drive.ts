/**
 * Drives the core by hand: explicit time, a store in memory, and what each connection was sent.
 */
import {
  Box,
  type ClientFrame,
  DeviceGroupKey,
  type DeviceId,
  encodeClientFrame,
  type EphemeralKey,
  type ReflectedId,
  type ReflectId,
  type ServerFrame
} from "@d2m/codec"
import {
  checkState,
  type ConnectionId,
  type Environment,
  groupKeyOf,
  type Input,
  knowsGroup,
  makeMemoryStore,
  makeOptions,
  makeState,
  type MediatorOptionsInput,
  type Output,
  reflectedIdOf,
  type State,
  step
} from "@d2m/server-sim"
import { Effect, Option } from "effect"

export const id = (n: number): DeviceId => BigInt(n) as DeviceId
export const bytes = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)
export const groupId = new Uint8Array(32).fill(7)
export const goodResponse = new Uint8Array(72).fill(1)
export const badResponse = new Uint8Array(72).fill(2)

const esk: EphemeralKey = { secret: DeviceGroupKey.make(new Uint8Array(32)) as never, public: new Uint8Array(32) }

type Hello = Extract<ClientFrame, { _tag: "ClientHello" }>

export const hello = (device: number, overrides: Partial<Hello> = {}): Hello => ({
  _tag: "ClientHello",
  version: 0,
  response: goodResponse,
  deviceId: id(device),
  deviceSlotsExhaustedPolicy: 0,
  deviceSlotExpirationPolicy: 1,
  encryptedDeviceInfo: Box.make("dgdik", bytes(device)),
  expectedDeviceSlotState: 0,
  ...overrides
})

export const reflect = (
  n: number,
  options: { readonly flags?: number; readonly envelope?: Uint8Array } = {}
): ClientFrame => ({
  _tag: "Reflect",
  flags: options.flags ?? 0,
  reflectId: n as ReflectId,
  envelope: Box.make("dgrk", options.envelope ?? bytes(n & 0xff))
})
export const ephemeral = (n: number): ClientFrame => reflect(n, { flags: 1 })
export const ack = (n: number): ClientFrame => ({ _tag: "ReflectedAck", reflectedId: n as ReflectedId })
export const begin = (scope: number, ttl = 0): ClientFrame => ({
  _tag: "BeginTransaction",
  encryptedScope: Box.make("dgtsk", bytes(scope)),
  ttl
})
export const commit: ClientFrame = { _tag: "CommitTransaction" }

export interface Closed {
  readonly code: number
  readonly reason: string
}

/** One connection as its device sees it. */
export interface Wire {
  readonly connection: ConnectionId
  /** Frames since the last `take`. */
  readonly take: () => ReadonlyArray<ServerFrame>
  /** The tags of those, with the one number that matters: `Reflected 3`. */
  readonly said: () => ReadonlyArray<string>
  readonly send: (...frames: ReadonlyArray<ClientFrame>) => void
  readonly raw: (message: Uint8Array | string) => void
  readonly gone: () => void
  readonly closed: () => Closed | undefined
}

const label = (frame: ServerFrame): string => {
  switch (frame._tag) {
    case "Reflected":
      return `Reflected ${frame.reflectedId}`
    case "ReflectAck":
      return `ReflectAck ${frame.reflectId}`
    case "TransactionEnded":
    case "TransactionRejected":
    case "DropDeviceAck":
      return `${frame._tag} ${frame.deviceId}`
    default:
      return frame._tag
  }
}

export interface DriveOptions extends MediatorOptionsInput {
  /** Outputs that wait for a `Persist` wait for `persisted`; otherwise everything is durable at once. */
  readonly holdPersists?: boolean
  /** `SendQueued` is answered by `drain`; otherwise at once. */
  readonly holdDrains?: boolean
}

export const drive = (driveOptions: DriveOptions = {}) => {
  const { holdDrains = false, holdPersists = false, ...options } = driveOptions
  const environment: Environment = {
    options: Effect.runSync(makeOptions(options)),
    crypto: { verifyResponse: (_group, _esk, _challenge, response) => response[0] === goodResponse[0] }
  }
  const store = makeMemoryStore()
  const frames = new Map<ConnectionId, Array<ServerFrame>>()
  const closes = new Map<ConnectionId, Closed>()
  let state: State = makeState()
  /** What the clock on the wall shows, and what has passed since the machine was switched on. */
  let now = 1_000_000
  let elapsed = 50_000
  let wakeAt = Infinity
  let nextConnection = 1
  let durable = 0
  let withheld: Array<Output> = []
  let undrained: Array<ConnectionId> = []
  const outputs: Array<Output> = []

  const perform = (output: Output): void => {
    if (output._tag === "Persist" && !holdPersists) {
      Effect.runSync(store.apply([output]))
      durable = output.id
    }
    if (output._tag === "WakeAt") wakeAt = output.at
    if (!("after" in output)) return
    const isHeld =
      output.after > durable ||
      withheld.some((other) => "connection" in other && other.connection === output.connection)
    if (isHeld) {
      withheld.push(output)
      return
    }
    const sent = frames.get(output.connection)!
    switch (output._tag) {
      case "Send":
        sent.push(output.frame)
        return
      case "Close":
        closes.set(output.connection, { code: output.code, reason: output.reason })
        return
      case "SendQueued": {
        const messages = Effect.runSync(store.read(output.groupKey, output.deviceId, output.positions))
        for (const { envelope, flags, position, timestamp } of messages) {
          sent.push({
            _tag: "Reflected",
            flags,
            reflectedId: reflectedIdOf(position),
            timestamp: timestamp as never,
            envelope: Box.make("dgrk", envelope)
          })
        }
        undrained.push(output.connection)
        return
      }
    }
  }

  const feed = (input: Input): ReadonlyArray<Output> => {
    const [next, produced] = step(state, input, { now, elapsed }, environment)
    state = next
    checkState(state)
    outputs.push(...produced)
    for (const output of produced) perform(output)
    if (!holdDrains) drain()
    return produced
  }

  const drain = (): void => {
    const connections = undrained
    undrained = []
    for (const connection of connections) feed({ _tag: "Drained", connection })
  }

  const open = (group: Uint8Array = groupId): Wire => {
    const connection = nextConnection++
    frames.set(connection, [])
    const key = groupKeyOf(group)
    const stored = knowsGroup(state, key) ? undefined : Option.getOrUndefined(Effect.runSync(store.load(key)))
    feed({ _tag: "Opened", connection, groupId: group, esk, challenge: new Uint8Array(32), ...(stored && { stored }) })
    const take = () => frames.get(connection)!.splice(0)
    return {
      connection,
      take,
      said: () => take().map(label),
      send: (...sent) => {
        for (const frame of sent) feed({ _tag: "Received", connection, message: encodeClientFrame(frame) })
      },
      raw: (message) => void feed({ _tag: "Received", connection, message }),
      gone: () => void feed({ _tag: "Gone", connection }),
      closed: () => closes.get(connection)
    }
  }

  return {
    feed,
    drain,
    open,
    outputs,
    state: () => state,
    group: () => state.groups.get(groupKeyOf(groupId)),
    now: () => now,
    /** Registers a device and forgets what it was sent so far. */
    join: (device: number, overrides: Partial<Hello> = {}): Wire => {
      const wire = open()
      wire.send(hello(device, overrides))
      wire.take()
      return wire
    },
    rejoin: (device: number, overrides: Partial<Hello> = {}): Wire => {
      const wire = open()
      wire.send(hello(device, { expectedDeviceSlotState: 1, ...overrides }))
      return wire
    },
    /** Lets time pass, with a `Tick` whenever the core asked for one. */
    advance: (millis: number): void => {
      const pass = (until: number): void => {
        now += until - elapsed
        elapsed = until
      }
      const until = elapsed + millis
      while (wakeAt <= until) {
        pass(Math.max(elapsed, wakeAt))
        wakeAt = Infinity
        feed({ _tag: "Tick" })
      }
      pass(until)
    },
    /** Sets the clock on the wall. */
    setClock: (by: number): void => {
      now += by
    },
    /** Makes everything durable that was held back. */
    persisted: (): void => {
      for (const output of outputs) {
        if (output._tag === "Persist" && output.id > durable) {
          Effect.runSync(store.apply([output]))
          durable = output.id
        }
      }
      const released = withheld
      withheld = []
      for (const output of released) perform(output)
      if (!holdDrains) drain()
    },
    /** The mediator stops without a word; the store stays. */
    crash: (): void => {
      state = makeState()
      wakeAt = Infinity
      withheld = []
      undrained = []
    }
  }
}

export type Drive = ReturnType<typeof drive>

/** Two devices that are live, on a store that says only when asked that everything so far is durable. */
export const twoOnSlowDisk = () => {
  const d = drive({ holdPersists: true })
  const [a, b] = [d.open(), d.open()]
  a.send(hello(1))
  b.send(hello(2))
  d.persisted()
  a.take()
  b.take()
  return { a, b, d }
}
