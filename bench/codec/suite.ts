/**
 * The codec's benchmark: frames against hand-written loops, messages against other protobuf libraries, boxes against
 * the libraries that make them. Everybody's result is checked before anybody is timed.
 */
import { table } from "../Report.ts"
import { compare } from "../Rounds.ts"
import type { Suite } from "../Suite.ts"
import { boxes } from "./boxes.ts"
import { frames } from "./frames.ts"
import { messages } from "./messages.ts"

export const suite: Suite = {
  rounds: 201,
  legend: "median, ratio to the first line, and what 80 of 100 rounds lie between",
  run: async function* ({ only, rounds }) {
    for (const comparison of [...frames(), ...messages(), ...boxes()]) {
      if (!comparison.name.includes(only)) continue
      const outcome = compare(comparison, { rounds, sliceMillis: 1, warmUpMillis: 150 })
      yield { outcome, table: table(outcome) }
    }
  }
}
