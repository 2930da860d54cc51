import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Stream } from "effect"
import { makeStateCell } from "../src/ConnectionState.ts"
import { makeEventLog } from "../src/DeviceEvent.ts"

/** What a subscriber sees that stands still from its first element on, until `during` is over. */
const seenAfter = <A>(stream: Stream.Stream<A>, during: () => void) =>
  Effect.gen(function* () {
    const begun = Latch.makeUnsafe(false)
    const goOn = Latch.makeUnsafe(false)
    const seen = yield* stream.pipe(
      Stream.tap(() => Effect.andThen(begun.open, goOn.await)),
      Stream.runCollect,
      Effect.forkChild({ startImmediately: true })
    )
    yield* begun.await
    during()
    yield* goOn.open
    return yield* Fiber.join(seen)
  })

it.effect("a subscriber of events that falls behind loses the oldest", () =>
  Effect.gen(function* () {
    const log = makeEventLog(4, () => {})
    const emit = (count: number) => log.emit({ _tag: "EphemeralsDropped", count })
    const seen = seenAfter(log.events, () => {
      for (let count = 2; count <= 20; count++) emit(count)
      log.end()
    })
    const fiber = yield* Effect.forkChild(seen, { startImmediately: true })
    emit(1)
    const counts = (yield* Fiber.join(fiber)).map((event) => (event._tag === "EphemeralsDropped" ? event.count : 0))
    assert.deepStrictEqual(counts, [1, 17, 18, 19, 20])
  })
)

it.effect("a subscriber of states that falls behind is left with the latest", () =>
  Effect.gen(function* () {
    const cell = makeStateCell({ capacity: 2, pending: () => 0, onState: () => {} })
    const seen = yield* seenAfter(cell.changes(), () => {
      for (let attempt = 2; attempt <= 9; attempt++) cell.setUnsafe({ _tag: "Connecting", attempt })
      cell.setUnsafe({ _tag: "Stopped", died: false, pendingReflects: 0 })
    })
    assert.deepStrictEqual(seen.at(0), { _tag: "Connecting", attempt: 1, pendingReflects: 0 })
    assert.deepStrictEqual(seen.at(-1), { _tag: "Stopped", died: false, pendingReflects: 0 })
  })
)

it.effect("events are over for whoever subscribes first when the device is", () =>
  Effect.gen(function* () {
    const log = makeEventLog(4, () => {})
    log.emit({ _tag: "EphemeralsDropped", count: 1 })
    log.end()
    const seen = yield* Stream.runCollect(log.events).pipe(Effect.forkChild)
    yield* Effect.forEach([1, 2, 3], () => Effect.yieldNow)
    assert.deepStrictEqual(seen.pollUnsafe(), Exit.succeed([]))
  })
)
