import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { DeviceObserver, makeDeviceStoreMemory } from "../src/index.ts"
import { connect, makeWorld, settle, text } from "./scripted-peer.ts"

describe("an observer", () => {
  it.effect("sees every state from the first on, and every event before it is too late to subscribe", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const observer: DeviceObserver = {
        onState: (state) => seen.push(state._tag),
        onEvent: (event) => seen.push(event._tag)
      }
      const world = yield* Effect.provideService(makeWorld(), DeviceObserver, observer)
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      yield* settle
      // Two in one step of the device: the stream of states would show both, a late subscriber neither.
      yield* world.device.stop
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(seen, ["Connecting", "Handshaking", "Live", "Live", "Dry", "Stopped"])
    })
  )

  it.effect("is told the defect that ends a device, and of none when it is stopped", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const observer: DeviceObserver = {
        onState: (state) => void (state._tag === "Stopped" && seen.push(state.died ? "Died" : "Stopped")),
        onEvent: () => {},
        onDefect: (cause) => seen.push(Cause.squash(cause))
      }
      const observed = Effect.provideService(DeviceObserver, observer)
      const sound = yield* makeWorld().pipe(observed)
      yield* sound.device.stop
      assert.deepStrictEqual(seen.splice(0), ["Stopped"])
      const store = { ...(yield* makeDeviceStoreMemory()), setSlot: () => Effect.die("a broken store") }
      const broken = yield* makeWorld({ store }).pipe(observed)
      const reflect = yield* Effect.forkChild(Effect.flip(broken.device.reflect(text("waits"))))
      yield* Effect.forkChild(connect(broken))
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(seen, ["a broken store", "Died"])
      for (const error of [yield* Fiber.join(reflect), yield* Effect.flip(broken.device.reflect(text("late")))]) {
        assert.propertyVal(error, "died", true)
      }
    })
  )
})
