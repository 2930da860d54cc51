import { assert, describe, it } from "@effect/vitest"
import { DeviceId } from "@d2m/codec"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { bytes } from "./drive.ts"
import { answers, fill, guarded, join, rejoin } from "./served-mediator.ts"
import type { WireClient } from "./wire-client.ts"

describe("a client that is closed and does not read on", () => {
  const guards = { slowReaderDeadline: 30_000, slowReaderBytes: 64 * 1024 * 1024 }
  const mediator = { idleTimeout: 3_600_000 }
  const closeTimeout = 2_000
  // 62 MB: more than what was read at once and all buffers on the way hold, 36 MiB on some systems, so that what is cut off is missed.
  const count = 1_900

  const dropped = Effect.fnUntraced(function* (a: WireClient, _b: WireClient) {
    a.send({ _tag: "DropDevice", deviceId: DeviceId.make(2n) })
    yield* a.until("DropDeviceAck")
  })
  const inBreach = Effect.fnUntraced(function* (a: WireClient, b: WireClient) {
    b.ws.send(bytes(0xff))
    yield* answers(a)
  })

  const cases: ReadonlyArray<readonly [string, typeof dropped, number, number]> = [
    ["for good has the time of a slow reader", dropped, 4113, guards.slowReaderDeadline],
    ["for a breach of the protocol has the time of a closing handshake", inBreach, 4010, closeTimeout]
  ]
  for (const [name, close, code, patience] of cases) {
    const closedAfter = (millis: number) =>
      guarded(
        { guards, mediator },
        () =>
          Effect.gen(function* () {
            const a = yield* join(1)
            yield* fill(a, count)
            const b = yield* rejoin()
            b.ws.pause()
            yield* answers(a)
            yield* close(a, b)
            yield* TestClock.adjust(millis)
            yield* answers(a)
            b.ws.resume()
            for (;;) {
              const event = yield* b.next
              if (event._tag === "Closed") return event.code
            }
          }),
        { closeTimeout }
      )

    it.effect(`${name}: it learns why, and is cut afterwards`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* closedAfter(patience - 1_000), code)
        assert.strictEqual(yield* closedAfter(patience + 1_000), 1006)
      })
    )
  }
})
