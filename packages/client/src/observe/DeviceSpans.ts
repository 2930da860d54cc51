/**
 * A device's connections and transactions as spans: `d2m.connection` with `d2m.handshake` and `d2m.session` in it, and
 * `d2m.transaction` with `d2m.body` in it.
 * Owns names and attributes. Nothing is made without a tracer that brings spans somewhere.
 * Leaves what happens within a body or a handler to spans of the application.
 */
import { Clock, Context, Effect, Exit, Layer, Option, Tracer } from "effect"
import type { ConnectionEnd } from "../ConnectionEnd.ts"
import type { DeviceObserver } from "../DeviceObserver.ts"
import type { RunTransaction } from "../Transaction.ts"
import { deviceLabel, groupLabel, labelOf } from "./Label.ts"
import { transactionOutcome } from "./TransactionOutcome.ts"
import { SpansInForce, type Watched } from "./Watch.ts"

type Attributes = Readonly<Record<string, string | number>>

type MakeSpan = (
  name: string,
  parent: Option.Option<Tracer.AnySpan>,
  kind: Tracer.SpanKind,
  attributes: Attributes
) => Tracer.Span

const annotate = (span: Tracer.Span, attributes: Attributes): void => {
  for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
}

const spanMaker =
  (tracer: Tracer.Tracer, clock: Clock.Clock): MakeSpan =>
  (name, parent, kind, attributes) => {
    const span = tracer.span({
      name,
      parent,
      annotations: Context.empty(),
      links: [],
      startTime: clock.currentTimeNanosUnsafe(),
      kind,
      root: Option.isNone(parent),
      sampled: Option.match(parent, { onNone: () => true, onSome: ({ sampled }) => sampled })
    })
    annotate(span, attributes)
    return span
  }

const watchedAttributes = ({ deviceId, groupId }: Watched): Attributes => ({
  "d2m.device": deviceLabel(deviceId),
  "d2m.group": groupLabel(groupId)
})

/** What a peer or a platform has said of an end is left out: it may name the address, and with it the group. */
const endAttributes = (end: ConnectionEnd): Attributes => ({
  "d2m.end": labelOf(end._tag),
  ...(end._tag === "Closed" ? { "d2m.close.code": end.code, "d2m.close.by": end.by } : {})
})

const observerOf = (makeSpan: MakeSpan, watched: Watched, now: () => bigint): DeviceObserver => {
  let connection: Tracer.Span | undefined
  /** The handshake, and then the session. */
  let phase: Tracer.Span | undefined

  const begin = (name: string, attributes: Attributes): void => {
    phase?.end(now(), Exit.void)
    phase = makeSpan(name, Option.fromUndefinedOr(connection), "internal", attributes)
  }
  const end = (attributes: Attributes): void => {
    if (connection === undefined) return
    phase?.end(now(), Exit.void)
    annotate(connection, attributes)
    connection.end(now(), Exit.void)
    connection = undefined
    phase = undefined
  }

  return {
    onState: (state) => {
      switch (state._tag) {
        case "Connecting":
          connection ??= makeSpan("d2m.connection", Option.none(), "client", {
            ...watchedAttributes(watched),
            "d2m.attempt": state.attempt
          })
          return
        case "Handshaking":
          if (phase === undefined) begin("d2m.handshake", {})
          return
        case "Live":
          if (phase?.name !== "d2m.session") begin("d2m.session", { "d2m.queued": state.queued })
          return
        case "Stopped":
          return end({ "d2m.end": state.died ? "died" : "stopped" })
      }
    },
    onEvent: (event) => {
      if (event._tag === "Disconnected") end(endAttributes(event.because))
    }
  }
}

/** Spans of the caller, so that a transaction stands where the application called for it. */
const traced =
  (makeSpan: MakeSpan, watched: Watched, now: () => bigint) =>
  (run: RunTransaction): RunTransaction => {
    const within = <A, E, R>(
      name: string,
      attributes: Attributes,
      effect: Effect.Effect<A, E, R>,
      onEnd: (span: Tracer.Span, exit: Exit.Exit<A, E>) => void
    ): Effect.Effect<A, E, R> =>
      Effect.withFiber((fiber) => {
        const span = makeSpan(name, Context.getOption(fiber.context, Tracer.ParentSpan), "internal", attributes)
        return Effect.onExit(Effect.provideService(effect, Tracer.ParentSpan, span), (exit) =>
          Effect.sync(() => {
            onEnd(span, exit)
            span.end(now(), Exit.void)
          })
        ) as Effect.Effect<A, E, R>
      })
    return (options, body) =>
      within(
        "d2m.transaction",
        watchedAttributes(watched),
        run(
          options,
          within("d2m.body", {}, body, () => {})
        ),
        (span, exit) => span.attribute("d2m.outcome", labelOf(transactionOutcome(exit)))
      )
  }

/**
 * Makes spans of the connections and the transactions of the devices that are made with it, for the tracer in the context.
 * Does nothing while that is Effect's own, which keeps spans to itself.
 *
 * A connection is a root, a transaction a child of the span that it is called in. Attributes name the device, and the group
 * by its first 8 digits; none has a key, an address, a scope or anything that was reflected.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSpans: Layer.Layer<never> = Layer.effect(
  SpansInForce,
  Effect.gen(function* () {
    const tracer = yield* Tracer.Tracer
    if (tracer === Tracer.nativeTracer) return undefined
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeNanosUnsafe()
    const makeSpan = spanMaker(tracer, clock)
    return (watched: Watched) => ({
      observer: observerOf(makeSpan, watched, now),
      transaction: traced(makeSpan, watched, now)
    })
  })
)
