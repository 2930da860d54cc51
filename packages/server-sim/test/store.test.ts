import { assert, describe, it } from "@effect/vitest"
import { MediatorStore } from "@d2m/server-sim"
import { Effect } from "effect"
import { storeSuite } from "./store-suite.ts"

storeSuite("in memory", MediatorStore.layerMemory)

describe("a store in memory", () => {
  it.effect("is another one wherever it is provided", () =>
    Effect.gen(function* () {
      const outer = yield* MediatorStore
      assert.notStrictEqual(yield* Effect.provide(MediatorStore, MediatorStore.layerMemory), outer)
    }).pipe(Effect.provide(MediatorStore.layerMemory))
  )
})
