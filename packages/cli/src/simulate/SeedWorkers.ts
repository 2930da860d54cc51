/**
 * Threads that run seeds, so that every core has something to do and this thread hears a Ctrl-C.
 *
 * Owns the threads and the order of answers, which is that of the seeds. What a thread does is up to `worker`.
 *
 * @since 0.1.0
 */
import { Effect, Queue, Schema, Stream } from "effect"
import { Worker } from "node:worker_threads"
import type { Ask, Ran, Setting } from "./Messages.ts"

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
const start = (setting: Setting) =>
  Effect.acquireRelease(
    Effect.sync(() => new Worker(program, { workerData: setting })),
    // In the middle of a seed as well: nobody waits for the answer any more.
    (worker) => Effect.promise(() => worker.terminate())
  )

const ask = (worker: Worker, question: Ask): Effect.Effect<Ran, SeedWorkerFailed> =>
  Effect.callback((resume) => {
    const settle = (result: Effect.Effect<Ran, SeedWorkerFailed>) => {
      stopListening()
      resume(result)
    }
    const fail = (reason: string) => settle(Effect.fail(new SeedWorkerFailed({ seed: question.seed, reason })))
    const onMessage = (ran: Ran) => settle(Effect.succeed(ran))
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
 * Runs `count` seeds from `first` on, on so many threads, and tells of them in their order.
 *
 * @category running
 * @since 0.1.0
 */
export const runSeeds = (options: {
  readonly first: number
  readonly count: number
  readonly jobs: number
  readonly setting: Setting
}): Stream.Stream<Ran, SeedWorkerFailed> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { count, first, jobs, setting } = options
      const idle = yield* Queue.unbounded<Worker>()
      for (let job = 0; job < Math.min(jobs, count); job++) yield* Queue.offer(idle, yield* start(setting))
      return Stream.range(first, first + count - 1).pipe(
        Stream.mapEffect(
          (seed) =>
            Effect.acquireUseRelease(
              Queue.take(idle),
              (worker) => ask(worker, { seed }),
              (worker) => Queue.offer(idle, worker)
            ),
          { concurrency: jobs * lead }
        )
      )
    })
  )
