/**
 * A bare device over an in-memory link, for tests of the shell: whatever it is told to write, and everything it gets.
 */
import { assert } from "@effect/vitest"
import {
  Box,
  type ClientFrame,
  type ClientUrlInfo,
  Crypto,
  decodeServerFrame,
  DeviceGroupKey,
  encodeClientFrame,
  makeCrypto,
  type ServerFrame,
  tweetNacl
} from "@d2m/codec"
import {
  ChatUpstream,
  type Link,
  type LinkOptions,
  Mediator,
  type MediatorOptionsInput,
  MediatorStore,
  type Transport
} from "@d2m/server-sim"
import { Effect, Exit, Layer, Queue, Result, Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { SecureRandom } from "effect/crypto"
import { Socket } from "effect/socket"
import { hello } from "./drive.ts"

const crypto = makeCrypto(tweetNacl)
export const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(9)))
export const path: ClientUrlInfo = { deviceGroupId: keys.groupId, serverGroup: "7a" }

/** A mediator in memory with other parts than `Mediator.layerTest` has. */
export const mediatorWith = (
  options: MediatorOptionsInput,
  parts: {
    readonly store?: Layer.Layer<MediatorStore>
    readonly chat?: Layer.Layer<ChatUpstream>
    readonly crypto?: Layer.Layer<Crypto>
    readonly random?: Layer.Layer<SecureRandom.SecureRandom>
  } = {}
) =>
  Mediator.layer(options).pipe(
    Layer.provide([
      parts.store ?? MediatorStore.layerMemory,
      parts.chat ?? ChatUpstream.layerNone,
      parts.crypto ?? Crypto.layer,
      parts.random ?? SecureRandom.layerWebCrypto
    ])
  )

/** A transport with nobody behind it. */
export const bareTransport = (overrides: Partial<Transport> = {}): Transport => ({
  send: () => {},
  flush: () => {},
  close: () => {},
  cut: () => {},
  buffered: () => 0,
  pause: () => {},
  resume: () => {},
  inject: () => undefined,
  ...overrides
})

export type Event = ServerFrame | { readonly _tag: "Closed"; readonly code: number; readonly reason: string }

/** The response to a challenge. */
export const answer = (serverHello: Extract<ServerFrame, { _tag: "ServerHello" }>): Uint8Array =>
  Result.getOrThrow(crypto.answerChallenge(keys, serverHello, new Uint8Array(24)))

/** The tags of what a device got, with the code of a close. */
export const tags = (events: ReadonlyArray<Event>): ReadonlyArray<string> =>
  events.map((event) => (event._tag === "Closed" ? `Closed ${event.code}` : event._tag))

export interface Device {
  readonly link: Link
  /** The next frame or the close; waits for it. */
  readonly next: Effect.Effect<Event>
  /** Skips frames until one has this tag. */
  readonly until: <Tag extends Event["_tag"]>(tag: Tag) => Effect.Effect<Extract<Event, { _tag: Tag }>>
  /** What has come and was not asked for yet. */
  readonly rest: Effect.Effect<ReadonlyArray<Event>>
  readonly send: (...frames: NonEmptyReadonlyArray<ClientFrame>) => Effect.Effect<void, Socket.SocketError>
  readonly close: (code: number, reason?: string) => Effect.Effect<void, Socket.SocketError>
  /** Says ClientHello and waits for ServerInfo. */
  readonly register: (
    device: number,
    expectedDeviceSlotState?: number,
    overrides?: Parameters<typeof hello>[1]
  ) => Effect.Effect<Extract<ServerFrame, { _tag: "ServerInfo" }>>
}

const closeOf = ({ reason }: Socket.SocketError): Extract<Event, { _tag: "Closed" }> =>
  reason._tag === "SocketCloseError"
    ? { _tag: "Closed", code: reason.code, reason: reason.closeReason ?? "" }
    : { _tag: "Closed", code: 0, reason: reason._tag }

