// Devices of one group on one `Socket` service, which dials for each of them anew.
import { Device, DeviceStore } from "@d2m/client"
import { Crypto, D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { Mediator } from "@d2m/server-sim"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Latch, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"

const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(9))
const platform = Layer.mergeAll(Crypto.layer, SecureRandom.layerWebCrypto)

/** The same socket, which lets nobody have a writer before so many have dialled. */
const inStep = (socket: Socket.Socket, count: number) => {
  const all = Latch.makeUnsafe(false)
  let dialled = 0
  const meet = Effect.suspend(() => {
    if (++dialled === count) all.openUnsafe()
    return all.await
  })
  return Socket.make({ reader: Effect.tap(socket.reader, () => meet), writer: socket.writer })
}

const deviceOn = (socket: Socket.Socket, deviceId: bigint) =>
  Device.layer({
    deviceId: DeviceId.make(deviceId),
    groupKey,
    identity: "ECHOECHO",
    description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "" },
    onReflected: () => Effect.void
  }).pipe(
    Layer.provide([Layer.succeed(Socket.Socket, socket), DeviceStore.layerMemory, platform]),
    Layer.build,
    Effect.map(Context.get(Device))
  )

describe("devices that share a socket", () => {
  it.effect("each get a connection of their own, also when they dial at the same time", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const { groupId: deviceGroupId } = (yield* Crypto).deriveKeys(groupKey)
      const path = { deviceGroupId, serverGroup: "7a" }
      const shared = inStep(yield* Effect.provide(Socket.Socket, mediator.socket(path)), 3)
      const devices = yield* Effect.forEach([1n, 2n, 3n], (id) => deviceOn(shared, id))
      yield* Effect.repeat(TestClock.adjust("10 millis"), { times: 20 })
      for (const device of devices) assert.strictEqual((yield* device.state.get)._tag, "Live")
    }).pipe(Effect.provide([Mediator.layerTest, platform]))
  )
})
