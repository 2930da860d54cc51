/**
 * One device of the demo: a real client over TLS on a network cable of its own.
 *
 * Owns what survives going offline (the device store, the cable), and tells the recorder what the device does and sees.
 *
 * @since 0.1.0
 */
import {
  type ConnectionState,
  type Content,
  Device,
  type DeviceEvent,
  DeviceStore,
  makeDeviceStoreMemory,
  linearBackoff,
  ReconnectPolicy,
  type ReflectedMessage,
  type UserReason
} from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import { Crypto, D2d, type DeviceGroupKey, type DeviceId, mediatorUrl, Protobuf } from "@d2m/codec"
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import * as Cable from "./Cable.ts"
import type { Recorder } from "./Recorder.ts"
import type { Lane } from "./Timeline.ts"
import { keyOf, textOf } from "./Words.ts"

/** Who a participant is, and where its mediator is. */
export interface ParticipantOptions {
  readonly name: Exclude<Lane, "mediator">
  readonly deviceId: DeviceId
  readonly platform: number
  readonly groupKey: DeviceGroupKey
  /** The mediator's port on loopback. */
  readonly port: number
  readonly recorder: Recorder
  /** The participants by device id, for naming. */
  readonly nameOf: (deviceId: bigint) => string
}

/** A device that can be switched on and off. */
export interface Participant {
  readonly name: Exclude<Lane, "mediator">
  readonly deviceId: DeviceId
  readonly cable: Cable.Cable
  /** Connects, trusting a mediator with this pin alone. */
  readonly switchOn: (pin: string) => Effect.Effect<Device["Service"]>
  readonly switchOff: Effect.Effect<void>
  /** The latest state, `undefined` while switched off. */
  readonly state: () => ConnectionState | undefined
  /** Whether an ephemeral has been seen. */
  readonly sawTyping: () => boolean
  /** Whether another device's lock has been in the way. */
  readonly sawLock: () => boolean
  /** Reflects messages, counting what is sent and what is promised. */
  readonly say: (device: Device["Service"], contents: ReadonlyArray<Content>) => Effect.Effect<void>
}

const serverGroup = "7a"

/** Short enough to watch; the protocol's default is 2 s. */
const impatient = linearBackoff({ base: "300 millis", cap: "2 seconds" })

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const scopeName = (scope: number | undefined): string =>
  scope === undefined ? "unknown scope" : (Protobuf.nameOf(D2d.TransactionScopeScope, scope) ?? `scope ${scope}`)

const reasonText = (reason: UserReason): string => {
  switch (reason._tag) {
    case "Dropped":
      return "dropped by another device (4113)"
    case "NotTrusted":
      return reason.because._tag === "PinMismatch"
        ? "wrong key: the certificate's pin is not ours"
        : reason.because.message
    default:
      return reason._tag
  }
}

const stateText = (state: ConnectionState, now: number): string | undefined => {
  switch (state._tag) {
    case "Connecting":
      return state.attempt === 1 ? "connecting" : `connecting, attempt ${state.attempt}`
    case "Handshaking":
      return undefined
    case "Live":
      if (state.queued === 0) return "live"
      return state.queued === 1 ? "live, 1 message is waiting" : `live, ${state.queued} messages are waiting`
    case "Waiting":
      return `cut off (${state.because._tag}); next try in ${
        state.nextTryAt === undefined ? "a moment" : seconds(Math.max(0, state.nextTryAt - now))
      }, ${state.pendingReflects} pending`
    case "NeedsUser":
      return `needs the user: ${reasonText(state.reason)}`
    case "Stopped":
      return "off"
  }
}

