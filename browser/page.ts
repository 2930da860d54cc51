/**
 * What runs in the page: one device over the browser's own WebSocket, and a face for the test to drive it by.
 *
 * Everything that crosses between page and test is JSON, so ids are hex, and errors are told by their tags.
 */
import {
  type ConnectionState,
  type DeviceOptionsError,
  Device,
  DeviceStore,
  layerWebSocket,
  linearBackoff,
  ReconnectPolicy,
  type Resume,
  Transaction
} from "@d2m/client"
import { Common, Crypto, D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { Effect, Exit, Layer, ManagedRuntime, Result, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"

export interface DeviceStart {
  readonly url: string
  /** The device group key, hex. */
  readonly key: string
  readonly deviceId: string
  readonly label: string
}

export interface Seen {
  readonly sender: string
  readonly text: string
  readonly ephemeral: boolean
}

/** What a call came to: a value, or the tag of an error. */
export type Outcome = { readonly ok: unknown } | { readonly failed: string }

export interface PageDevice {
  readonly start: (options: DeviceStart) => Promise<void>
  /** Resolves with the mediator's time. */
  readonly reflect: (text: string) => Promise<Outcome>
  readonly reflectEphemeral: (text: string) => Promise<Outcome>
  readonly transaction: (scope: number, texts: ReadonlyArray<string>) => Promise<Outcome>
  readonly devices: () => Promise<Outcome>
  readonly resume: (answer: Exclude<Resume["_tag"], "ConnectAnyway">) => Promise<Outcome>
  /** Waits until so many messages have been seen in all, and tells them. */
  readonly seen: (count: number) => Promise<ReadonlyArray<Seen>>
  /** Waits for a state with this tag to come after the `from`th one, and tells all states so far. */
  readonly reached: (tag: ConnectionState["_tag"], from: number) => Promise<ReadonlyArray<ConnectionState["_tag"]>>
  /** Why the user is needed, by its tag. */
  readonly reason: () => string | undefined
  readonly stop: () => Promise<number>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const textMessage = (text: string) => ({
  _tag: "outgoingMessage" as const,
  value: D2d.OutgoingMessage.make({ type: Common.CspE2eMessageType.TEXT, body: encoder.encode(text) })
})

const fromHex = (text: string): Uint8Array => Result.getOrThrow(Hex.decode(text))

const seen: Array<Seen> = []
const states: Array<ConnectionState["_tag"]> = []
let reason: string | undefined
let waiters: ReadonlyArray<() => void> = []

const poke = () => {
  const woken = waiters
  waiters = []
  for (const wake of woken) wake()
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      waiters = [...waiters, resolve]
    })
  }
}

let runtime: ManagedRuntime.ManagedRuntime<Device, DeviceOptionsError> | undefined

const layerOf = ({ deviceId, key, label, url }: DeviceStart) =>
  Device.layer({
    deviceId: DeviceId.make(BigInt(`0x${deviceId}`)),
    groupKey: DeviceGroupKey.make(fromHex(key)),
    identity: "ECHOECHO",
    description: { platform: D2d.DeviceInfoPlatform.WEB, platformDetails: "Chromium", appVersion: "0.1", label },
    onReflected: (batch) =>
      Effect.sync(() => {
        for (const { content, ephemeral, sender } of batch) {
          const text = content?._tag === "outgoingMessage" ? decoder.decode(content.value.body) : ""
          seen.push({ sender: sender.toString(16), text, ephemeral })
        }
        poke()
      })
  }).pipe(
    Layer.provide([
      layerWebSocket({ url }),
      DeviceStore.layerMemory,
      Crypto.layer,
      SecureRandom.layerWebCrypto,
      Layer.succeed(ReconnectPolicy, linearBackoff({ base: "50 millis", cap: "500 millis", maximumFailures: 1000 }))
    ])
  )

const follow = Effect.flatMap(Device, (device) =>
  Stream.runForEach(device.state.changes, (state) =>
    Effect.sync(() => {
      // A changed count of pending reflects is a state too, but no change for the test.
      if (states.at(-1) !== state._tag) states.push(state._tag)
      reason = state._tag === "NeedsUser" ? state.reason._tag : undefined
      poke()
    })
  )
)

const run = <A, E extends { readonly _tag: string }>(
  effect: (device: Device["Service"]) => Effect.Effect<A, E>
): Promise<Outcome> =>
  runtime!.runPromiseExit(Effect.flatMap(Device, effect)).then((exit) => {
    if (Exit.isSuccess(exit)) return { ok: exit.value }
    const error = Exit.findError(exit)
    return { failed: Result.isSuccess(error) ? error.success._tag : String(exit) }
  })

const device: PageDevice = {
  start: async (options) => {
    runtime = ManagedRuntime.make(layerOf(options))
    runtime.runFork(follow)
    await until(() => states.length > 0)
  },
  reflect: (text) => run((device) => Effect.map(device.reflect(textMessage(text)), Number)),
  reflectEphemeral: (text) => run((device) => device.reflectEphemeral(textMessage(text))),
  transaction: (scope, texts) =>
    run((device) =>
      device.transaction(
        { scope },
        Effect.gen(function* () {
          const transaction = yield* Transaction
          for (const text of texts) yield* transaction.reflect(textMessage(text))
        })
      )
    ),
  devices: () =>
    run((device) =>
      Effect.map(device.devices, (entries) =>
        [...entries.values()].map(({ info }) => (Result.isSuccess(info) ? info.success.label : "?")).toSorted()
      )
    ),
  resume: (answer) => run((device) => device.resume({ _tag: answer })),
  seen: async (count) => {
    await until(() => seen.length >= count)
    return seen
  },
  reached: async (tag, from) => {
    await until(() => states.slice(from).includes(tag))
    return states
  },
  reason: () => reason,
  stop: async () => {
    const unacked = await runtime!.runPromise(Effect.flatMap(Device, (device) => device.stop))
    await runtime!.dispose()
    return unacked.length
  }
}

declare global {
  var d2m: PageDevice
}

globalThis.d2m = device
