/**
 * The options of `pnpm fuzz`, and what is wrong with them.
 */
import { parseArgs } from "node:util"
import { bugNames } from "./Plant.ts"
import { clientCodec, type Codec, messageCodecs, serverCodec } from "./Target.ts"

export const usage = `Usage: pnpm fuzz [--frames N] [--seed S]

Mutates valid frames, decodes them, and stops at the first thing a decoder must not do.

  --frames N    how many frames to mutate (1000000)
  --seed S      where chance starts, from 0 to ${Number.MAX_SAFE_INTEGER} (by the clock)
  --frame K     only frame K of the run of --seed: replays what was found
  --hex H       only these bytes, or - for those on standard input
  --as WHAT     what --hex is: client or server for a frame, or the name of a message such as d2d.Envelope (server)
  --plant BUG   puts a bug into the decoders, to see it found: ${bugNames.join(", ")}
  --help        this text
`

/** A whole run, one frame of it, or given bytes. */
export type Mode =
  | { readonly _tag: "Run"; readonly frames: number }
  | { readonly _tag: "Frame"; readonly frame: number }
  | { readonly _tag: "Bytes"; readonly codec: Codec; readonly hex: string }

/** What is asked for. */
export interface Options {
  readonly mode: Mode
  readonly seed: number
  readonly bug: string | undefined
}

const whole = (name: string, text: string, minimum: number): number => {
  const value = Number(text)
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value) && value >= minimum) return value
  throw new TypeError(`--${name} is a whole number from ${minimum} to ${Number.MAX_SAFE_INTEGER}, found '${text}'`)
}

const codecNamed = (name: string): Codec => {
  const codecs = [clientCodec, serverCodec, ...messageCodecs]
  const found = codecs.find((codec) => codec.name === name)
  if (found === undefined) throw new TypeError(`--as is client, server or the name of a message, found '${name}'`)
  return found
}

/** Reads the arguments; `undefined` asks for help. Throws a `TypeError` that says what is wrong. */
export const optionsOf = (args: ReadonlyArray<string>, clock: number): Options | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      frames: { type: "string" },
      seed: { type: "string" },
      frame: { type: "string" },
      hex: { type: "string" },
      as: { type: "string" },
      plant: { type: "string" },
      help: { type: "boolean" }
    }
  })
  if (values.help === true) return undefined
  const { as, frame, frames, hex, plant } = values
  const modes = [frames && "--frames", frame && "--frame", hex && "--hex"].filter((name) => name !== undefined)
  if (modes.length > 1) throw new TypeError(`${modes.join(" and ")} cannot go together`)
  if (as !== undefined && hex === undefined) throw new TypeError("--as says what --hex is, and there is no --hex")
  if (frame !== undefined && values.seed === undefined) throw new TypeError("--frame is of a run: give its --seed")
  if (plant !== undefined && !bugNames.includes(plant)) {
    throw new TypeError(`--plant is one of ${bugNames.join(", ")}, found '${plant}'`)
  }
  if (hex !== undefined && hex !== "-" && !/^(?:[0-9a-fA-F]{2})*$/.test(hex)) {
    throw new TypeError("--hex is an even number of hex digits, or -")
  }
  const mode: Mode =
    frame !== undefined
      ? { _tag: "Frame", frame: whole("frame", frame, 0) }
      : hex !== undefined
        ? { _tag: "Bytes", codec: codecNamed(as ?? "server"), hex }
        : { _tag: "Run", frames: whole("frames", frames ?? "1000000", 1) }
  return { mode, seed: values.seed === undefined ? clock : whole("seed", values.seed, 0), bug: plant }
}
