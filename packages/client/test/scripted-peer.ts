// A mediator played by hand: a Socket whose other end the test drives frame by frame.
import {
  Box,
  type ClientFrame,
  Crypto,
  D2d,
  decodeClientFrame,
  decodeMessage,
  DeviceGroupKey,
  type DeviceGroupKeys,
  type DeviceId,
  DeviceSlotState,
  encodeMessage,
  encodeServerFrame,
  type ReflectedId,
  type ReflectId,
  type ServerFrame,
  type Timestamp
} from "@d2m/codec"
import { assert } from "@effect/vitest"
import { Clock, Effect, Latch, Layer, Option, Queue, Result, type Scope, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Socket } from "effect/socket"
import {
  type ConnectionState,
  type Content,
  type DeviceOptionsError,
  Device,
  type DeviceEvent,
  type DeviceHandlers,
  type DeviceOptions,
  type ReflectedMessage
} from "../src/index.ts"
import { DeviceStore, makeDeviceStoreMemory } from "../src/DeviceStore.ts"

const closed = (code: number, closeReason: string) =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code, closeReason }) })
const unwritable = () => new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: "gone" }) })

/** One connection of the device, seen from the mediator. */
export interface Peer {
  readonly sendRaw: (message: Uint8Array | string) => Effect.Effect<void>
  readonly send: (...frames: ReadonlyArray<ServerFrame>) => Effect.Effect<void>
  /** The next frame of the device. */
  readonly next: Effect.Effect<ClientFrame>
  /** The next frame, which must have this tag. */
  readonly expect: <Tag extends ClientFrame["_tag"]>(
    tag: Tag
  ) => Effect.Effect<Extract<ClientFrame, { readonly _tag: Tag }>>
  /** Lets everything run, and gives the frames that came meanwhile. */
  readonly drain: Effect.Effect<ReadonlyArray<ClientFrame>>
  /** Ends the connection from the mediator's side. */
  readonly close: (code: number, reason?: string) => Effect.Effect<void>
  /** From here on writes of the device fail, though its reader does not know yet. */
  readonly breakWrites: Effect.Effect<void>
  /** While shut, writes of the device wait. */
  readonly flow: Latch.Latch
  /** How many messages each write of the device had. */
  readonly writes: ReadonlyArray<number>
  /** The code with which the device closed, once it has. */
  readonly closedWith: Effect.Effect<{ readonly code: number; readonly reason: string }>
  readonly isClosed: () => boolean
}

export interface ScriptedMediator {
  readonly socket: Socket.Socket
  readonly accept: Effect.Effect<Peer>
  /** How often the device has dialled. */
  readonly dials: () => number
  /** What the next dials come to; open by default. */
  readonly answerDials: (how: Effect.Effect<void, Socket.SocketError>) => void
}

export const settle = Effect.repeat(Effect.yieldNow, { times: 200 })

export const makeScriptedMediator: Effect.Effect<ScriptedMediator> = Effect.gen(function* () {
  const accepted = yield* Queue.unbounded<Peer>()
  let dials = 0
  let opening: Effect.Effect<void, Socket.SocketError> = Effect.void
  let current: Socket.Writer | undefined

  const dial = Effect.gen(function* () {
    dials++
    yield* opening
    const toDevice = yield* Queue.unbounded<Uint8Array | string, Socket.SocketError>()
    const toPeer = yield* Queue.unbounded<ClientFrame>()
    const goodbye = yield* Queue.unbounded<{ code: number; reason: string }>()
    const flow = Latch.makeUnsafe(true)
    const writes: Array<number> = []
    let ended = false
    let broken = false
    const end = (code: number, reason: string, byDevice: boolean) =>
      Effect.suspend(() => {
        if (ended) return Effect.void
        ended = true
        flow.openUnsafe()
        return Effect.andThen(
          Queue.fail(toDevice, closed(code, reason)),
          byDevice ? Queue.offer(goodbye, { code, reason }) : Effect.void
        )
      })
    const receive = (message: Uint8Array | string) => {
      assert.isNotString(message, "a device sends binary messages")
      const frame = decodeClientFrame(message as Uint8Array)
      assert.isTrue(Result.isSuccess(frame), "a device sends well-formed frames")
      Queue.offerUnsafe(toPeer, Result.getOrThrow(frame))
    }
    const write = (messages: ReadonlyArray<Uint8Array | string>) =>
      Effect.andThen(
        flow.await,
        Effect.suspend(() => {
          if (ended || broken) return Effect.fail(unwritable())
          writes.push(messages.length)
          for (const message of messages) receive(message)
          return Effect.void
        })
      )
    current = {
      write: (chunk) => (Socket.isCloseEvent(chunk) ? end(chunk.code, chunk.reason ?? "", true) : write([chunk])),
      writeAll: write
    }
    yield* Effect.addFinalizer(() => end(1000, "", true))
    const peer: Peer = {
      writes,
      sendRaw: (message) => Effect.asVoid(Queue.offer(toDevice, message)),
      send: (...frames) => Effect.asVoid(Queue.offerAll(toDevice, frames.map(encodeServerFrame))),
      next: Queue.take(toPeer),
      expect: (tag) =>
        Effect.map(Queue.take(toPeer), (frame) => {
          assert.strictEqual(frame._tag, tag)
          return frame as Extract<ClientFrame, { readonly _tag: typeof tag }>
        }),
      drain: Effect.andThen(settle, Queue.clear(toPeer)),
      close: (code, reason = "") => end(code, reason, false),
      breakWrites: Effect.sync(() => {
        broken = true
      }),
      flow,
      closedWith: Queue.take(goodbye),
      isClosed: () => ended
    }
    yield* Queue.offer(accepted, peer)
    // As with a real socket, a pull takes a step of its own.
    const pull = Effect.andThen(Effect.yieldNow, Queue.takeAll(toDevice))
    return { pull, upgrade: Socket.SocketUpgradeError.unsupported }
  })

  return {
    socket: Socket.make({ reader: dial, writer: Effect.sync(() => current!) }),
    accept: Queue.take(accepted),
    dials: () => dials,
    answerDials: (how) => {
      opening = how
    }
  }
})

