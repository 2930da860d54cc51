/**
 * The program of a thread that is asked one thing after the other.
 *
 * Owns the module hook that puts the sources of a planted bug in the place of the real ones: it is set before anything of
 * the packages is loaded, and ends with the thread.
 *
 * @since 0.1.0
 */
import { registerHooks } from "node:module"
import { parentPort, workerData } from "node:worker_threads"
import type { Ask, Said, ThreadData } from "./Messages.ts"

const { setting, sources } = workerData as ThreadData

if (sources.size > 0) {
  registerHooks({
    load: (url, context, nextLoad) => {
      const source = sources.get(url)
      return source === undefined ? nextLoad(url, context) : { format: "module-typescript", source, shortCircuit: true }
    }
  })
}

const { answer } = await import("./Answers.ts")
const say = <Answer>(said: Said<Answer>): void => parentPort?.postMessage(said)
parentPort?.on("message", (ask: Ask) =>
  say({ _tag: "Answered", answer: answer(setting, ask, (share) => say({ _tag: "Lived", share })) })
)
