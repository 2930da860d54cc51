/**
 * The store of a served mediator: everything in one SQLite file, on the disk before it is promised.
 *
 * Owns the thread in which the database lives and the way there and back. What is to be written goes there when a turn of the
 * loop is over, and while one commit is under way the next group of writes forms on the way (`StoreWriter`, `StoreThread`), so
 * that a sync of the disk is shared by all that came up during the last, and the next one follows at once.
 * Tables are `StoreMigrations`', their use `StoreFile`'s.
 *
 * @since 0.1.0
 */
import { DeviceSlotExpirationPolicy } from "@d2m/codec"
import { Clock, Effect, Layer, Option, type Scope } from "effect"
import { resolve } from "node:path"
import { Worker } from "node:worker_threads"
import { MediatorStore, MediatorStoreError } from "../MediatorStore.ts"
import { elapsedOf } from "../Moment.ts"
import { packBatch, type StoreBatch, unpackMessages } from "./StoreBatch.ts"
import { failureOf, type StoreFailure } from "./StoreFailure.ts"
import type { StoreQuestions, StoreReply, StoreRequest, StoreThreadData } from "./StoreThread.ts"

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

/** A store whose database can also be asked about itself, and lose its thread. */
export interface SqliteStore {
  readonly store: MediatorStore["Service"]
  /** The answer to `PRAGMA <pragma>` on the mediator's own connection. */
  readonly pragma: (pragma: string) => Effect.Effect<unknown, MediatorStoreError>
  /** Ends the thread in which the database lives, from one moment to the next. */
  readonly killThread: Effect.Effect<void>
}

// The sources run as they are, and so does what is built from them.
const threadUrl = new URL(import.meta.url.endsWith(".ts") ? "./StoreThread.ts" : "./StoreThread.js", import.meta.url)

interface Waiting {
  readonly succeed: (answer: unknown) => void
  readonly fail: (failure: StoreFailure) => void
}

interface Asked extends Waiting {
  readonly question: keyof StoreQuestions
}

/** Writes that are one question, and who waits for each of them. */
interface Gathered {
  readonly id: number
  readonly batches: Array<StoreBatch>
  readonly waiting: Array<Waiting>
}

/** A thread that runs, and what it has not answered yet. */
interface Running {
  readonly worker: Worker
  readonly asked: Map<number, Asked>
  /** What was asked and has not been sent. */
  gathered: Gathered | undefined
  /** Failures of writes that it has told of. */
  knownFailures: number
}

const closed: StoreFailure = { reason: "Closed", detail: "it is closed" }

/** How long no other thread follows one that ended without an answer, in ms: where none can live is no busy loop. */
const mourning = 1_000

/** How long the end of the thread is waited for. A disk that hangs may keep it from ever coming. */
const closePatience = "5 seconds"

