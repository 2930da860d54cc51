/**
 * Makes an input that was found smaller, as long as the same rule is broken.
 */
import { longestMutation } from "../src/testing.ts"
import { isFinding, makeExaminer } from "./Examination.ts"
import type { Crash } from "./Fuzz.ts"

const without = (bytes: Uint8Array, start: number, length: number): Uint8Array => {
  const shorter = new Uint8Array(bytes.length - length)
  shorter.set(bytes.subarray(0, start))
  shorter.set(bytes.subarray(start + length), start)
  return shorter
}

/** The crash with as few bytes as removing runs of them, and turning the others to zero, comes to. */
export const shrink = (crash: Crash): Crash => {
  const examine = makeExaminer(longestMutation)
  let smallest = crash
  const accept = (input: Uint8Array): boolean => {
    const outcome = examine(crash.codec, input, input.length, true)
    if (!isFinding(outcome) || outcome.rule !== crash.finding.rule) return false
    smallest = { ...crash, input, finding: outcome }
    return true
  }
  for (let run = 1 << Math.floor(Math.log2(Math.max(1, crash.input.length))); run >= 1; run >>= 1) {
    for (let start = 0; start + run <= smallest.input.length;) {
      if (!accept(without(smallest.input, start, run))) start += run
    }
  }
  for (let at = 0; at < smallest.input.length; at++) {
    if (smallest.input[at] === 0) continue
    const zeroed = smallest.input.slice()
    zeroed[at] = 0
    accept(zeroed)
  }
  return smallest
}
