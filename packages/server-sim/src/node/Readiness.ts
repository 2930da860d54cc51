/**
 * Whether a served mediator is ready for devices.
 *
 * Owns the answer: it listens, its store answers and writes, it is not shutting down. Who asks, and how, is `AdminServer`'s.
 *
 * @since 0.1.0
 */
import { Limits } from "@d2m/codec"
import { Cause, Context, Effect, Exit, Layer, Semaphore } from "effect"
import { MediatorStore, type MediatorStoreError } from "../MediatorStore.ts"
import type { Persist } from "../Output.ts"
import { areDescriptorsUsedUp } from "./Descriptors.ts"
import { ListenAddress } from "./ListenAddress.ts"

/**
 * Whether devices can be sent to a mediator, and why not.
 *
 * - `Ready`: it listens, its store answers, and what it was last given to write it wrote
 * - `Starting`: it does not listen yet
 * - `ShuttingDown`: it does not listen any more
 * - `OutOfDescriptors`: the process has no file descriptor left: whoever connects is hung up on
 * - `StoreUnavailable`: its store failed to answer or to write, or took longer than 2 seconds
 *
 * @category models
 * @since 0.1.0
 */
export type ReadinessStatus = "Ready" | "Starting" | "ShuttingDown" | "OutOfDescriptors" | "StoreUnavailable"

/** No group's name: those are 64 digits. What the store says of it does not matter, only that it says something. */
const nobody = "readiness"

const trialOf = (bytes: number): Persist => ({
  _tag: "Persist",
  id: 0,
  groupKey: nobody,
  commands: [{ _tag: "SetSharedData", encryptedSharedDeviceData: new Uint8Array(bytes) }]
})

/** As much as a client may send at once, and nothing left of it: a disk that is almost full takes what is small. */
const trials = [trialOf(Limits.envelope), trialOf(0)]

const patience = "2 seconds"

/**
 * A store that is watched while a mediator uses it.
 *
 * Whoever cannot write may still read: a full disk shows in what the mediator writes. Once that has failed, only a probe that
 * writes tells that it is over, because a mediator that is not ready is sent nobody for whom it would write.
 */
const watched = (store: MediatorStore["Service"]) => {
  /** Nobody writes while another does, unless the store has room for several. */
  const writer = Semaphore.makeUnsafe(1)
  /** The mediator's writes that have the store to themselves, or will. */
  let inTurn = 0
  let hasFailed = false

  const writing = (persists: ReadonlyArray<Persist>): Effect.Effect<void, MediatorStoreError> =>
    Effect.onExit(store.apply(persists), (exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) hasFailed = true
      })
    )

  const writesTrials = Effect.forEach(trials, (trial) => writing([trial]), { discard: true }).pipe(
    Effect.tap(() => Effect.sync(() => void (hasFailed = false))),
    writer.withPermits(1)
  )

  // While there may be probes that write, nothing is under way beside them that would fall with them.
  const isPipelined = (): boolean => store.isPipelined === true && !hasFailed && inTurn === 0

  const service: MediatorStore["Service"] = {
    ...store,
    get isPipelined() {
      return isPipelined()
    },
    apply: (persists) =>
      Effect.suspend(() => {
        if (isPipelined()) return writing(persists)
        inTurn++
        return writer
          .withPermits(1)(Effect.suspend(() => writing(persists)))
          .pipe(
            Effect.ensuring(
              Effect.sync(() => {
                inTurn--
              })
            )
          )
      })
  }
  return { service, probe: Effect.suspend(() => (hasFailed ? writesTrials : Effect.asVoid(store.load(nobody)))) }
}

/**
 * The readiness of one mediator.
 *
 * @category services
 * @since 0.1.0
 */
export class Readiness extends Context.Service<
  Readiness,
  {
    /** Asks the store, and has it write something if it has failed to. */
    readonly status: Effect.Effect<ReadinessStatus>
    readonly startsListening: Effect.Effect<void>
    readonly stopsListening: Effect.Effect<void>
  }
>()("@d2m/server-sim/Readiness") {
  /** A mediator that does not listen yet, and the store that it is to use: the given one, watched. */
  static readonly layer: Layer.Layer<Readiness | MediatorStore, never, MediatorStore> = Layer.effectContext(
    Effect.map(MediatorStore, (store) => {
      const { probe, service } = watched(store)
      let phase: "Starting" | "Listening" | "ShuttingDown" = "Starting"
      const answer = probe.pipe(
        Effect.as("Ready" as const),
        Effect.timeout(patience),
        Effect.catchCause(() => Effect.succeed("StoreUnavailable" as const))
      )
      const readiness = Readiness.of({
        status: Effect.suspend((): Effect.Effect<ReadinessStatus> =>
          phase !== "Listening"
            ? Effect.succeed(phase)
            : areDescriptorsUsedUp()
              ? Effect.succeed("OutOfDescriptors")
              : answer
        ),
        startsListening: Effect.sync(() => void (phase = "Listening")),
        stopsListening: Effect.sync(() => void (phase = "ShuttingDown"))
      })
      return Context.add(Context.make(Readiness, readiness), MediatorStore, service)
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
