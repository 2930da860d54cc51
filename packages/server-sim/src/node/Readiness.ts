/**
 * Whether a served mediator is ready for devices.
 *
 * Owns the answer: it listens, its store answers, it is not shutting down. Who asks, and how, is `AdminServer`'s.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import { MediatorStore } from "../MediatorStore.ts"
import { ListenAddress } from "./ListenAddress.ts"

/**
 * Whether devices can be sent to a mediator, and why not.
 *
 * - `Ready`: it listens and its store answers
 * - `Starting`: it does not listen yet
 * - `ShuttingDown`: it does not listen any more
 * - `StoreUnavailable`: its store failed to answer, or took longer than 2 seconds
 *
 * @category models
 * @since 0.1.0
 */
export type ReadinessStatus = "Ready" | "Starting" | "ShuttingDown" | "StoreUnavailable"

/** A group that no honest device is of. What the store says of it does not matter, only that it says something. */
const nobody = "0".repeat(64)

const patience = "2 seconds"

/**
 * The readiness of one mediator.
 *
 * @category services
 * @since 0.1.0
 */
export class Readiness extends Context.Service<
  Readiness,
  {
    /** Asks the store. */
    readonly status: Effect.Effect<ReadinessStatus>
    readonly startsListening: Effect.Effect<void>
    readonly stopsListening: Effect.Effect<void>
  }
>()("@d2m/server-sim/Readiness") {
  /** A mediator on this store that does not listen yet. */
  static readonly layer: Layer.Layer<Readiness, never, MediatorStore> = Layer.effect(
    Readiness,
    Effect.map(MediatorStore, (store) => {
      let phase: "Starting" | "Listening" | "ShuttingDown" = "Starting"
      const probe = store.load(nobody).pipe(
        Effect.as("Ready" as const),
        Effect.timeout(patience),
        Effect.catchCause(() => Effect.succeed("StoreUnavailable" as const))
      )
      return {
        status: Effect.suspend((): Effect.Effect<ReadinessStatus> =>
          phase === "Listening" ? probe : Effect.succeed(phase)
        ),
        startsListening: Effect.sync(() => void (phase = "Listening")),
        stopsListening: Effect.sync(() => void (phase = "ShuttingDown"))
      }
    })
  )

  /** The mediator listens from when its server is built until that is about to stop. */
  static readonly layerListening: Layer.Layer<never, never, Readiness | ListenAddress> = Layer.effectDiscard(
    Effect.gen(function* () {
      yield* ListenAddress
      const readiness = yield* Readiness
      yield* Effect.acquireRelease(readiness.startsListening, () => readiness.stopsListening)
    })
  )
}
