/**
 * A run as text, one canonical line an event: for comparing runs event by event, and for tools.
 *
 * Owns the form of the lines. They say more than a `Digest` takes in, so that two runs with other digests differ in a
 * line. Where two of them part is for `Divergence` to find.
 *
 * @since 0.1.0
 */
import type { ReflectedMessage } from "@d2m/client"
import { newYear2026 } from "./Simulation.ts"
import { wordsOf } from "./Wording.ts"
import type { HandedBack, WorldEvent } from "./WorldEvent.ts"

/** FNV-1a over all of a message. */
const hashOf = (message: Uint8Array | string): string => {
  let hash = 0x811c9dc5
  for (let at = 0; at < message.length; at++) {
    hash = Math.imul(hash ^ (typeof message === "string" ? message.charCodeAt(at) : message[at]!), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, "0")
}

/** What a handler is told of each message: its number, sender and time. */
const batchText = (messages: ReadonlyArray<ReflectedMessage>): string =>
  messages
    .map(
      ({ ephemeral, reflectedId, sender, timestamp }) =>
        `${reflectedId} of ${sender} at ${timestamp}${ephemeral ? " ephemeral" : ""}`
    )
    .join(", ")

/** What is given back, all of it: the words leave out what is many. */
const backText = (unacked: HandedBack): string => ` (${unacked.map((id) => id ?? "?").join(", ")})`

/** What a device that was stopped gives back, or tells to a call of its application. */
const unackedOf = (event: WorldEvent): HandedBack | undefined =>
  event._tag === "HandedBack"
    ? event.unacked
    : event._tag === "Answered" && event.answer._tag === "Failed"
      ? event.answer.unacked
      : undefined

/**
 * The line of an event: ms since the start of the run, whom it is about, what it is, for messages length and hash, for
 * those that a handler is given who has sent them and when the mediator took them, and of those that are given back each one.
 *
 * @category rendering
 * @since 0.1.0
 */
export const traceLine = (event: WorldEvent): string => {
  // In this century a double tells quarter microseconds apart: four digits miss nothing.
  const time = (event.at - newYear2026).toFixed(4)
  const device = ("device" in event ? event.device : undefined) ?? "world"
  const connection = "connection" in event ? ` #${event.connection}` : ""
  const life = "life" in event ? ` life ${event.life}` : ""
  const message = "message" in event ? ` (${event.message.length} B, ${hashOf(event.message)})` : ""
  const batch = "messages" in event ? ` (${batchText(event.messages)})` : ""
  const unacked = unackedOf(event)
  const back = unacked === undefined ? "" : backText(unacked)
  return `${time} ${device} ${event._tag}${connection}${life}: ${wordsOf(event)}${message}${batch}${back}`
}
