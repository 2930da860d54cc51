import { assert, describe, it } from "@effect/vitest"
import { GuardEvents, layerGuardWatch } from "@d2m/server-sim"
import { type Duration, Effect, Layer, Logger } from "effect"
import { answers, greeted, join, loopback, refused, served } from "./served-mediator.ts"

describe("a listener of guards that throws", () => {
  it.live("is logged, and costs neither the server anything nor the client its answer", () => {
    const logged = new Set<string>()
    const logger = Logger.map(Logger.formatStructured, ({ level, message }) => {
      logged.add(`${level} ${String(message)}`)
    })
    const throwing = Layer.succeed(GuardEvents, () => {
      throw new Error("the counter is broken")
    })
    const layer = served({}, { ...loopback, guards: { maxConnections: 2 } }).pipe(
      Layer.provide([throwing, Logger.layer([logger])])
    )
    return Effect.gen(function* () {
      const a = yield* join(1)
      const b = yield* greeted()
      assert.match(yield* refused(), /^503 /)
      b.send({ _tag: "GetDevicesInfo" })
      assert.strictEqual((yield* b.until("Closed")).code, 4010)
      yield* answers(a)
      assert.deepStrictEqual([...logged], ["ERROR a listener of the mediator's guards failed"])
    }).pipe(Effect.provide(layer))
  })
})

it.each([NaN, 0, -1, Infinity, "soon", { minute: 5 }])(
  "the guards are not watched at an interval of %o",
  (interval) => {
    assert.throws(
      () => layerGuardWatch({ interval: interval as Duration.Input }),
      /an interval must be a finite duration above 0/
    )
  }
)