/** Opens the link; the connection lasts as long as the scope. */
export const openLink = (link: Link): Effect.Effect<Device, Socket.SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    const { pull } = yield* link.socket.reader
    const writer = yield* link.socket.writer
    const events = yield* Queue.unbounded<Event>()
    yield* Effect.forever(
      Effect.flatMap(pull, (messages) =>
        Queue.offerAll(
          events,
          messages.map((message): Event =>
            Result.getOrElse(decodeServerFrame(message as Uint8Array), (): Event => ({
              _tag: "Unknown",
              type: -1,
              payload: message as Uint8Array
            }))
          )
        )
      )
    ).pipe(
      Effect.catch((error) => Queue.offer(events, closeOf(error))),
      Effect.forkScoped({ startImmediately: true })
    )
    const next = Queue.take(events)
    const until = <Tag extends Event["_tag"]>(tag: Tag): Effect.Effect<Extract<Event, { _tag: Tag }>> =>
      Effect.flatMap(next, (event) => {
        if (event._tag === tag) return Effect.succeed(event as Extract<Event, { _tag: Tag }>)
        return event._tag === "Closed" ? Effect.die(`closed with ${event.code} instead of ${tag}`) : until(tag)
      })
    const send: Device["send"] = (...frames) =>
      writer.writeAll(frames.map(encodeClientFrame) as unknown as NonEmptyReadonlyArray<Uint8Array>)
    return {
      link,
      next,
      until,
      // What has arrived still has to pass the pump.
      rest: Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 8 }), Queue.clear(events)),
      send,
      close: (code, reason) => writer.write(new Socket.CloseEvent(code, reason)),
      register: (device, expectedDeviceSlotState = 0, overrides = {}) =>
        Effect.gen(function* () {
          const response = answer(yield* until("ServerHello"))
          yield* Effect.orDie(send(hello(device, { response, expectedDeviceSlotState, ...overrides })))
          return yield* until("ServerInfo")
        })
    }
  })

/** A new link to the mediator, open. */
export const open = (options?: LinkOptions) =>
  Effect.gen(function* () {
    const mediator = yield* Mediator
    return yield* openLink(yield* mediator.link(path, options))
  })

/** A registered device over a new link, with its Dry. */
export const join = (device: number, options?: LinkOptions, expectedDeviceSlotState = 0) =>
  Effect.gen(function* () {
    const opened = yield* open(options)
    yield* opened.register(device, expectedDeviceSlotState)
    yield* opened.until("ReflectionQueueDry")
    return opened
  })

/** A mediator that can be stopped in the middle of a test, and is waited for by who joins `stop`. */
export const stoppable = (store: Layer.Layer<MediatorStore>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const services = yield* Layer.buildWithScope(mediatorWith({}, { store }), scope)
    return { services, stop: Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true }) }
  })

/** Device 1 of such a mediator, beside a device 2. */
export const joinStoppable = (store: Layer.Layer<MediatorStore>) =>
  Effect.gen(function* () {
    const { services, stop } = yield* stoppable(store)
    const a = yield* Effect.provide(join(1), services)
    yield* Effect.provide(join(2), services)
    yield* a.rest
    return { a, stop }
  })

/** A frame that costs a client nothing and is never answered. */
const small: ClientFrame = {
  _tag: "SetSharedDeviceData",
  encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(1))
}

/** Frames of which each makes a write. */
export const many = (count: number) =>
  Array.from({ length: count }, () => small) as unknown as NonEmptyReadonlyArray<ClientFrame>

/** Device 1 of another group, which each byte is a group of. */
export const strangerOf = (group: number) =>
  Effect.gen(function* () {
    const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(group)))
    const { link } = yield* Mediator
    const device = yield* openLink(yield* link({ deviceGroupId: keys.groupId, serverGroup: "7a" }))
    const response = Result.getOrThrow(
      crypto.answerChallenge(keys, yield* device.until("ServerHello"), new Uint8Array(24))
    )
    yield* device.send(hello(1, { response }))
    yield* device.until("RolePromotedToLeader")
    return device
  })

export const stranger = strangerOf(8)

/** What a link failed with: the close code, or the tag of another reason. */
export const codeOf = (exit: Exit.Exit<unknown, Socket.SocketError>): number | string => {
  assert(Exit.isFailure(exit))
  const reason = exit.cause.reasons[0]
  assert(reason?._tag === "Fail")
  return reason.error.reason._tag === "SocketCloseError" ? reason.error.reason.code : reason.error.reason._tag
}
