import { assert, describe, it } from "@effect/vitest"
import type { Guards } from "@d2m/server-sim/node"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { badResponse, begin, drive, hello, id, reflect } from "./drive.ts"
import { greeted, guarded, join, refused } from "./served-mediator.ts"

const hour = 3_600_000

/** A clock on the wall that can be set; time passes as the test says. */
const settableClock = Effect.map(Clock.Clock, (clock) => {
  let by = 0
  const wall: Clock.Clock = {
    // With what makes it a clock of tests.
    ...clock,
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + by,
    currentTimeMillis: Effect.sync(() => wall.currentTimeMillisUnsafe()),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + BigInt(by) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => wall.currentTimeNanosUnsafe())
  }
  return {
    clock: wall,
    set: (millis: number) => {
      by += millis
    }
  }
})

describe("a clock that is set while the mediator runs", () => {
  for (const by of [-hour, hour]) {
    const how = by < 0 ? "back" : "forward"

    it(`${how} changes what others are told, and neither ends a transaction nor lengthens it`, () => {
      const d = drive()
      const [a, b] = [d.join(1), d.join(2)]
      a.send(begin(1, 3))
      d.setClock(by)
      b.send(reflect(1))
      assert.deepInclude(b.take()[0], { _tag: "ReflectAck", timestamp: BigInt(1_000_000 + by) as never })
      d.advance(2_999)
      assert.isUndefined(a.closed())
      d.advance(1)
      assert.strictEqual(a.closed()?.code, 4011)
    })

    it(`${how} neither shortens nor lengthens the silence that a client may keep`, () => {
      const d = drive()
      const a = d.join(1)
      const greeted = d.open()
      d.setClock(by)
      d.join(2)
      d.advance(59_999)
      assert.isUndefined(a.closed())
      d.advance(1)
      assert.strictEqual(a.closed()?.code, 4013)
      assert.strictEqual(greeted.closed()?.code, 4013)
    })

    it(`${how} leaves an absent device its grace, over a restart a whole one at most`, () => {
      const d = drive({ idleTimeout: 24 * hour })
      const isThere = () => d.group()?.slots.has(id(1)) === true
      d.join(2)
      d.join(1, { deviceSlotExpirationPolicy: 0 }).gone()
      d.setClock(by)
      d.advance(299_999)
      assert.isTrue(isThere())
      d.advance(1)
      assert.isFalse(isThere())
      d.join(1, { deviceSlotExpirationPolicy: 0 }).gone()
      d.crash()
      d.setClock(by)
      d.rejoin(2)
      d.advance(by < 0 ? 299_999 : 0)
      assert.strictEqual(isThere(), by < 0)
      d.advance(1)
      assert.isFalse(isThere())
    })

    it.effect(`${how} is nothing to a served mediator's deadlines and guards`, () =>
      Effect.gen(function* () {
        const { clock, set } = yield* settableClock
        const guards: Partial<Guards> = { failedHandshakes: 1, failedHandshakesPerMinute: 6 }
        yield* guarded({ guards }, () =>
          Effect.gen(function* () {
            const a = yield* join(1)
            const stranger = yield* greeted()
            stranger.send(hello(2, { response: badResponse }))
            yield* stranger.until("Closed")
            set(by)
            a.send(begin(1, 3))
            yield* a.until("BeginTransactionAck")
            assert.match(yield* refused(), /^429 /)
            yield* TestClock.adjust(3_000)
            assert.strictEqual((yield* a.until("Closed")).code, 4011)
            yield* TestClock.adjust(7_000)
            yield* greeted()
          })
        ).pipe(Effect.provideService(Clock.Clock, clock))
      })
    )
  }
})
