/**
 * A fuzz run: frames by number, each mutated from the seed and its number alone, examined, counted.
 */
import { longestMutation, mutateInto, mutationRoom } from "../src/testing.ts"
import type { DecodeErrorKind } from "../src/DecodeError.ts"
import { type Finding, isFinding, makeExaminer, type Outcome } from "./Examination.ts"
import { makePrng } from "./Prng.ts"
import type { Codec, Target, Targets } from "./Target.ts"

/** An input that a decoder must not treat as it did. */
export interface Crash {
  /** Number of the frame in the run, from 0. */
  readonly frame: number
  readonly codec: Codec
  readonly input: Uint8Array
  readonly finding: Finding
}

/** What a run has seen so far. */
export interface Tally {
  frames: number
  messages: number
  /** Inputs that were read, and refused, by the number of decodings. */
  read: number
  refused: number
  /** How often each field of each message was refused, by the kind of error. */
  readonly kinds: Map<DecodeErrorKind, Map<string, Map<string | undefined, number>>>
  crash: Crash | undefined
}

export const emptyTally = (): Tally => ({
  frames: 0,
  messages: 0,
  read: 0,
  refused: 0,
  kinds: new Map(),
  crash: undefined
})

const counted = <K, V>(map: Map<K, V>, key: K, none: () => V): V => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = none()
  map.set(key, made)
  return made
}

/** So many frames come with a message of a box. */
const framesPerMessage = 8

/** One in so many frames is also read as if it went the other way. */
const framesPerOther = 8

/** One in so many inputs is decoded again among other bytes. */
const framesPerSecondDecoding = 4

/** Is told of an input, which is only its own for as long as it is told, and of what came of it. */
export type Observe = (codec: Codec, input: Uint8Array, outcome: Outcome) => void

/** Makes the run of a seed: a function that examines a range of frames and adds to a tally, until something is found. */
export const makeRun = (seed: number, { frames, messages }: Targets, observe?: Observe) => {
  const { below, reset } = makePrng()
  const scratch = new Uint8Array(mutationRoom)
  const examine = makeExaminer(longestMutation)

  const mutated = ({ specimens }: Target): number => {
    const specimen = specimens[below(specimens.length)]!
    const other = specimens[below(specimens.length)]!
    return mutateInto(scratch, specimen, other, below)
  }

  const check = (frame: number, codec: Codec, length: number, tally: Tally): boolean => {
    const outcome = examine(codec, scratch, length, below(framesPerSecondDecoding) === 0)
    observe?.(codec, scratch.subarray(0, length), outcome)
    if (outcome === "read") {
      tally.read++
      return true
    }
    if (isFinding(outcome)) {
      tally.crash = { frame, codec, input: scratch.slice(0, length), finding: outcome }
      return false
    }
    const { field, kind, within } = outcome
    tally.refused++
    const messages = counted(tally.kinds, kind, () => new Map<string, Map<string | undefined, number>>())
    const fields = counted(messages, within, () => new Map<string | undefined, number>())
    // A field that nobody declared is called by its number: there are too many of them.
    const name = field?.startsWith("#") === true ? "#" : field
    fields.set(name, (fields.get(name) ?? 0) + 1)
    return true
  }

  const one = (frame: number, tally: Tally): boolean => {
    reset(seed, frame)
    const side = below(2)
    const length = mutated(frames[side]!)
    tally.frames++
    if (!check(frame, frames[side]!.codec, length, tally)) return false
    // Nearly all that the other direction says is that the frame goes the wrong way.
    if (below(framesPerOther) === 0 && !check(frame, frames[1 - side]!.codec, length, tally)) return false
    if (below(framesPerMessage) > 0) return true
    const target = messages[below(messages.length)]!
    tally.messages++
    return check(frame, target.codec, mutated(target), tally)
  }

  return (from: number, to: number, tally: Tally): void => {
    for (let frame = from; frame < to; frame++) {
      if (!one(frame, tally)) return
    }
  }
}
