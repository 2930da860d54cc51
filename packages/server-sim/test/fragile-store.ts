import { makeMemoryStore, MediatorStore, MediatorStoreError } from "@d2m/server-sim"
import { Effect, Latch, Layer } from "effect"

/** A memory store whose parts can be held up or made to fail. */
export const fragileStore = () => {
  const memory = makeMemoryStore()
  const gate = Latch.makeUnsafe(true)
  const applyGate = Latch.makeUnsafe(true)
  const readGate = Latch.makeUnsafe(true)
  const applies: Array<number> = []
  let failing: "none" | "apply" | "read" | "load" = "none"
  let throwing = false
  const maybeThrow = (operation: typeof failing): void => {
    if (throwing && failing === operation) throw new Error("disk full")
  }
  const guarded = <A>(operation: "apply" | "read" | "load", effect: Effect.Effect<A, MediatorStoreError>) =>
    Effect.andThen(
      gate.await,
      Effect.suspend(() =>
        failing === operation ? new MediatorStoreError({ operation, detail: "disk full" }) : effect
      )
    )
  return {
    gate,
    applyGate,
    readGate,
    applies,
    /** What goes wrong from now on; `throws` where the method itself throws instead of failing as an effect. */
    fail: (operation: typeof failing, manner: "fails" | "throws" = "fails") => {
      failing = operation
      throwing = manner === "throws"
    },
    layer: Layer.succeed(MediatorStore, {
      load: (key) => {
        maybeThrow("load")
        return guarded("load", memory.load(key))
      },
      read: (key, deviceId, positions) => {
        maybeThrow("read")
        return Effect.andThen(readGate.await, guarded("read", memory.read(key, deviceId, positions)))
      },
      apply: (persists) => {
        maybeThrow("apply")
        applies.push(persists.length)
        return Effect.andThen(applyGate.await, guarded("apply", memory.apply(persists)))
      },
      volatileGroups: memory.volatileGroups
    })
  }
}
