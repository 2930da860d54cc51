import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { DeviceObserver } from "../src/index.ts"
import { connect, makeWorld, settle } from "./scripted-peer.ts"

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
})
