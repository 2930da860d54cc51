/**
 * Threads that run seeds, so that every core has something to do and this thread hears a Ctrl-C.
 *
 * Owns the threads, who of them does what, and the order of answers, which is that of the seeds. What a thread does is up
 * to `worker`.
 *
 * @since 0.1.0
 */
import type { Schedule } from "@d2m/simulation"
import { Effect, Queue, Schema, type Scope, Stream } from "effect"
import { Worker } from "node:worker_threads"
import type { Ask, Ran, Reproduction, Said, ThreadData, Told } from "./Messages.ts"

/**
 * A thread ended in the middle of a seed: out of memory, or a mistake in the simulation itself.
 *
 * @category errors
 * @since 0.1.0
 */
export class SeedWorkerFailed extends Schema.TaggedError<SeedWorkerFailed>()("SeedWorkerFailed", {
  seed: Schema.Int,
  reason: Schema.String
}) {
  override get message(): string {
    return `seed ${this.seed} could not be run: ${this.reason}`
  }
}

// Sources run as they are, and what is published was compiled.
const program = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url)

/** A thread for as long as the scope. */
const start = (data: ThreadData) =>
  Effect.acquireRelease(
    Effect.sync(() => new Worker(program, { workerData: data })),
    // In the middle of a seed as well: nobody waits for the answer any more.
    (worker) => Effect.promise(() => worker.terminate())
  )

const ask = <Answer>(
  worker: Worker,
  seed: number,
  question: Ask,
  onLived: (share: number) => void
): Effect.Effect<Answer, SeedWorkerFailed> =>
  Effect.callback((resume) => {
    const settle = (result: Effect.Effect<Answer, SeedWorkerFailed>) => {
      stopListening()
      resume(result)
    }
    const fail = (reason: string) => settle(Effect.fail(new SeedWorkerFailed({ seed, reason })))
    const onMessage = (said: Said<Answer>) =>
      said._tag === "Lived" ? onLived(said.share) : settle(Effect.succeed(said.answer))
    const onError = (error: Error) => fail(error.stack ?? error.message)
    const onExit = (code: number) => fail(`its thread ended with ${code}`)
    const stopListening = () => {
      worker.off("message", onMessage).off("error", onError).off("exit", onExit)
    }
    worker.on("message", onMessage).on("error", onError).on("exit", onExit)
    worker.postMessage(question)
    return Effect.sync(stopListening)
  })

/** How far threads that are fast may be ahead of the slowest, in seeds for each thread. */
const lead = 16

/**
 * The threads of one command.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedWorkers {
  /** Runs `count` seeds from `first` on, and tells of them in their order; of long ones meanwhile how far they are, 0…1. */
  readonly run: (
    first: number,
    count: number,
    onLived?: (seed: number, share: number) => void
  ) => Stream.Stream<Ran, SeedWorkerFailed>
  /** Shrinks a schedule for so many ms at most. */
  readonly shrink: (schedule: Schedule, millis: number) => Effect.Effect<Reproduction, SeedWorkerFailed>
  /** Runs a schedule and tells what happened, event by event if it is to be traced. */
  readonly tell: (schedule: Schedule, isTraced?: boolean) => Effect.Effect<Told, SeedWorkerFailed>
}

/**
 * Starts so many threads, which end with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (data: ThreadData, jobs: number): Effect.Effect<SeedWorkers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const idle = yield* Queue.unbounded<Worker>()
    for (let job = 0; job < jobs; job++) yield* Queue.offer(idle, yield* start(data))
    const answerOf = <Answer>(seed: number, question: Ask, onLived: (share: number) => void = () => {}) =>
      Effect.acquireUseRelease(
        Queue.take(idle),
        (worker) => ask<Answer>(worker, seed, question, onLived),
        (worker) => Queue.offer(idle, worker)
      )
    return {
      run: (first, count, onLived = () => {}) =>
        Stream.range(first, first + count - 1).pipe(
          Stream.mapEffect((seed) => answerOf<Ran>(seed, { _tag: "Run", seed }, (share) => onLived(seed, share)), {
            concurrency: jobs * lead
          })
        ),
      shrink: (schedule, millis) => answerOf<Reproduction>(schedule.seed, { _tag: "Shrink", schedule, millis }),
      tell: (schedule, isTraced = false) => answerOf<Told>(schedule.seed, { _tag: "Tell", schedule, isTraced })
    }
  })
