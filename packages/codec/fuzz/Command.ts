/**
 * `pnpm fuzz`, apart from the process: mutates valid frames and looks for whatever a decoder must not do.
 */
import { longestMutation } from "../src/testing.ts"
import { isFinding, makeExaminer } from "./Examination.ts"
import { type Crash, emptyTally, makeRun, type Tally } from "./Fuzz.ts"
import { type Options, optionsOf, usage } from "./Options.ts"
import { plant, withBug } from "./Plant.ts"
import { crashReport, inputLine, outcomeLine, progress, summary } from "./Report.ts"
import { shrink } from "./Shrink.ts"
import { type Codec, targetsOf } from "./Target.ts"

/** What the command has of the process around it. */
export interface Surroundings {
  /** Writes text as it is. */
  readonly write: (text: string) => void
  readonly writeError: (text: string) => void
  /** Whether what is written can be written over. */
  readonly terminal: boolean
  /** All of standard input. */
  readonly input: () => string
  /** Milliseconds, from anywhere. */
  readonly now: () => number
}

/** Frames between two looks at the clock. */
const batch = 2048

/** Milliseconds between two signs of progress: a bar, or lines. */
const barRhythm = 100
const lineRhythm = 10_000

const startOfLine = "\r\u001b[K"

const runFrames = ({ bug, seed }: Options, frames: number, around: Surroundings): Tally => {
  const { now, terminal, write } = around
  const run = makeRun(seed, plant(targetsOf(seed), bug))
  const tally = emptyTally()
  const began = now()
  let shown = began
  for (let frame = 0; frame < frames && tally.crash === undefined; frame += batch) {
    run(frame, Math.min(frames, frame + batch), tally)
    const time = now()
    if (time - shown < (terminal ? barRhythm : lineRhythm)) continue
    shown = time
    const line = progress(tally, frames, time - began, terminal)
    write(terminal ? `${startOfLine}${line}` : `${line}\n`)
  }
  if (terminal) write(startOfLine)
  write(`${summary(tally, seed, now() - began)}\n`)
  return tally
}

const replayFrame = ({ bug, seed }: Options, frame: number, { write }: Surroundings): Crash | undefined => {
  const tally = emptyTally()
  makeRun(seed, plant(targetsOf(seed), bug), (codec, input, outcome) => {
    if (!isFinding(outcome)) write(`${inputLine(codec, input)}\n${outcomeLine(outcome)}\n`)
  })(frame, frame + 1, tally)
  return tally.crash
}

const examineBytes = (codec: Codec, hex: string, { bug }: Options, around: Surroundings): Crash | undefined => {
  const text = hex === "-" ? around.input().trim() : hex
  const input = new Uint8Array(Buffer.from(text, "hex"))
  if (input.length * 2 !== text.length) throw new TypeError("standard input is not an even number of hex digits")
  if (input.length > longestMutation) throw new TypeError(`at most ${longestMutation} bytes, found ${input.length}`)
  const planted = withBug(codec, bug)
  const outcome = makeExaminer(longestMutation)(planted, input, input.length, true)
  if (isFinding(outcome)) return { frame: 0, codec: planted, input, finding: outcome }
  around.write(`${outcomeLine(outcome)}\n`)
  return undefined
}

const crashOf = (options: Options, around: Surroundings): Crash | undefined => {
  const { mode } = options
  switch (mode._tag) {
    case "Run":
      return runFrames(options, mode.frames, around).crash
    case "Frame":
      return replayFrame(options, mode.frame, around)
    case "Bytes":
      return examineBytes(mode.codec, mode.hex, options, around)
  }
}

const replayLine = ({ bug, mode, seed }: Options, { codec, frame, input }: Crash): string =>
  [
    "pnpm fuzz",
    mode._tag === "Bytes"
      ? `--as ${codec.name} --hex ${Buffer.from(input).toString("hex")}`
      : `--seed ${seed} --frame ${frame}`,
    ...(bug === undefined ? [] : [`--plant ${bug}`])
  ].join(" ")

/** The finding with the stack of what was thrown, which a run does without. */
const told = (crash: Crash): Crash => {
  const again = makeExaminer(longestMutation)(crash.codec, crash.input, crash.input.length, true)
  return isFinding(again) ? { ...crash, finding: again } : crash
}

/** Runs the command; 0 when nothing was found, 1 when something was, 2 when the arguments are wrong. */
export const fuzz = (args: ReadonlyArray<string>, around: Surroundings): number => {
  const { stackTraceLimit } = Error
  try {
    const options = optionsOf(args, Math.floor(around.now()))
    if (options === undefined) {
      around.write(usage)
      return 0
    }
    // Many frames are refused, and nobody looks at the stacks of those errors.
    Error.stackTraceLimit = 0
    const crash = crashOf(options, around)
    Error.stackTraceLimit = stackTraceLimit
    if (crash === undefined) return 0
    around.write(`${crashReport(told(crash), shrink(crash), replayLine(options, crash))}\n`)
    return 1
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    around.writeError(`fuzz: ${cause.message}\n\n${usage}`)
    return 2
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
