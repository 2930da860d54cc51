// A device whose handler halts it, and a mediator that is as quick as the device: all in memory, without latency.
import { Device, type DeviceHandlers, DeviceStore, HandlerError, HandlerPolicy } from "@d2m/client"
import { Crypto, D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { Mediator } from "@d2m/server-sim"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"

const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(3))
const platform = Layer.mergeAll(Crypto.layer, SecureRandom.layerWebCrypto)
const halting = Layer.succeed(HandlerPolicy, { tries: 1, delay: () => 1, giveUp: "halt" })

const message = (messageId: bigint) => ({
  _tag: "outgoingMessage" as const,
  value: D2d.OutgoingMessage.make({ messageId, body: new Uint8Array(3) })
})

const deviceWith = (deviceId: bigint, onReflected: DeviceHandlers<never>["onReflected"] = () => Effect.void) =>
  Effect.gen(function* () {
    const mediator = yield* Mediator
    const { groupId: deviceGroupId } = (yield* Crypto).deriveKeys(groupKey)
    const device = Device.layer({
      deviceId: DeviceId.make(deviceId),
      groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "" },
      onReflected
    }).pipe(
      Layer.provide([mediator.socket({ deviceGroupId, serverGroup: "7a" }), DeviceStore.layerMemory, platform, halting])
    )
    return Context.get(yield* Layer.build(device), Device)
  })

/** Lets time pass in small steps: much of what happens takes none. */
const passing = (steps: number) => Effect.repeat(TestClock.adjust("50 millis"), { times: steps })

describe("a device that halts", () => {
  it.effect("and is told to go on in the same breath gets what it stopped at, in order", () =>
    Effect.gen(function* () {
      let isBroken = true
      const got: Array<bigint> = []
      const sender = yield* deviceWith(1n)
      const receiver = yield* deviceWith(2n, (batch) => {
        if (isBroken) return Effect.fail(new HandlerError({ detail: "not yet" }))
        for (const { content } of batch) if (content?._tag === "outgoingMessage") got.push(content.value.messageId)
        return Effect.void
      })
      yield* passing(20)
      const resumed = yield* Effect.forkChild(
        receiver.state.changes.pipe(
          Stream.filter(({ _tag }) => _tag === "NeedsUser"),
          Stream.runHead,
          Effect.andThen(
            Effect.suspend(() => {
              isBroken = false
              return receiver.resume({ _tag: "Continue" })
            })
          )
        ),
        { startImmediately: true }
      )
      yield* Effect.forkChild(sender.reflectAll([message(1n), message(2n)]))
      yield* passing(40)
      yield* Effect.forkChild(sender.reflect(message(3n)))
      yield* passing(20)
      assert.isTrue(yield* Fiber.join(resumed))
      assert.deepStrictEqual(got, [1n, 2n, 3n])
    }).pipe(Effect.provide([Mediator.layerTest, platform]))
  )
})