/** Questions to a thread, answered in their order. When the thread ends before its time, another answers the next one. */
const startThread = (url: URL, data: StoreThreadData, now: () => number) => {
  let running: Running | undefined
  let isClosing = false
  let lastId = 0
  let inVain: { readonly failure: StoreFailure; readonly at: number } | undefined

  const start = (): Running => {
    const worker = new Worker(url, { workerData: data })
    const asked = new Map<number, Asked>()
    const thread: Running = { worker, asked, gathered: undefined, knownFailures: 0 }
    let hasAnswered = false
    let why: StoreFailure | undefined
    const answered = (id: number): Asked | undefined => {
      const waiting = asked.get(id)
      asked.delete(id)
      return waiting
    }
    worker.on("message", (reply: StoreReply) => {
      hasAnswered = true
      if ("failure" in reply) {
        // Ahead of what is asked by those who know of it.
        send(thread)
        thread.knownFailures = reply.failures
        answered(reply.id)?.fail(reply.failure)
      } else if ("written" in reply) {
        for (const id of reply.written.toReversed()) answered(id)?.succeed(undefined)
      } else {
        answered(reply.id)?.succeed(reply.answer)
      }
    })
    worker.on("error", (cause) => {
      why = failureOf(cause)
    })
    worker.on("exit", () => {
      const failure = isClosing ? closed : (why ?? { reason: "Failed", detail: "its thread has ended" })
      inVain = hasAnswered ? undefined : { failure, at: now() }
      running = undefined
      // Writes first: what is told of another failure may be written to the next thread, and must not build on one of them.
      const left = [...asked.values()]
      asked.clear()
      for (const { fail, question } of left) if (question === "apply") fail(failure)
      for (const { fail, question } of left) if (question !== "apply") fail(failure)
    })
    return thread
  }

  /** The thread that answers the next question, or why none does. */
  const answering = (): Running | StoreFailure => {
    if (isClosing) return closed
    if (running !== undefined) return running
    if (inVain !== undefined && now() - inVain.at < mourning) return inVain.failure
    running = start()
    return running
  }

  /** Sends the writes that were gathered. */
  const send = (thread: Running): void => {
    const { gathered, knownFailures, worker } = thread
    if (gathered === undefined) return
    thread.gathered = undefined
    const { batches, id } = gathered
    const request: StoreRequest = { id, knownFailures, question: "apply", ask: batches }
    worker.postMessage(
      request,
      batches.map(({ bytes }) => bytes.buffer)
    )
  }

  /**
   * Writes that are sent when the turn of the loop is over, and whatever else was read in it: a burst comes in pieces, and each
   * commit has its price.
   */
  const gather = (thread: Running): Gathered => {
    const gathered: Gathered = { id: ++lastId, batches: [], waiting: [] }
    const { waiting } = gathered
    thread.asked.set(gathered.id, {
      question: "apply",
      // The last one first: who waits for the first of them finds that all are done, and tells of them in one go.
      succeed: (answer) => waiting.toReversed().forEach(({ succeed }) => succeed(answer)),
      fail: (failure) => waiting.forEach(({ fail }) => fail(failure))
    })
    setImmediate(send, thread)
    return gathered
  }

  const waitingFor = <Answer>(resume: (answer: Effect.Effect<Answer, StoreFailure>) => void): Waiting => ({
    succeed: (answer) => resume(Effect.succeed(answer as Answer)),
    fail: (failure) => resume(Effect.fail(failure))
  })

  const askOf = <Name extends Exclude<keyof StoreQuestions, "apply">>(
    thread: Running,
    question: Name,
    what: StoreQuestions[Name]["ask"]
  ): Effect.Effect<StoreQuestions[Name]["answer"], StoreFailure> =>
    Effect.callback((resume) => {
      // What is answered builds on what was asked before.
      send(thread)
      const { asked, knownFailures, worker } = thread
      const id = ++lastId
      asked.set(id, { question, ...waitingFor(resume) })
      worker.postMessage({ id, knownFailures, question, ask: what })
    })

  const withThread = <A>(use: (thread: Running) => Effect.Effect<A, StoreFailure>): Effect.Effect<A, StoreFailure> =>
    Effect.suspend(() => {
      const thread = answering()
      return "worker" in thread ? use(thread) : Effect.fail(thread)
    })

  const ask = <Name extends Exclude<keyof StoreQuestions, "apply">>(
    question: Name,
    what: StoreQuestions[Name]["ask"]
  ): Effect.Effect<StoreQuestions[Name]["answer"], StoreFailure> =>
    withThread((thread) => askOf(thread, question, what))

  const apply = (batch: StoreBatch): Effect.Effect<void, StoreFailure> =>
    withThread((thread) =>
      Effect.callback((resume) => {
        thread.gathered ??= gather(thread)
        thread.gathered.batches.push(batch)
        thread.gathered.waiting.push(waitingFor(resume))
      })
    )

  /** Waits until a thread is gone. */
  const gone = (thread: Running): Effect.Effect<void> =>
    Effect.callback((resume) => {
      if (running !== thread) return resume(Effect.void)
      thread.worker.on("exit", () => resume(Effect.void))
    })

  const close = Effect.suspend(() => {
    isClosing = true
    const thread = running
    if (thread === undefined) return Effect.void
    const ending = Effect.andThen(Effect.ignore(askOf(thread, "close", undefined)), gone(thread))
    return Effect.flatMap(Effect.timeoutOption(ending, closePatience), (ended) => {
      if (Option.isSome(ended)) return Effect.void
      // Not waited for: what hangs in the kernel ends when it does.
      void thread.worker.terminate()
      return Effect.logError("the mediator's store hangs: its thread is given up")
    })
  })

  /** Ends the thread as if it had failed. */
  const kill = Effect.suspend(() => {
    const thread = running
    if (thread === undefined) return Effect.void
    void thread.worker.terminate()
    return gone(thread)
  })
  return { apply, ask, close, kill }
}

/** The store in this directory, with a way to its database for tests, and to a thread that does not what it should. */
export const makeSqliteStore = (
  options: MediatorStoreSqliteOptions,
  url: URL = threadUrl
): Effect.Effect<SqliteStore, MediatorStoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = resolve(options.directory)
    const clock = yield* Clock.Clock
    const { apply, ask, kill } = yield* Effect.acquireRelease(
      Effect.sync(() => startThread(url, { directory }, () => elapsedOf(clock))),
      (thread) => thread.close
    )
    const as = <A>(operation: MediatorStoreError["operation"], answer: Effect.Effect<A, StoreFailure>) =>
      Effect.mapError(answer, (failure) => new MediatorStoreError({ operation, ...failure }))
    yield* Effect.mapError(
      ask("open", undefined),
      ({ detail, reason }) => new MediatorStoreError({ operation: "open", reason, detail: `${directory}: ${detail}` })
    )
    return {
      store: {
        load: (groupKey) => as("load", Effect.map(ask("load", groupKey), Option.fromUndefinedOr)),
        read: (groupKey, deviceId, positions) =>
          as("read", Effect.map(ask("read", { groupKey, deviceId, positions }), unpackMessages)),
        apply: (persists) =>
          as(
            "apply",
            Effect.suspend(() => apply(packBatch(persists)))
          ),
        isPipelined: true,
        volatileGroups: as("load", ask("groupsWithPolicy", DeviceSlotExpirationPolicy.VOLATILE))
      },
      pragma: (pragma) => as("load", ask("pragma", pragma)),
      killThread: kill
    }
  })

/**
 * A `MediatorStore` in one SQLite file, for one mediator at a time.
 *
 * What `apply` was given is on the disk when it succeeds (write-ahead log, `synchronous = FULL`). Building the layer fails
 * with a `MediatorStoreError` of the reason `InUse` when another mediator has the directory, `Unwritable`, `Corrupt`, `Foreign`,
 * `NewerVersion`, or `Unsupported` where the platform has no `node:sqlite`. Data of an earlier release is brought up to
 * date. When the disk is full, `apply` fails with `Full` until there is space. When its thread ends, what was asked fails, and
 * the next question opens the database anew. Closing waits 5 seconds for the disk, and not longer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (options: MediatorStoreSqliteOptions): Layer.Layer<MediatorStore, MediatorStoreError> =>
  Layer.effect(
    MediatorStore,
    Effect.map(makeSqliteStore(options), ({ store }) => store)
  )
