/**
 * A connection's life as spans: `d2m.connection`, and in it `d2m.handshake` and `d2m.session`.
 *
 * Owns names and attributes. Nothing is made, and nobody is observed, without a tracer that brings spans somewhere.
 *
 * @since 0.1.0
 */
import { Clock, Context, Effect, Exit, Layer, Option, Tracer } from "effect"
import type { ConnectionId } from "../Input.ts"
import { Mediator } from "../Mediator.ts"
import { deviceLabel, groupLabel } from "./Label.ts"
import type { Happening, ObservedConnection } from "./Observer.ts"

interface Spans {
  readonly of: ObservedConnection
  readonly connection: Tracer.Span
  /** The handshake, and then the session. */
  phase: Tracer.Span
}

const spanMaker = (tracer: Tracer.Tracer, clock: Clock.Clock) => (name: string, parent: Tracer.Span | undefined) =>
  tracer.span({
    name,
    parent: Option.fromUndefinedOr(parent),
    annotations: Context.empty(),
    links: [],
    startTime: clock.currentTimeNanosUnsafe(),
    kind: parent === undefined ? "server" : "internal",
    root: parent === undefined,
    sampled: parent?.sampled ?? true
  })

interface ConnectionSpans {
  readonly observe: (happening: Happening) => void
  /** Ends those of connections that live on. */
  readonly endAll: () => void
}

const makeConnectionSpans = (tracer: Tracer.Tracer, clock: Clock.Clock): ConnectionSpans => {
  const makeSpan = spanMaker(tracer, clock)
  const open = new Map<ConnectionId, Spans>()
  const end = (span: Tracer.Span): void => span.end(clock.currentTimeNanosUnsafe(), Exit.void)

  const endBoth = ({ connection, of, phase }: Spans, close: Readonly<Record<string, unknown>> = {}): void => {
    const { deviceId, id, traffic } = of
    open.delete(id)
    end(phase)
    const attributes = {
      ...close,
      ...(deviceId === undefined ? {} : { "d2m.device": deviceLabel(deviceId) }),
      "d2m.frames.in": traffic.framesIn,
      "d2m.frames.out": traffic.framesOut,
      "d2m.bytes.in": traffic.bytesIn,
      "d2m.bytes.out": traffic.bytesOut
    }
    for (const [key, value] of Object.entries(attributes)) connection.attribute(key, value)
    end(connection)
  }

  const observe = (happening: Happening): void => {
    switch (happening._tag) {
      case "Opened": {
        const { connection: of } = happening
        const connection = makeSpan("d2m.connection", undefined)
        connection.attribute("d2m.connection.id", of.id)
        connection.attribute("d2m.group", groupLabel(of.groupKey))
        open.set(of.id, { of, connection, phase: makeSpan("d2m.handshake", connection) })
        return
      }
      case "Registered": {
        const { connection, isNew, queued } = happening
        const spans = open.get(connection.id)
        if (spans === undefined) return
        end(spans.phase)
        spans.phase = makeSpan("d2m.session", spans.connection)
        spans.phase.attribute("d2m.slot", isNew ? "new" : "known")
        spans.phase.attribute("d2m.queued", queued)
        return
      }
      case "Ended": {
        const { by, code, connection, reason } = happening
        const spans = open.get(connection.id)
        if (spans === undefined) return
        return endBoth(spans, {
          "d2m.close.code": code,
          "d2m.close.by": by.toLowerCase(),
          ...(reason === "" ? {} : { "d2m.close.reason": reason })
        })
      }
      case "Decided":
      case "GroupFailed":
        return
    }
  }

  return {
    observe,
    endAll: () => {
      for (const spans of open.values()) endBoth(spans)
    }
  }
}

/**
 * Makes a span of each connection, with its handshake and its session in it, for the tracer in the context. Does nothing
 * while that is Effect's own, which keeps spans to itself. Build it before the server, so that it sees the last
 * connection close: spans of connections that live on end with the layer, without a `d2m.close.code`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSpans: Layer.Layer<never, never, Mediator> = Layer.effectDiscard(
  Effect.gen(function* () {
    const mediator = yield* Mediator
    const tracer = yield* Tracer.Tracer
    if (tracer === Tracer.nativeTracer) return
    const { endAll, observe } = makeConnectionSpans(tracer, yield* Clock.Clock)
    // Added first, it runs last: nothing is observed any more by then.
    yield* Effect.addFinalizer(() => Effect.sync(endAll))
    yield* mediator.observe(observe)
  })
)
