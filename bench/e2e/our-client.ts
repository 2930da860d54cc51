/**
 * Devices of ours, all of a group in one process.
 */
import { type Content, type Device, DeviceStore, HandlerError, makeDevice } from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import { Common, Crypto, D2d, DeviceGroupKey, DeviceId, mediatorUrl } from "@d2m/codec"
import { layerCryptoSodium, layerSecureRandom } from "@d2m/codec/node"
import { Effect, Layer, Stream } from "effect"
import type { SecureRandom } from "effect/crypto"
import { layerNoCrypto, layerNoNonces } from "./NoCrypto.ts"
import { bodyOf, type ClientSetup, latencies, type Ran, serveParent, setup } from "./Workload.ts"

const { url, workload } = setup<ClientSetup>()
const { inFlight, receivers, size } = workload
const store = workload.crypto === "none" ? layerNoNonces : DeviceStore.layerMemory
const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(7))
/** Contents of a call of `reflectAll`, and how many calls are under way: few of them wait until the rest of a call is acked. */
const callSize = Math.max(1, inFlight / 16)
const calls = inFlight / callSize

const body = bodyOf(size)
const content: Content = {
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({ messageId: 1n, createdAt: 1n, type: Common.CspE2eMessageType.TEXT, body })
}

let received = 0
let progress = (): void => {}

const isWhole = (content: Content | undefined): boolean =>
  content?._tag === "outgoingMessage" && content.value.body.length === body.length

const device = (id: bigint, isReceiver: boolean) =>
  Effect.gen(function* () {
    const { groupId: deviceGroupId } = (yield* Crypto).deriveKeys(groupKey)
    const socket = layerNodeWebSocket({
      url: mediatorUrl(url, { deviceGroupId, serverGroup: "7a" }),
      allowPlaintext: true
    })
    const made = yield* makeDevice({
      deviceId: DeviceId.make(id),
      groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "" },
      onReflected: (batch) =>
        Effect.suspend(() => {
          if (!isReceiver || !batch.every((message) => isWhole(message.content))) {
            return Effect.fail(new HandlerError({ detail: "not what was reflected" }))
          }
          received += batch.length
          progress()
          return Effect.void
        })
    }).pipe(Effect.provide([socket, store]))
    yield* made.state.changes.pipe(
      Stream.takeUntil((state) => state._tag === "Live" && state.dry),
      Stream.runDrain
    )
    return made
  })

const offline = 1000n

/** Leaves a slot behind that has no connection. */
const registerOffline = Effect.scoped(device(offline, false))

const oneByOne = (sender: Device["Service"], samples: Float64Array) =>
  Effect.gen(function* () {
    for (let at = 0; at < samples.length; at++) {
      const begin = process.hrtime.bigint()
      yield* sender.reflect(content)
      samples[at] = Number(process.hrtime.bigint() - begin)
    }
  })

const call: [Content, ...Array<Content>] = [content, ...Array.from({ length: callSize - 1 }, () => content)]

const pipelined = (sender: Device["Service"], times: number) => {
  let left = times
  const lane = Effect.gen(function* () {
    while (left > 0) {
      const count = Math.min(left, callSize)
      left -= count
      yield* sender.reflectAll(count === callSize ? call : (call.slice(0, count) as typeof call))
    }
  })
  return Effect.all(
    Array.from({ length: calls }, () => lane),
    { concurrency: "unbounded", discard: true }
  )
}

const allReceived = (times: number) =>
  Effect.callback<void>((resume) => {
    progress = () => {
      if (received < times * receivers) return
      progress = () => {}
      resume(Effect.void)
    }
    progress()
  })

const program = Effect.gen(function* () {
  const sender = yield* device(1n, false)
  for (let n = 0; n < receivers; n++) yield* device(BigInt(2 + n), true)
  const prepare = Effect.gen(function* () {
    if (receivers > 0) return
    yield* sender.drop(DeviceId.make(offline))
    yield* registerOffline
  })
  const run = (times: number) =>
    Effect.gen(function* () {
      received = 0
      const samples = new Float64Array(inFlight === 1 ? times : 0)
      const begin = process.hrtime.bigint()
      yield* inFlight === 1 ? oneByOne(sender, samples) : pipelined(sender, times)
      yield* allReceived(times)
      const total = Number(process.hrtime.bigint() - begin)
      return (inFlight === 1 ? { total, latencies: latencies(samples) } : { total }) satisfies Ran
    })
  const promise = Effect.runPromiseWith(yield* Effect.context<Crypto | SecureRandom.SecureRandom>())
  serveParent({}, { prepare: () => promise(prepare), run: (times) => promise(run(times)) })
  return yield* Effect.never
}).pipe(Effect.scoped)

const environment = Layer.mergeAll(workload.crypto === "none" ? layerNoCrypto : layerCryptoSodium, layerSecureRandom)

Effect.runFork(Effect.provide(program, environment))
