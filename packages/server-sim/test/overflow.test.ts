import { assert, describe, it } from "@effect/vitest"
import { makeOptions, Mediator } from "@d2m/server-sim"
import { Array as Arr, Effect, Option, Result } from "effect"
import { begin, commit, reflect } from "./drive.ts"
import { join, keys, mediatorWith } from "./memory-device.ts"

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
