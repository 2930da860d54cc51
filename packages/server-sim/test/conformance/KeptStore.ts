/**
 * What a scenario's mediator keeps its data in, from one start of the mediator to the next.
 *
 * Owns the stores that the suite runs against.
 */
import { Effect, Exit, Layer, Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { makeMemoryStore, MediatorStore } from "../../src/index.ts"
import { layerSqlite } from "../../src/node.ts"

/** Makes the store of one scenario; each start of its mediator builds the layer. */
export type KeptStore = Effect.Effect<Layer.Layer<MediatorStore>>

/** Never done at once: what comes in meanwhile must find its order all the same. */
const turns = Effect.repeat(Effect.yieldNow, { times: 5 })

export const memory: KeptStore = Effect.sync(() => {
  const store = makeMemoryStore()
  return Layer.succeed(MediatorStore, {
    load: (...args) => Effect.andThen(turns, store.load(...args)),
    read: (...args) => Effect.andThen(turns, store.read(...args)),
    apply: (persists) => Effect.andThen(turns, store.apply(persists)),
    volatileGroups: Effect.andThen(turns, store.volatileGroups)
  })
})

type Store = MediatorStore["Service"]

/** The part of a store whose groups have this prefix. */
const within = (prefix: string, store: Store): Store => ({
  load: (groupKey) => store.load(prefix + groupKey),
  read: (groupKey, deviceId, positions) => store.read(prefix + groupKey, deviceId, positions),
  apply: (persists) => store.apply(persists.map((persist) => ({ ...persist, groupKey: prefix + persist.groupKey }))),
  volatileGroups: Effect.map(store.volatileGroups, (groupKeys) =>
    groupKeys.flatMap((groupKey) => (groupKey.startsWith(prefix) ? groupKey.slice(prefix.length) : []))
  )
})

/**
 * One database for all scenarios of a test file, because a thread for each would take most of the time. Each scenario has
 * groups of its own in it, and a mediator that starts again opens it again.
 */
export const sqlite = (): KeptStore => {
  const directory = mkdtempSync(join(tmpdir(), "d2m-store-"))
  let open: { readonly scope: Scope.Closeable; readonly store: Store } | undefined
  let scenarios = 0

  const close = Effect.suspend(() => (open === undefined ? Effect.void : Scope.close(open.scope, Exit.void)))
  const reopen = Effect.gen(function* () {
    yield* close
    const scope = yield* Scope.make()
    const context = yield* Effect.orDie(Layer.buildWithScope(Layer.fresh(layerSqlite({ directory })), scope))
    open = { scope, store: yield* Effect.provideContext(MediatorStore, context) }
    return open.store
  })
  afterAll(async () => {
    await Effect.runPromise(close)
    rmSync(directory, { recursive: true })
  })

  return Effect.sync(() => {
    const prefix = `${++scenarios}:`
    let starts = 0
    const start = Effect.suspend(() => (starts++ === 0 && open !== undefined ? Effect.succeed(open.store) : reopen))
    return Layer.effect(
      MediatorStore,
      Effect.map(start, (store) => within(prefix, store))
    )
  })
}
