/**
 * This project's mediator as both targets run it: settings turned into options, stopped, restarted, its store broken.
 *
 * Owns what is the same whether frames travel in memory or over WebSockets. The launch is the target's.
 */
import { assert } from "@effect/vitest"
import { Crypto } from "@d2m/codec"
import { Duration, Effect, Exit, Layer, Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import {
  ChatUpstream,
  lenientOptions,
  Mediator,
  type MediatorOptionsInput,
  MediatorStore,
  MediatorStoreError,
  strictOptions
} from "../../src/index.ts"
import type { KeptStore } from "./KeptStore.ts"
import { crypto } from "./RawDevice.ts"
import type { Settings } from "./Target.ts"

/** The mediator's time when a scenario begins: later than 1970, so that a time that is left out shows. */
export const epoch = 1_700_000_000_000

const shortestIdleTimeout = 30_000

const optionsOf = (settings: Settings): MediatorOptionsInput => {
  const { chat: _, mode, ...given } = settings
  const preset = mode === "lenient" ? lenientOptions : strictOptions
  const options = { ...preset, ...given }
  return { ...options, allowShortIdleTimeout: Duration.toMillis(options.idleTimeout) < shortestIdleTimeout }
}

const chatOf = ({ chat = "none" }: Settings): Layer.Layer<ChatUpstream> => {
  if (chat === "none") return ChatUpstream.layerNone
  return chat === "echo" ? ChatUpstream.layerEcho : ChatUpstream.layerScripted(chat)
}

/** Bytes that no two calls share and every run repeats. */
const layerRandom = Layer.sync(SecureRandom.SecureRandom, () => {
  let calls = 0
  return SecureRandom.make((size) => {
    const block = crypto.sha256(Uint8Array.of(calls & 0xff, calls++ >> 8))
    return Uint8Array.from({ length: size }, (_, index) => block[index % 32]! ^ (index >> 5))
  })
})

/** What both targets do alike. */
export interface UnderTest<Launched> {
  /** What the present run was launched as. */
  readonly current: () => Launched
  readonly advance: (duration: Duration.Input) => Effect.Effect<void>
  readonly now: Effect.Effect<bigint>
  readonly stop: Effect.Effect<void>
  readonly restart: Effect.Effect<void>
  readonly breakStore: Effect.Effect<void>
}

/** Runs a mediator and what `launch` puts in front of it. */
export const underTest = <Launched>(
  settings: Settings,
  kept: KeptStore,
  launch: Effect.Effect<Launched, never, Mediator | Scope.Scope>
): Effect.Effect<UnderTest<Launched>, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* TestClock.setTime(epoch)
    let isBroken = false
    const broken = new MediatorStoreError({ operation: "apply", detail: "the scenario says so" })
    const store = Layer.effect(
      MediatorStore,
      Effect.map(MediatorStore, (store) => ({
        ...store,
        apply: (persists) => Effect.suspend(() => (isBroken ? Effect.fail(broken) : store.apply(persists)))
      }))
    ).pipe(Layer.provide(yield* kept))
    const around = Layer.mergeAll(store, chatOf(settings), Crypto.layer, layerRandom)

    const start = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const mediator = Mediator.layer(optionsOf(settings)).pipe(Layer.provide(around))
      const context = yield* Effect.orDie(Layer.buildWithScope(mediator, scope))
      const launched = yield* launch.pipe(Effect.provideContext(context), Effect.provideService(Scope.Scope, scope))
      return { launched, scope }
    })
    const stop = Effect.suspend(() => Scope.close(run.scope, Exit.void))
    let run = yield* start
    yield* Effect.addFinalizer(() => stop)

    return {
      current: () => run.launched,
      advance: TestClock.adjust,
      now: Effect.map(
        TestClock.testClockWith((clock) => clock.currentTimeMillis),
        BigInt
      ),
      stop,
      restart: Effect.gen(function* () {
        yield* stop
        isBroken = false
        run = yield* start
      }),
      breakStore: Effect.sync(() => {
        assert.isFalse(isBroken)
        isBroken = true
      })
    }
  })
