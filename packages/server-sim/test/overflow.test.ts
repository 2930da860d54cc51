import { assert, describe, it } from "@effect/vitest"
import { makeOptions, Mediator } from "@d2m/server-sim"
import { Array as Arr, Effect, Option, Result } from "effect"
import { begin, commit, reflect } from "./drive.ts"
import { join, keys, mediatorWith, open } from "./memory-device.ts"

const options = {
  outgoingHighWater: 16_000,
  outgoingLowWater: 4_000,
  transactionBytes: 64_000,
  outgoingLimit: 100_000
}

describe("what may wait for a client at one moment", () => {
  it.effect("is bounded: whoever asks for more is cut with 1006, and others go on", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.send(...Arr.makeBy(2_000, () => ({ _tag: "GetDevicesInfo" }) as const))
      let event = yield* a.next
      while (event._tag !== "Closed") event = yield* a.next
      assert.strictEqual(event.code, 1006)
      yield* b.send({ _tag: "GetDevicesInfo" })
      yield* b.until("DevicesInfo")
      const view = Option.getOrThrow(yield* (yield* Mediator).group(keys.groupId))
      assert.deepStrictEqual(
        view.devices.map(({ connection }) => connection._tag),
        ["Disconnected", "Connected"]
      )
      const again = yield* join(1, {}, 1)
      yield* again.send({ _tag: "GetDevicesInfo" })
      yield* again.until("DevicesInfo")
    }).pipe(Effect.provide(mediatorWith(options)))
  )

  it.effect("has room for a whole transaction", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.send(begin(1))
      yield* a.until("BeginTransactionAck")
      for (let n = 0; n < 8; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(8_000) }))
      yield* a.send(commit)
      yield* a.until("CommitTransactionAck")
      for (let n = 1; n <= 8; n++) assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
      yield* b.until("TransactionEnded")
    }).pipe(Effect.provide(mediatorWith(options)))
  )

  it.effect("must have that room", () =>
    Effect.gen(function* () {
      const result = yield* Effect.result(makeOptions({ ...options, outgoingLimit: 79_999 }))
      assert.include(Result.isFailure(result) ? result.failure.message : "", "outgoingLimit must have room")
      yield* makeOptions({ ...options, outgoingLimit: 80_000 })
    })
  )
})

describe("what may wait for all clients together", () => {
  const small = { ...options, outgoingTotal: 100_000 }
  const withInfo = Effect.fnUntraced(function* (device: number) {
    const opened = yield* open()
    yield* opened.register(device, 0, { encryptedDeviceInfo: new Uint8Array(2_000) })
    yield* opened.until("ReflectionQueueDry")
    return opened
  })

  it.effect("is bounded: whoever lets most of it wait is cut with 1006, and others go on", () =>
    Effect.gen(function* () {
      const [a, b, c, d] = [yield* withInfo(1), yield* withInfo(2), yield* withInfo(3), yield* withInfo(4)]
      const envelope = new Uint8Array(1_000)
      for (const device of [a, b, c]) yield* device.link.inject({ _tag: "Stall", direction: "down" })
      /** For each of the others, wherever it is. */
      const say = Effect.fnUntraced(function* (count: number) {
        for (let n = 0; n < count; n++) yield* d.send(reflect(n, { envelope }))
        for (let n = 0; n < count; n++) yield* d.until("ReflectAck")
      })
      // Three queues that wait at their high water are within it.
      yield* say(40)
      const view = () =>
        Effect.map(
          Effect.flatMap(Mediator, ({ group }) => group(keys.groupId)),
          Option.getOrThrow
        )
      const connected = Effect.map(view(), ({ devices }) => devices.map(({ connection }) => connection._tag))
      assert.deepStrictEqual(yield* connected, ["Connected", "Connected", "Connected", "Connected"])
      // Answers do not wait in a queue: this one has most.
      yield* b.send(...Arr.makeBy(8, () => ({ _tag: "GetDevicesInfo" }) as const))
      yield* say(1)
      assert.deepStrictEqual(yield* connected, ["Connected", "Disconnected", "Connected", "Connected"])
    }).pipe(Effect.provide(mediatorWith(small)))
  )

  it.effect("cannot be less than for one of them", () =>
    Effect.gen(function* () {
      const result = yield* Effect.result(makeOptions({ ...options, outgoingTotal: 99_999 }))
      assert.include(Result.isFailure(result) ? result.failure.message : "", "outgoingTotal must not be below")
      yield* makeOptions(small)
    })
  )
})