export const groupKey = DeviceGroupKey.make(Uint8Array.from({ length: 32 }, (_, i) => i))
export const me = 0x1111n as DeviceId
export const other = 0x2222n as DeviceId
export const identity = "ECHOECHO"

/** Deterministic, different for each draw. */
export const countingRandom = (seed = 1): SecureRandom.SecureRandom["Service"] => {
  let state = seed >>> 0
  return SecureRandom.make((size) =>
    Uint8Array.from({ length: size }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state >>> 24
    })
  )
}

export const text = (value: string): Content => ({
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({ messageId: 1n, body: new TextEncoder().encode(value) })
})

export const textOf = (content: Content | undefined): string => {
  assert.strictEqual(content?._tag, "outgoingMessage")
  return content?._tag === "outgoingMessage" ? new TextDecoder().decode(content.value.body) : ""
}

/** What the mediator's side of a test needs of the group, to see whether boxes are what they should be. */
export class Group {
  readonly crypto: Crypto["Service"]
  readonly keys: DeviceGroupKeys
  private nonces = 0
  constructor(crypto: Crypto["Service"]) {
    this.crypto = crypto
    this.keys = crypto.deriveKeys(groupKey)
  }
  nonce(): Uint8Array {
    const nonce = new Uint8Array(24).fill(0xee)
    new DataView(nonce.buffer).setUint32(0, ++this.nonces)
    return nonce
  }
  seal(plain: Uint8Array, nonce = this.nonce()): Box<"dgrk"> {
    return this.crypto.seal(this.keys.dgrk, nonce, plain)
  }
  envelope(content: Content, nonce?: Uint8Array): Box<"dgrk"> {
    return this.seal(encodeMessage(D2d.Envelope, D2d.Envelope.make({ content, deviceId: other })), nonce)
  }
  openEnvelope(box: Box<"dgrk">): D2d.Envelope {
    return Result.getOrThrow(decodeMessage(D2d.Envelope, Result.getOrThrow(this.crypto.open(this.keys.dgrk, box))))
  }
  textIn(frame: { readonly envelope: Box<"dgrk"> }): string {
    return textOf(this.openEnvelope(frame.envelope).content)
  }
  scope(scope: number): Box<"dgtsk"> {
    return this.crypto.seal(this.keys.dgtsk, this.nonce(), encodeMessage(D2d.TransactionScope, { scope }))
  }
}

export interface World {
  readonly mediator: ScriptedMediator
  readonly device: Device["Service"]
  readonly store: DeviceStore["Service"]
  readonly group: Group
  /** Batches as the handler got them. */
  readonly handled: Array<ReadonlyArray<ReflectedMessage>>
  readonly events: Array<DeviceEvent>
  readonly states: Array<ConnectionState>
  readonly eventTags: () => ReadonlyArray<string>
}

export interface WorldOptions<R> extends Partial<DeviceOptions>, Partial<DeviceHandlers<R, R>> {
  readonly store?: DeviceStore["Service"]
  readonly seed?: number
}

