/** What clients can write into the log of a mediator that lets anybody make a group. */
import { assert, describe, it } from "@effect/vitest"
import { DeviceId } from "@d2m/codec"
import { type Happening, layerLog, Mediator, type Observer } from "@d2m/server-sim"
import { Effect, Layer, Logger, References } from "effect"
import { TestClock } from "effect/testing"

/** A mediator that says what the test says, and the lines of its log. */
const told = () => {
  const observers = new Set<Observer>()
  const lines: Array<{ readonly text: string; readonly annotations: Readonly<Record<string, unknown>> }> = []
  const logger = Logger.map(Logger.formatStructured, ({ annotations, level, message }) => {
    lines.push({ text: `${level} ${String(message)}`, annotations })
  })
  const talkative = Layer.effect(
    Mediator,
    Effect.map(Mediator, (mediator) =>
      Mediator.of({ ...mediator, observe: (observer) => Effect.sync(() => void observers.add(observer)) })
    )
  ).pipe(Layer.provide(Mediator.layerTest))
  return {
    lines,
    layer: layerLog.pipe(Layer.provide(talkative), Layer.provide(Logger.layer([logger]))),
    tell: (happening: Happening) => {
      for (const observer of observers) observer(happening)
    }
  }
}

const groupKey = (group: number): string => group.toString(16).padStart(64, "0")

const traffic = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }

const connection = (group: number, origin?: string) => ({
  id: 1,
  groupKey: groupKey(group),
  origin,
  deviceId: DeviceId.make(1n),
  traffic
})

const registered = (group: number, origin?: string): Happening => ({
  _tag: "Registered",
  connection: connection(group, origin),
  isNew: true,
  queued: 0
})

/** What a device can have the log say by connecting: it registers, replaces itself, loses a slot and a transaction, leaves. */
const visit = (group: number, origin?: string): ReadonlyArray<Happening> => [
  registered(group, origin),
  { _tag: "Decided", groupKey: groupKey(group), decision: { _tag: "Replaced", deviceId: DeviceId.make(1n) } },
  {
    _tag: "Decided",
    groupKey: groupKey(group),
    decision: { _tag: "SlotFreed", deviceId: DeviceId.make(2n), why: "LeastRecent" }
  },
  {
    _tag: "Decided",
    groupKey: groupKey(group),
    decision: { _tag: "TransactionDiscarded", deviceId: DeviceId.make(1n), why: "Replaced", messages: 1 }
  },
  { _tag: "Ended", connection: connection(group), by: "Peer", code: 1000, reason: "" }
]

const leftOut = (count: number) => ({
  "device registered": count,
  "session replaced": count,
  "slot freed": count,
  "transaction discarded": count,
  "connection closed": count
})

describe("the log of a mediator", () => {
  it.effect(
    "has a minute's lines of a group that connects all the time, all of others, and says what is missing",
    () => {
      const { layer, lines, tell } = told()
      return Effect.gen(function* () {
        for (let n = 0; n < 1_000; n++) visit(1).forEach(tell)
        assert.lengthOf(lines, 60)
        visit(2).forEach(tell)
        assert.lengthOf(lines, 65)
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(lines.splice(0).slice(65), [
          { text: "WARN log lines left out", annotations: leftOut(988) }
        ])
        for (let n = 0; n < 1_000; n++) visit(1).forEach(tell)
        assert.lengthOf(lines, 10)
        yield* TestClock.adjust("1 minute")
        assert.lengthOf(lines.splice(0), 11)
        for (let n = 0; n < 12; n++) visit(1).forEach(tell)
        yield* TestClock.adjust("1 minute")
        assert.lengthOf(lines, 60)
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("has no more lines for somebody with a new group each time", () => {
    const { layer, lines, tell } = told()
    return Effect.gen(function* () {
      for (let group = 0; group < 20_000; group++) tell(registered(group))
      assert.lengthOf(lines, 5_000)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(lines.splice(0).at(-1)?.annotations, { "device registered": 15_000 })
      for (let group = 0; group < 20_000; group++) tell(registered(group))
      assert.lengthOf(lines, 500)
    }).pipe(Effect.provide(layer))
  })

  it.effect("has lines of everybody else when one address has a new group each time", () => {
    const { layer, lines, tell } = told()
    return Effect.gen(function* () {
      for (let group = 1; group < 5_000; group++) visit(group, "203.0.113.1").forEach(tell)
      assert.lengthOf(lines.splice(0), 600)
      for (let group = 5_000; group < 5_100; group++) visit(group, "203.0.113.2").forEach(tell)
      assert.lengthOf(lines.splice(0), 500)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(lines.splice(0), [{ text: "WARN log lines left out", annotations: leftOut(4_879) }])
      for (let group = 1; group < 5_000; group++) visit(group, "203.0.113.1").forEach(tell)
      assert.lengthOf(lines, 300)
      assert.notInclude(JSON.stringify(lines), "203.0.113")
    }).pipe(Effect.provide(layer))
  })

  it.effect("says what is missing when it ends", () => {
    const { layer, lines, tell } = told()
    return Effect.gen(function* () {
      yield* Effect.provide(
        Effect.sync(() => {
          for (let n = 0; n < 61; n++) tell(registered(1))
        }),
        layer
      )
      assert.deepStrictEqual(lines.at(-1), { text: "WARN log lines left out", annotations: { "device registered": 1 } })
    })
  })

  it.effect("has everything at Debug", () => {
    const { layer, lines, tell } = told()
    return Effect.gen(function* () {
      for (let n = 0; n < 100; n++) visit(1).forEach(tell)
      assert.lengthOf(lines, 500)
    }).pipe(Effect.provide(Layer.provide(layer, Layer.succeed(References.MinimumLogLevel)("Debug"))))
  })
})
