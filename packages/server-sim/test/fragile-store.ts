import { makeMemoryStore, MediatorStore, StoreError } from "@d2m/server-sim"
import { Effect, Latch, Layer } from "effect"

/** A memory store whose parts can be held up or made to fail. */
export const fragileStore = () => {
  const memory = makeMemoryStore()
  const gate = Latch.makeUnsafe(true)
  const applyGate = Latch.makeUnsafe(true)
  const readGate = Latch.makeUnsafe(true)
  const applies: Array<number> = []
  let failing: "none" | "apply" | "read" | "load" = "none"
  const guarded = <A>(operation: "apply" | "read" | "load", effect: Effect.Effect<A, StoreError>) =>
    Effect.andThen(
      gate.await,
      Effect.suspend(() => (failing === operation ? new StoreError({ operation, detail: "disk full" }) : effect))
    )
  return {
    gate,
    applyGate,
    readGate,
    applies,
    fail: (operation: typeof failing) => {
      failing = operation
    },
    layer: Layer.succeed(MediatorStore, {
      load: (key) => guarded("load", memory.load(key)),
      read: (key, deviceId, positions) =>
        Effect.andThen(readGate.await, guarded("read", memory.read(key, deviceId, positions))),
      apply: (persists) => {
        applies.push(persists.length)
        return Effect.andThen(applyGate.await, guarded("apply", memory.apply(persists)))
      },
      volatileGroups: memory.volatileGroups
    })
  }
}