/** Makes a device, switched off, with a cable to the mediator. */
export const make = Effect.fnUntraced(function* (
  options: ParticipantOptions
): Effect.fn.Return<Participant, Cable.CableFailed, Scope.Scope> {
  const { name, nameOf, recorder } = options
  const { poke, tally, tell, tellMessage } = recorder
  const cable = yield* Cable.make(options.port)
  const outer = yield* Effect.scope
  const store = yield* makeDeviceStoreMemory()
  const crypto = yield* Effect.provide(Crypto, layerCrypto)
  const { groupId } = crypto.deriveKeys(options.groupKey)
  const url = mediatorUrl(`wss://127.0.0.1:${cable.port}/{deviceGroupIdPrefix8}/`, {
    deviceGroupId: groupId,
    serverGroup
  })

  let state: ConnectionState | undefined
  let power: Scope.Closeable | undefined
  let sawTyping = false
  let sawLock = false

  const onReflected = (batch: ReadonlyArray<ReflectedMessage>) =>
    Effect.sync(() => {
      for (const { content, ephemeral, sender } of batch) {
        if (content === undefined) continue
        const text = `${nameOf(sender)}: ${textOf(content)}`
        if (ephemeral) {
          sawTyping = true
          tell(name, "ephemeral", text)
        } else tellMessage(name, "received", text)
        const key = keyOf(content)
        if (key !== undefined) tally.received(name, key)
      }
      poke()
    })

  const onState = (next: ConnectionState) =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        const text = stateText(next, clock.currentTimeMillisUnsafe())
        const before = state
        state = next
        if (next._tag === "Live") tally.registered(name)
        const isNews =
          before?._tag !== next._tag ||
          (next._tag === "Waiting" && before._tag === "Waiting" && next.failures !== before.failures)
        if (isNews && text !== undefined) {
          tell(name, next._tag === "Waiting" || next._tag === "NeedsUser" ? "trouble" : "state", text)
        }
        poke()
      })
    )

  const onEvent = (event: DeviceEvent) =>
    Effect.sync(() => {
      switch (event._tag) {
        case "Dry":
          return tell(name, "note", "the queue is dry")
        case "PromotedToLeader":
          return tell(name, "note", "now the leader")
        case "LockHeld":
          sawLock = true
          poke()
          return tell(
            name,
            "transaction",
            `${nameOf(event.deviceId)} has the lock (${scopeName(event.scope)}); waiting`
          )
        case "TransactionEnded":
          return tell(name, "transaction", `${nameOf(event.deviceId)} has let go of the lock`)
        case "Quarantined":
          return tell(name, "trouble", `quarantined message ${event.reflectedId}: ${event.detail}`)
        default:
      }
    })

  const layer = (pin: string) =>
    Device.layer({
      deviceId: options.deviceId,
      groupKey: options.groupKey,
      identity: "D2MDEMO1",
      description: { platform: options.platform, platformDetails: "Node", appVersion: "0.1", label: name },
      onReflected
    }).pipe(
      Layer.provide([
        layerNodeWebSocket({ url, trust: "pinned-only", pins: [{ host: "127.0.0.1", pins: [pin] }] }),
        Layer.succeed(DeviceStore, store),
        layerCrypto,
        layerSecureRandom,
        Layer.succeed(ReconnectPolicy, impatient)
      ]),
      // The names of the demo are short, and its transport is the usual one.
      Layer.orDie
    )

  const switchOff = Effect.suspend(() => {
    if (power === undefined) return Effect.void
    const scope = power
    power = undefined
    return Effect.andThen(
      Scope.close(scope, Exit.void),
      Effect.sync(() => {
        state = undefined
      })
    )
  })

  return {
    name,
    deviceId: options.deviceId,
    cable,
    switchOn: Effect.fnUntraced(function* (pin) {
      const scope = yield* Scope.fork(outer)
      power = scope
      const context = yield* Layer.buildWithScope(layer(pin), scope)
      const device = yield* Effect.provideContext(Device, context)
      yield* Effect.forkIn(Stream.runForEach(device.state.changes, onState), scope)
      yield* Effect.forkIn(Stream.runForEach(device.events, onEvent), scope)
      return device
    }),
    switchOff,
    state: () => state,
    sawTyping: () => sawTyping,
    sawLock: () => sawLock,
    say: (device, contents) =>
      Effect.forEach(
        contents,
        (content) => {
          const key = keyOf(content)!
          tally.sent(name, key)
          tellMessage(name, "sent", textOf(content))
          return device.reflect(content).pipe(
            Effect.map(() => {
              tally.acked(name, key)
              poke()
            }),
            Effect.catch((error) => Effect.sync(() => tell(name, "trouble", error.message)))
          )
        },
        { concurrency: 64, discard: true }
      )
  }
})
