/**
 * What guards did, as metrics and as a line now and then.
 *
 * Owns the counts, and that a flood of refusals is one line an interval: how many, by reason. Addresses are told to nobody.
 *
 * @since 0.1.0
 */
import { CloseCode, millisOf } from "@d2m/codec"
import { type Duration, Effect, Formatter, Layer } from "effect"
import { type CutReason, type GuardEvent, GuardEvents, type RefusalReason } from "../GuardEvent.ts"
import { count, type Tally } from "./Meter.ts"
import { counter, labelOf, registerSeries, type Series, told } from "./Series.ts"

const refusals: { readonly [Reason in RefusalReason]: true } = {
  TooManyConnections: true,
  TooManyFromAddress: true,
  TooManyFailures: true,
  GroupNotAllowed: true,
  BadRequest: true,
  NotAnUpgrade: true,
  TooSlow: true,
  TlsFailed: true,
  Overrun: true
}

const cuts: { readonly [Reason in CutReason]: true } = { Stalled: true, Slow: true, Overflow: true, PingFlood: true }

/** Of the protocol and of WebSocket, for what a client did or did not do; the rest are counted as `other`. */
const failures: ReadonlyArray<number> = [
  CloseCode.ChatEnded,
  CloseCode.ChatUnreachable,
  CloseCode.ChatInternal,
  CloseCode.ProtocolError,
  CloseCode.Idle,
  CloseCode.UnsupportedVersion,
  1002,
  1008,
  1009
]

const nameOf = (event: GuardEvent): string => {
  switch (event._tag) {
    case "HandshakeFailed":
      return `${event._tag}:${event.code}`
    case "HandshakeLeft":
    case "OutOfDescriptors":
      return event._tag
    default:
      return `${event._tag}:${event.reason}`
  }
}

const otherFailures = (tally: Tally): number => {
  let sum = 0
  for (const [name, times] of tally) {
    const [tag, code] = name.split(":")
    if (tag === "HandshakeFailed" && !failures.includes(Number(code))) sum += times
  }
  return sum
}

const seriesOf = (tally: Tally): ReadonlyArray<Series> => {
  const failed = "Handshakes that failed, by close code, or because the client left"
  return [
    ...Object.keys(refusals).map((reason) =>
      counter(
        "connections_refused",
        "Requests that did not become a connection, by reason",
        () => told(tally, `Refused:${reason}`),
        { reason: labelOf(reason) }
      )
    ),
    ...failures.map((code) =>
      counter("handshakes_failed", failed, () => told(tally, `HandshakeFailed:${code}`), { code: String(code) })
    ),
    counter("handshakes_failed", failed, () => otherFailures(tally), { code: "other" }),
    counter("handshakes_failed", failed, () => told(tally, "HandshakeLeft"), { code: "left" }),
    counter("descriptors_exhausted", "Looks, about one a second, that found no file descriptor left", () =>
      told(tally, "OutOfDescriptors")
    ),
    ...Object.keys(cuts).map((reason) =>
      counter("connections_cut", "Connections that guards cut off, by reason", () => told(tally, `Cut:${reason}`), {
        reason: labelOf(reason)
      })
    )
  ]
}

/** What has grown since the last look. */
const growth = (tally: Tally, seen: Map<string, number>): Readonly<Record<string, number>> => {
  const grown: Record<string, number> = {}
  for (const [name, times] of tally) {
    const more = times - told(seen, name)
    if (more === 0) continue
    grown[name] = more
    seen.set(name, times)
  }
  return grown
}

/**
 * Listens to the guards of servers that are built with it: counts what they do as metrics, and logs it in one line an
 * `interval` (10 seconds unless told) in which they did something. Throws a `RangeError` where that is no finite duration
 * above 0.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerGuardWatch = (options: { readonly interval?: Duration.Input } = {}): Layer.Layer<never> => {
  const interval = millisOf(options.interval ?? "10 seconds")
  if (!(interval > 0 && interval < Infinity)) {
    throw new RangeError(`an interval must be a finite duration above 0, and is ${Formatter.format(options.interval)}`)
  }
  return Layer.effect(
    GuardEvents,
    Effect.gen(function* () {
      const tally: Tally = new Map()
      const seen: Map<string, number> = new Map()
      yield* registerSeries(seriesOf(tally))
      const summary = Effect.suspend(() => {
        const grown = growth(tally, seen)
        return Object.keys(grown).length === 0
          ? Effect.void
          : Effect.annotateLogs(Effect.logWarning("guards at work"), grown)
      })
      yield* Effect.addFinalizer(() => summary)
      yield* Effect.sleep(interval).pipe(Effect.andThen(summary), Effect.forever, Effect.forkScoped)
      return (event: GuardEvent) => count(tally, nameOf(event))
    })
  )
}
