/**
 * The store of a served mediator: everything in one SQLite file, on the disk before it is promised.
 *
 * Owns the thread in which the database lives and the way there and back. While one commit is under way the next group of
 * writes forms in the mediator (`StoreWriter`), so that a sync of the disk is shared by all that came up during the last.
 * Tables are `StoreMigrations`', their use `StoreFile`'s.
 *
 * @since 0.1.0
 */
import { DeviceSlotExpirationPolicy } from "@d2m/codec"
import { Effect, Layer, Option, type Scope } from "effect"
import { resolve } from "node:path"
import { Worker } from "node:worker_threads"
import { MediatorStore, StoreError } from "../MediatorStore.ts"
import { packBatch, unpackMessages } from "./StoreBatch.ts"
import { failureOf, type StoreFailure } from "./StoreFailure.ts"
import type { StoreQuestions, StoreReply, StoreThreadData } from "./StoreThread.ts"

/**
 * Where the data of a mediator lies.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediatorStoreSqliteOptions {
  /** A directory for nothing else, made when it is missing. One mediator uses it at a time. */
  readonly directory: string
}

/** A store whose database can also be asked about itself. */
export interface SqliteStore {
  readonly store: MediatorStore["Service"]
  /** The answer to `PRAGMA <pragma>` on the mediator's own connection. */
  readonly pragma: (pragma: string) => Effect.Effect<unknown, StoreError>
}

// The sources run as they are, and so does what is built from them.
const threadUrl = new URL(import.meta.url.endsWith(".ts") ? "./StoreThread.ts" : "./StoreThread.js", import.meta.url)

interface Asked {
  readonly succeed: (answer: unknown) => void
  readonly fail: (failure: StoreFailure) => void
}

/** Questions to a thread, answered in their order. */
const startThread = (data: StoreThreadData) => {
  const worker = new Worker(threadUrl, { workerData: data })
  const asked = new Map<number, Asked>()
  let lastId = 0
  let ended: StoreFailure | undefined

  const end = (failure: StoreFailure): void => {
    ended ??= failure
    const left = [...asked.values()]
    asked.clear()
    for (const { fail } of left) fail(ended)
  }
  worker.on("message", (reply: StoreReply) => {
    const waiting = asked.get(reply.id)
    asked.delete(reply.id)
    if ("failure" in reply) waiting?.fail(reply.failure)
    else waiting?.succeed(reply.answer)
  })
  worker.on("error", (cause) => end(failureOf(cause)))
  worker.on("exit", () => end({ reason: "Closed", detail: "it is closed" }))

  const ask = <Name extends keyof StoreQuestions>(
    question: Name,
    what: StoreQuestions[Name]["ask"],
    transfer: ReadonlyArray<ArrayBuffer> = []
  ): Effect.Effect<StoreQuestions[Name]["answer"], StoreFailure> =>
    Effect.callback((resume) => {
      if (ended !== undefined) return resume(Effect.fail(ended))
      const id = ++lastId
      asked.set(id, {
        succeed: (answer) => resume(Effect.succeed(answer)),
        fail: (failure) => resume(Effect.fail(failure))
      })
      worker.postMessage({ id, question, ask: what }, transfer)
    })

  const close = Effect.andThen(
    Effect.ignore(ask("close", undefined)),
    Effect.callback<void>((resume) => {
      if (ended !== undefined) return resume(Effect.void)
      worker.on("exit", () => resume(Effect.void))
    })
  )
  return { ask, close }
}

/** The store in this directory, with a way to its database for tests. */
export const makeSqliteStore = (
  options: MediatorStoreSqliteOptions
): Effect.Effect<SqliteStore, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = resolve(options.directory)
    const { ask } = yield* Effect.acquireRelease(
      Effect.sync(() => startThread({ directory })),
      (thread) => thread.close
    )
    const as = <A>(operation: StoreError["operation"], answer: Effect.Effect<A, StoreFailure>) =>
      Effect.mapError(answer, (failure) => new StoreError({ operation, ...failure }))
    yield* Effect.mapError(
      ask("open", undefined),
      ({ detail, reason }) => new StoreError({ operation: "open", reason, detail: `${directory}: ${detail}` })
    )
    return {
      store: {
        load: (groupKey) => as("load", Effect.map(ask("load", groupKey), Option.fromUndefinedOr)),
        read: (groupKey, deviceId, positions) =>
          as("read", Effect.map(ask("read", { groupKey, deviceId, positions }), unpackMessages)),
        apply: (persists) =>
          Effect.suspend(() => {
            const batch = packBatch(persists)
            return as("apply", ask("apply", batch, [batch.bytes.buffer]))
          }),
        volatileGroups: as("load", ask("groupsWithPolicy", DeviceSlotExpirationPolicy.VOLATILE))
      },
      pragma: (pragma) => as("load", ask("pragma", pragma))
    }
  })

/**
 * A `MediatorStore` in one SQLite file, for one mediator at a time.
 *
 * What `apply` was given is on the disk when it succeeds (write-ahead log, `synchronous = FULL`). Building the layer fails
 * with a `StoreError` of the reason `InUse` when another mediator has the directory, `Unwritable`, `Corrupt`, `Foreign`,
 * `NewerVersion`, or `Unsupported` where the platform has no `node:sqlite`. Data of an earlier release is brought up to
 * date. When the disk is full, `apply` fails with `Full` until there is space.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (options: MediatorStoreSqliteOptions): Layer.Layer<MediatorStore, StoreError> =>
  Layer.effect(
    MediatorStore,
    Effect.map(makeSqliteStore(options), ({ store }) => store)
  )
