/**
 * What a run prints: how far it is, what it saw, and how to see again what it found.
 */
import type { DecodeError } from "../src/DecodeError.ts"
import type { Crash, Tally } from "./Fuzz.ts"
import type { Codec } from "./Target.ts"

const grouped = (count: number): string => String(Math.floor(count)).replaceAll(/\B(?=(\d{3})+$)/g, " ")

const perSecond = (frames: number, milliseconds: number): string => grouped((frames / Math.max(1, milliseconds)) * 1000)

const barWidth = 30

/** One line: how far, how fast. `bar` is for a terminal. */
export const progress = (tally: Tally, total: number, milliseconds: number, bar: boolean): string => {
  const share = tally.frames / total
  const filled = Math.round(share * barWidth)
  const picture = bar ? `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ` : ""
  return `${picture}${Math.floor(share * 100)}% ${grouped(tally.frames)} frames, ${perSecond(tally.frames, milliseconds)} a second`
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0)

/** What a run saw, in a few lines. */
export const summary = (tally: Tally, seed: number, milliseconds: number): string => {
  const kinds = [...tally.kinds]
    .map(([kind, messages]) => [kind, sum([...messages.values()].map((fields) => sum(fields.values())))] as const)
    .toSorted(([, a], [, b]) => b - a)
  const places = sum([...tally.kinds.values()].map((messages) => sum([...messages.values()].map(({ size }) => size))))
  const seconds = (milliseconds / 1000).toFixed(1)
  return [
    `${grouped(tally.frames)} frames and ${grouped(tally.messages)} messages in ${seconds} s: ${perSecond(tally.frames, milliseconds)} frames a second`,
    `seed ${seed}`,
    `read ${grouped(tally.read)}, refused ${grouped(tally.refused)} with ${kinds.length} kinds of DecodeError in ${places} places`,
    ...kinds.map(([kind, count]) => `  ${kind.padEnd(14)} ${grouped(count).padStart(12)}`)
  ].join("\n")
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const kindOf = (name: string): string =>
  name === "client" ? "frame from a client" : name === "server" ? "frame from the server" : name

/** An input in hex. */
export const inputLine = (codec: Codec, input: Uint8Array): string =>
  `${kindOf(codec.name)}, ${input.length} bytes: ${hexOf(input)}`

/** What came of an input in which nothing was found. */
export const outcomeLine = (outcome: "read" | DecodeError): string =>
  outcome === "read" ? "read" : `refused: ${outcome.message}`

/** What was found, in hex, and the line that shows it again. */
export const crashReport = ({ codec, finding, input }: Crash, smallest: Crash, replay: string): string => {
  const least = hexOf(smallest.input)
  return [
    `FOUND: ${finding.rule}: ${finding.what}`,
    inputLine(codec, input),
    ...(least === hexOf(input) ? [] : [`the least of it, ${smallest.input.length} bytes: ${least}`]),
    `replay: ${replay}`
  ].join("\n")
}