/** A device on a scripted mediator; `onReflected` runs after a batch was noted. */
export const makeWorld = <R = never>(
  options: WorldOptions<R> = {}
): Effect.Effect<World, DeviceOptionsError, Scope.Scope | Exclude<R, Crypto>> =>
  Effect.gen(function* () {
    const mediator = yield* makeScriptedMediator
    const store = options.store ?? (yield* makeDeviceStoreMemory())
    const crypto = yield* Crypto
    const handled: Array<ReadonlyArray<ReflectedMessage>> = []
    const events: Array<DeviceEvent> = []
    const states: Array<ConnectionState> = []
    const device = yield* Layer.build(
      Device.layer<R, R>({
        deviceId: me,
        groupKey,
        identity,
        description: { platform: 3, platformDetails: "test", appVersion: "1", label: "scripted" },
        ...options,
        onReflected: (batch) => {
          handled.push(batch)
          return options.onReflected?.(batch) ?? Effect.void
        }
      }).pipe(
        Layer.provide(
          Layer.mergeAll(
            Layer.succeed(Socket.Socket, mediator.socket),
            Layer.succeed(SecureRandom.SecureRandom, countingRandom(options.seed)),
            Layer.succeed(DeviceStore, store),
            Crypto.layer
          )
        )
      )
    ).pipe(Effect.flatMap((context) => Effect.provideContext(Device, context)))
    yield* Effect.forkScoped(
      Stream.runForEach(device.events, (event) => Effect.sync(() => events.push(event))),
      { startImmediately: true }
    )
    yield* Effect.forkScoped(
      Stream.runForEach(device.state.changes, (state) => Effect.sync(() => states.push(state))),
      { startImmediately: true }
    )
    return {
      mediator,
      device,
      store,
      group: new Group(crypto),
      handled,
      events,
      states,
      eventTags: () => events.map((event) => event._tag)
    }
  }).pipe(Effect.provide(Crypto.layer)) as Effect.Effect<World, DeviceOptionsError, Scope.Scope | Exclude<R, Crypto>>

export interface ServerInfoFields {
  readonly deviceSlotState?: number
  readonly currentTime?: bigint
  readonly sharedDeviceData?: Box<"dgsddk">
  readonly reflectionQueueLength?: number
  readonly version?: number
}

export const serverInfo = (fields: ServerInfoFields = {}): Effect.Effect<ServerFrame> =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    _tag: "ServerInfo",
    maxDeviceSlots: 8,
    deviceSlotState: fields.deviceSlotState ?? DeviceSlotState.EXISTING,
    encryptedSharedDeviceData: fields.sharedDeviceData ?? Box.make("dgsddk", new Uint8Array(0)),
    currentTime: fields.currentTime ?? BigInt(Math.floor(now)),
    reflectionQueueLength: fields.reflectionQueueLength ?? 0
  }))

const esk = Uint8Array.from({ length: 32 }, (_, i) => 200 - i)
const challenge = Uint8Array.from({ length: 32 }, (_, i) => i * 3)

/** Sends ServerHello and takes the ClientHello, whose response must prove the group key. */
export const greet = (world: World, peer: Peer, version = 0) =>
  Effect.gen(function* () {
    const pair = world.group.crypto.ephemeralKey(esk)
    yield* peer.send({ _tag: "ServerHello", version, esk: pair.public, challenge })
    const hello = yield* peer.expect("ClientHello")
    assert.isTrue(world.group.crypto.verifyResponse(world.group.keys.groupId, pair, challenge, hello.response))
    return hello
  })

/** Accepts a connection and brings it to life. */
export const connect = (world: World, fields?: ServerInfoFields) =>
  Effect.gen(function* () {
    const peer = yield* world.mediator.accept
    const hello = yield* greet(world, peer, fields?.version)
    const info = yield* serverInfo({ deviceSlotState: hello.expectedDeviceSlotState, ...fields })
    yield* peer.send(info)
    yield* settle
    return peer
  })

export const reflected = (reflectedId: number, envelope: Uint8Array, flags = 0): ServerFrame => ({
  _tag: "Reflected",
  flags,
  reflectedId: reflectedId as ReflectedId,
  timestamp: BigInt(1000 + reflectedId) as Timestamp,
  envelope: Box.make("dgrk", envelope)
})

export const ackOf = (frame: { readonly reflectId: ReflectId }, timestamp = 5n): ServerFrame => ({
  _tag: "ReflectAck",
  reflectId: frame.reflectId,
  timestamp: timestamp as Timestamp
})

export const state = (world: World) => world.device.state.get

export const expectState = <Tag extends ConnectionState["_tag"]>(world: World, tag: Tag) =>
  Effect.map(settle, () => undefined).pipe(
    Effect.andThen(world.device.state.get),
    Effect.map((current) => {
      assert.strictEqual(current._tag, tag)
      return current as Extract<ConnectionState, { readonly _tag: Tag }>
    })
  )

export { Option }
