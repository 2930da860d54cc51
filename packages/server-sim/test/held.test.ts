import { assert, describe, it } from "@effect/vitest"
import { Fault } from "@d2m/server-sim"
import { Effect, Scope } from "effect"
import { TestClock } from "effect/testing"
import { reflect } from "./drive.ts"
import { fragileStore } from "./fragile-store.ts"
import { type Device, join, mediatorWith, tags } from "./memory-device.ts"

describe("a client that the mediator keeps waiting for longer than it may be silent", () => {
  /** Shows a sign of life as often as decision 14 asks for. */
  const alive = (device: Device, seconds: number) =>
    Effect.forEach(Array.from({ length: seconds / 20 }), () =>
      Effect.andThen(TestClock.adjust("20 seconds"), device.send({ _tag: "GetDevicesInfo" }))
    )

  it.effect("because its store hangs is not closed for silence, and then gets all its answers", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const a = yield* join(1)
      yield* join(2)
      yield* a.rest
      store.gate.closeUnsafe()
      yield* a.send(reflect(1, { envelope: new Uint8Array(5_000) }))
      yield* alive(a, 80)
      assert.deepStrictEqual(tags(yield* a.rest), [])
      yield* store.gate.open
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", ...Array.from({ length: 4 }, () => "DevicesInfo")])
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(tags(yield* a.rest), ["Closed 4013"])
    }).pipe(Effect.provide(mediatorWith({ storeHighWater: 4_000 }, { store: store.layer })))
  })

  it.effect("because it takes a long time to read what it gets is not closed for silence", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      const slow = yield* Scope.make()
      yield* Scope.provide(a.link.inject(Fault.Slow({ direction: "down", bytesPerSecond: 40 })), slow)
      for (let n = 0; n < 500; n++) yield* a.send({ _tag: "GetDevicesInfo" })
      yield* alive(a, 80)
      // A close would stand behind all that is under way.
      yield* TestClock.adjust("2000 seconds")
      const heard = tags(yield* a.rest)
      assert.strictEqual(heard.filter((tag) => tag === "DevicesInfo").length, 504)
      assert.strictEqual(heard.at(-1), "Closed 4013")
    }).pipe(Effect.provide(mediatorWith({ outgoingLowWater: 1_000, outgoingHighWater: 3_000 })))
  )
})
