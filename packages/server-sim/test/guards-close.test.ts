import { assert, describe, it } from "@effect/vitest"
import { DeviceId, encodeClientFrame } from "@d2m/codec"
import { ListenAddress } from "@d2m/server-sim/node"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { bytes, hello } from "./drive.ts"
import { rawTcp, upgradeHead } from "./raw-socket.ts"
import { answers, ends, fill, greeted, guarded, join, pathText, rejoin } from "./served-mediator.ts"
import { type WireClient, wsFrame } from "./wire-client.ts"

describe("a client that is closed and does not read on", () => {
  const count = 1_900
  const room = 64 * 1024 * 1024
  const guards = { slowReaderDeadline: 30_000, slowReaderBytes: room }
  // The whole queue is on its way when the close comes: 62 MB are more than the buffers of any kernel hold, 36 MiB on some
  // systems, so that what is cut off is missed. The client may fall so far behind and is still read.
  const mediator = {
    idleTimeout: 3_600_000,
    deliveryMessages: count,
    deliveryBytes: room,
    outgoingHighWater: room / 2,
    outgoingLimit: 2 * room
  }
  const closeTimeout = 2_000

  const dropped = (a: WireClient) => Effect.sync(() => a.send({ _tag: "DropDevice", deviceId: DeviceId.make(2n) }))
  const inBreach = (_a: WireClient, b: WireClient) => Effect.sync(() => b.ws.send(bytes(0xff)))

  const cases: ReadonlyArray<readonly [string, (a: WireClient, b: WireClient) => Effect.Effect<void>, number, number]> =
    [
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
            const nextEnd = yield* ends
            yield* close(a, b)
            yield* nextEnd
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

  it.effect("and has not proved a key has the time of a closing handshake, whatever its code says", () =>
    guarded(
      { guards: { ...guards, maxConnections: 1 }, mediator },
      () =>
        Effect.gen(function* () {
          const { port } = yield* ListenAddress
          const stranger = yield* rawTcp(port)
          stranger.write(upgradeHead(yield* pathText))
          // The whole of the ServerHello, its esk and challenge: there is nothing to be sent behind it.
          yield* stranger.got(/\r\n\r\n[^]{70}/)
          stranger.write(wsFrame(2, encodeClientFrame(hello(1, { version: 99 }))))
          yield* stranger.got("is not in")
          yield* TestClock.adjust(closeTimeout + 1_000)
          yield* stranger.closed
          yield* greeted()
        }),
      { closeTimeout }
    )
  )
})
