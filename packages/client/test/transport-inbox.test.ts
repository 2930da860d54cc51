import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Closed } from "../src/TransportError.ts"
import { makeInbox } from "../src/WebSocketInbox.ts"
import { failure, frame } from "./transport-support.ts"

const dropped = new Closed({ code: 4113, reason: "dropped", by: "server" })
const lost = new Closed({ code: 1006, reason: "", by: "network" })

const make = (highWaterMark = 1000) => {
  const log: Array<string> = []
  const deferred: Array<() => void> = []
  const inbox = makeInbox({
    highWaterMark,
    onFull: () => log.push("full"),
    onTaken: () => log.push("taken"),
    defer: (deliver) => deferred.push(deliver)
  })
  return { ...inbox, log, deferred }
}

describe("the inbox", () => {
  it.effect("hands a burst over once", () =>
    Effect.gen(function* () {
      const { deferred, pull, push } = make()
      const waiting = yield* Effect.forkChild(pull, { startImmediately: true })
      for (let n = 0; n < 3; n++) push(frame(n))
      assert.lengthOf(deferred, 1)
      assert.isUndefined(waiting.pollUnsafe())
      deferred[0]!()
      assert.deepStrictEqual(yield* Fiber.join(waiting), [frame(0), frame(1), frame(2)])
    })
  )

  it.effect("ended in the middle of a burst, it hands over what came, and then fails with the first end", () =>
    Effect.gen(function* () {
      const { deferred, end, pull, push } = make()
      const waiting = yield* Effect.forkChild(pull, { startImmediately: true })
      push(frame(1))
      end(dropped)
      end(lost)
      push(frame(2))
      deferred[0]!()
      assert.deepStrictEqual(yield* Fiber.join(waiting), [frame(1)])
      assert.strictEqual(yield* failure(pull), dropped)
    })
  )

  it.effect("loses nothing to a pull that was interrupted", () =>
    Effect.gen(function* () {
      const { deferred, pull, push } = make()
      const waiting = yield* Effect.forkChild(pull, { startImmediately: true })
      push(frame(1))
      yield* Fiber.interrupt(waiting)
      deferred[0]!()
      push(frame(2))
      assert.deepStrictEqual(yield* pull, [frame(1), frame(2)])
    })
  )

  it.effect("is full with what it holds, to the byte, and not with what it has held", () =>
    Effect.gen(function* () {
      // Each message counts with 64 bytes more.
      const { log, pull, push } = make(200)
      for (let n = 0; n < 10; n++) {
        push(new Uint8Array(135))
        yield* pull
      }
      assert.deepStrictEqual(log, [])
      push(new Uint8Array(136))
      assert.deepStrictEqual(log, ["full"])
    })
  )

  it.effect("says once that it is full, and once that it was taken", () =>
    Effect.gen(function* () {
      const { log, pull, push } = make(300)
      push(new Uint8Array(100))
      yield* pull
      for (let n = 0; n < 4; n++) push(new Uint8Array(100))
      assert.deepStrictEqual(log, ["full"])
      yield* pull
      assert.deepStrictEqual(log, ["full", "taken"])
      push(new Uint8Array(300))
      assert.deepStrictEqual(log, ["full", "taken", "full"])
    })
  )
})
