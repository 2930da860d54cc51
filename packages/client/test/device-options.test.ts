// How long a device waits and how much it holds: what cannot be is told when it is made.
import { assert, describe, it } from "@effect/vitest"
import { type Context, Duration, Effect, Layer } from "effect"
import {
  type Deadlines,
  Deadlines as DeadlinesInForce,
  defaultDeadlines,
  type DeviceOptionsError,
  HandlerPolicy,
  InvalidDeviceOptions,
  layerPinging,
  layerWebSocket,
  linearBackoff,
  probing,
  ReconnectPolicy
} from "../src/index.ts"
import { layerNodeWebSocket } from "../src/node.ts"
import { connect, expectState, makeWorld } from "./scripted-peer.ts"

const detailOf = (error: DeviceOptionsError): string => {
  assert.ok(error._tag === "InvalidDeviceOptions")
  return error.detail
}

const refuses = <S>(key: Context.Key<never, S>, value: S, where: string) =>
  Effect.gen(function* () {
    assert.include(detailOf(yield* Effect.flip(makeWorld())), where)
  }).pipe(Effect.provideService(key, value))

describe("no device is made", () => {
  const names = Object.keys(defaultDeadlines) as ReadonlyArray<keyof Deadlines>
  const notOverAtOnce = names.filter((name) => name !== "chatVerdict" && name !== "close")
  const noSpans = [
    -1,
    NaN,
    [NaN, 0],
    { minutes: NaN },
    { minutes: Infinity, seconds: -Infinity },
    "-5 minutes",
    "-Infinity"
  ]
  const nonsense = ["soon", "5 eons", "", {}, { minute: 5 }, { minutes: "5" }, [1], new Date(0), null, true]
  for (const name of names) {
    it.effect(`that waits for ever, less than nothing, or nonsense: ${name}`, () =>
      Effect.forEach([...noSpans, ...nonsense, Infinity, "Infinity", { hours: Infinity }, undefined], (value) =>
        refuses(DeadlinesInForce, { ...defaultDeadlines, [name]: value }, `["deadlines"]["${name}"]`)
      )
    )
  }
  for (const name of notOverAtOnce) {
    it.effect(`whose waiting is over at once: ${name}`, () =>
      Effect.forEach([0, "0 seconds", 0n, { seconds: 0 }], (value) =>
        refuses(DeadlinesInForce, { ...defaultDeadlines, [name]: value }, `["deadlines"]["${name}"]`)
      )
    )
  }

  for (const value of [...noSpans, ...nonsense]) {
    it.effect(`whose clock may be off by ${JSON.stringify(value)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(makeWorld({ clockTolerance: value as never }))
        assert.include(detailOf(error), `["clockTolerance"]`)
      })
    )
  }

  for (const [name, value] of [
    ["tries", 0],
    ["tries", NaN],
    ["tries", Infinity],
    ["tries", 1.5],
    ["giveUp", "drop"]
  ] as const) {
    it.effect(`whose handler has ${String(value)} as ${name}`, () => {
      const policy: HandlerPolicy = { tries: 3, delay: () => 0, giveUp: "halt" }
      return refuses(HandlerPolicy, { ...policy, [name]: value }, `["handler"]["${name}"]`)
    })
  }

  for (const value of [...noSpans, ...nonsense]) {
    it.effect(`whose connections settle after ${JSON.stringify(value)}`, () =>
      refuses(ReconnectPolicy, { ...linearBackoff(), settledAfter: value as never }, `["reconnect"]["settledAfter"]`)
    )
  }

  it.effect("but one that never settles, believes every clock and leaves the chat handler no time works", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ clockTolerance: "Infinity" })
      yield* connect(world, { currentTime: 0n })
      yield* expectState(world, "Live")
    }).pipe(
      Effect.provideService(DeadlinesInForce, {
        open: 0.5,
        handshake: "10 seconds",
        answer: { minutes: 1 },
        chatVerdict: 0,
        close: "0 millis",
        stall: [10, 500_000_000],
        lock: Duration.minutes(2)
      }),
      Effect.provideService(ReconnectPolicy, linearBackoff({ settledAfter: "Infinity", maximumFailures: Infinity }))
    )
  )
})

describe("no policy is made", () => {
  const throws = (make: () => unknown, option: string) => {
    let thrown: unknown
    try {
      make()
    } catch (error) {
      thrown = error
    }
    assert.ok(thrown instanceof InvalidDeviceOptions)
    assert.include(thrown.detail, `["${option}"]`)
  }

  for (const [option, value] of [
    ["base", NaN],
    ["base", -1],
    ["base", "Infinity"],
    ["cap", "-1 second"],
    ["jitter", NaN],
    ["jitter", 1.5],
    ["maximumFailures", NaN],
    ["maximumFailures", 0],
    ["settledAfter", -1]
  ] as const) {
    it(`that reconnects with ${String(value)} as ${option}`, () =>
      throws(() => linearBackoff({ [option]: value }), option))
  }

  for (const [option, value] of [
    ["idle", 0],
    ["idle", -1],
    ["patience", NaN],
    ["patience", "Infinity"],
    ["patience", "soon"]
  ] as const) {
    it(`that keeps alive with ${String(value)} as ${option}`, () => {
      throws(() => probing({ [option]: value }), option)
      throws(() => layerPinging({ [option]: value }), option)
    })
  }
})

describe("no transport is made", () => {
  const wrong = [-1, NaN, Infinity, "soon", null] as const
  const both = ["openTimeout", "closeTimeout", "writeHighWaterMark"] as const
  const options = [
    ...both.flatMap((option) => [layerWebSocket, layerNodeWebSocket].map((layer) => ({ option, layer }))),
    ...["receiveLimit", "pollInterval"].map((option) => ({ option, layer: layerWebSocket })),
    ...["readHighWaterMark", "maxPayload"].map((option) => ({ option, layer: layerNodeWebSocket }))
  ]
  for (const { layer, option } of options) {
    it.effect(`with nonsense as ${option}: ${layer === layerWebSocket ? "global" : "node"}`, () =>
      Effect.gen(function* () {
        const values = option.endsWith("Timeout") || option === "pollInterval" ? wrong : [...wrong, 1.5]
        for (const value of values) {
          const error = yield* Effect.flip(
            Effect.scoped(Layer.build(layer({ url: "ws://127.0.0.1:1", [option]: value })))
          )
          assert.ok(error._tag === "InvalidDeviceOptions")
          assert.include(error.detail, `["${option}"]`)
        }
      })
    )
  }

  it.effect("but one that gives closing no time, and writes one thing at a time", () =>
    Effect.scoped(
      Effect.forEach([layerWebSocket, layerNodeWebSocket], (layer) =>
        Layer.build(layer({ url: "ws://127.0.0.1:1", closeTimeout: 0, writeHighWaterMark: 0 }))
      )
    )
  )
})
