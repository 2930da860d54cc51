/**
 * What a server says that answers with something else than a WebSocket: why, and for how long it wants to be left alone.
 * Owns how much of the answer is read, and that nothing but printable text of it is told.
 * Leaves to the deadline of opening how long the rest of an answer is waited for.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import { longestRetryAfter, UpgradeRefused } from "../TransportError.ts"

/** So many bytes of an answer are read. */
const longestReason = 200

/** What may be text for people. A page would tell its markup. */
const isText = ({ "content-encoding": encoding, "content-type": type = "text/plain" }: IncomingHttpHeaders): boolean =>
  encoding === undefined && /^(text\/plain|application\/(problem\+)?json)\b/i.test(type)

/** So much of a text as is read of an answer; what is cut in the middle of a character ends before it. */
const cut = (text: string): string =>
  new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, longestReason), { stream: true })

const oneLine = (text: string): string => text.replace(/[\p{C}\p{Z}\ufffd]+/gu, " ").trim()

/** A date of any of the three forms of HTTP, which are all in GMT; only one of them does not say so. */
const dateMillis = (date: string): number =>
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(date) ? Date.parse(date.endsWith(" GMT") ? date : `${date} GMT`) : Number.NaN

/**
 * The milliseconds that a `Retry-After` asks for (RFC 9110, section 10.2.3): seconds, or a date, which is compared with
 * the server's own where it shows one, and with `now` otherwise.
 */
const retryAfterOf = ({ date = "", "retry-after": asked = "" }: IncomingHttpHeaders, now: number): number => {
  if (/^\d+$/.test(asked)) return Number(asked) * 1000
  const from = dateMillis(date)
  return dateMillis(asked) - (Number.isNaN(from) ? now : from)
}

/**
 * Reads an answer that is no upgrade, and gives what is known of it so far. `onRead` gets it when there is no more to
 * know, maybe at once and maybe several times; `now` is the device's time in milliseconds since 1970.
 *
 * @internal
 */
export const readRefusal = (
  response: IncomingMessage,
  address: string,
  now: number,
  onRead: (refusal: UpgradeRefused) => void
): (() => UpgradeRefused) => {
  const { headers, statusCode, statusMessage = "" } = response
  const text = new TextDecoder()
  const wait = Math.min(Math.ceil(retryAfterOf(headers, now)), longestRetryAfter)
  let reason = ""
  let room = isText(headers) ? longestReason : 0
  const read = (bytes: Uint8Array) => {
    // What is cut in the middle of a character ends before it.
    reason += text.decode(bytes.subarray(0, room), { stream: true })
    room -= Math.min(bytes.length, room)
    if (room === 0) onRead(known())
  }
  const known = () =>
    new UpgradeRefused({
      address,
      detail: oneLine(reason) || oneLine(cut(statusMessage)) || "no reason given",
      ...(statusCode === undefined ? {} : { status: statusCode }),
      ...(wait > 0 ? { retryAfter: wait } : {})
    })
  response.on("error", () => undefined)
  response.on("data", read)
  response.on("close", () => onRead(known()))
  if (room === 0) onRead(known())
  return known
}
