import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { reflect } from "./drive.ts"
import { fragileStore } from "./fragile-store.ts"
import { type Device, join, many, mediatorWith, stranger, tags } from "./memory-device.ts"

/** What a device writes that waits, as nobody hears it any more. */
const heldUp = (device: Device) =>
  Effect.gen(function* () {
    yield* device.send(reflect(1, { envelope: new Uint8Array(50) }))
    const writing = yield* Effect.forkChild(device.send(reflect(2, { envelope: new Uint8Array(50) })), {
      startImmediately: true
    })
    assert.isUndefined(writing.pollUnsafe())
    return writing
  })

describe("a store that others wait for, too", () => {
  it.effect("gets what has come up in calls of bounded size, all of it in its order", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.rest
      store.applyGate.closeUnsafe()
      store.applies.length = 0
      yield* a.send(reflect(1))
      yield* a.send(...many(20_000))
      yield* a.send(reflect(2))
      yield* store.applyGate.open
      yield* b.until("Reflected")
      yield* b.until("Reflected")
      const [first, ...rest] = store.applies
      assert.strictEqual(first, 1)
      assert.strictEqual(
        rest.reduce((sum, count) => sum + count, 0),
        20_001
      )
      assert.isAtMost(Math.max(...rest), 10_000)
    }).pipe(Effect.provide(mediatorWith({ storeHighWater: 2 ** 30 }, { store: store.layer })))
  })

  it.effect("makes a group wait that has more than its share on the way there, and nobody else", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const a = yield* join(1, { highWaterUp: 100 })
      const other = yield* stranger
      yield* a.rest
      store.applyGate.closeUnsafe()
      yield* a.send(...many(10))
      const writing = yield* heldUp(a)
      yield* other.send({ _tag: "GetDevicesInfo" })
      assert.deepStrictEqual(tags(yield* other.rest), ["DevicesInfo"])
      yield* store.applyGate.open
      yield* Fiber.join(writing)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "ReflectAck"])
    }).pipe(
      Effect.ensuring(store.applyGate.open),
      Effect.provide(mediatorWith({ storeHighWater: 16 * 4_000 }, { store: store.layer }))
    )
  })

  it.effect("makes that group wait until no more than half of its share is on the way there", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const a = yield* join(1, { highWaterUp: 100 })
      yield* a.rest
      store.applyGate.closeUnsafe()
      yield* a.send(...many(4))
      // More than half of 4 000 bytes, and no more than all of them.
      yield* a.send(...many(6))
      const writing = yield* heldUp(a)
      store.applies.length = 0
      yield* store.applyGate.release
      yield* a.rest
      assert.deepStrictEqual(store.applies, [6])
      assert.isUndefined(writing.pollUnsafe())
      yield* store.applyGate.open
      yield* Fiber.join(writing)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "ReflectAck"])
    }).pipe(
      Effect.ensuring(store.applyGate.open),
      Effect.provide(mediatorWith({ storeHighWater: 16 * 4_000 }, { store: store.layer }))
    )
  })

  it.effect("makes nobody wait whose group writes nothing, however much of all others is on the way there", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const a = yield* join(1)
      const other = yield* stranger
      store.applyGate.closeUnsafe()
      yield* a.send(...many(10))
      for (let n = 0; n < 3; n++) {
        yield* other.send({ _tag: "GetDevicesInfo" })
        assert.deepStrictEqual(tags(yield* other.rest), ["DevicesInfo"])
      }
    }).pipe(
      Effect.ensuring(store.applyGate.open),
      Effect.provide(mediatorWith({ storeHighWater: 4_000 }, { store: store.layer }))
    )
  })
})
