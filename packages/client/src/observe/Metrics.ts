/**
 * Devices' numbers under the names that operators know them by.
 * Owns names, labels, help texts, and what is counted when. No label names a group, a device, an address or anything that a
 * peer made up, so that their number is bounded.
 * Leaves exporting to whatever exports Effect's registry: `PrometheusMetrics` and `Otlp` tell the same.
 */
import { CloseCode, isEphemeral } from "@d2m/codec"
import { Clock, Effect, Layer } from "effect"
import type { ConnectionEnd } from "../ConnectionEnd.ts"
import { ConnectionState } from "../ConnectionState.ts"
import { DeviceEvent } from "../DeviceEvent.ts"
import type { DeviceObserver } from "../DeviceObserver.ts"
import type { QuarantineReason } from "../DeviceStore.ts"
import type { RunTransaction } from "../Transaction.ts"
import { UserReason } from "../UserQuestion.ts"
import type { Meter, ReflectKind } from "./Meter.ts"
import { labelOf } from "./Label.ts"
import { type Count, registerSeries, type Series } from "./Series.ts"
import { transactionOutcome, transactionOutcomes } from "./TransactionOutcome.ts"
import { type Level, MetricsInForce, type Watcher } from "./Watch.ts"

/** Close codes with a meaning of their own, and those that only a WebSocket library gives. */
const closeCodes: ReadonlyArray<number> = [...Object.values(CloseCode), 1002, 1005, 1006, 1007, 1008, 1009]

const reflectKinds: { readonly [Kind in ReflectKind]: true } = { Reflect: true, Ephemeral: true, Transactional: true }

const quarantineReasons: { readonly [Reason in QuarantineReason]: true } = {
  Undecryptable: true,
  Malformed: true,
  HandlerFailed: true,
  NonceReused: true
}

/** `Stopped` and `Died` are the device's own end, while it was connected or tried to be. */
const ends: { readonly [End in ConnectionEnd["_tag"] | "Stopped" | "Died"]: true } = {
  PinMismatch: true,
  CertificateRejected: true,
  TlsFailed: true,
  Unreachable: true,
  UpgradeRefused: true,
  OpenTimeout: true,
  PlaintextRefused: true,
  NoPinFor: true,
  InvalidPinRule: true,
  InvalidUrl: true,
  Closed: true,
  DecodeError: true,
  ProtocolViolation: true,
  UnsupportedVersion: true,
  ClockSkew: true,
  SlotContradiction: true,
  DeadlinePassed: true,
  DeviceStoreError: true,
  QuarantineFull: true,
  HandlerHalted: true,
  TransactionAborted: true,
  FellBehind: true,
  ChatOver: true,
  Stopped: true,
  Died: true
}

/** Everything that is counted, for all devices together. */
const makeNumbers = ({ counter, counters, histogram, histograms }: Series) => {
  const closed = (code: string): Count =>
    counter("connections_closed", "Open connections that were closed or broke, by close code", { code })
  const codes = new Map(closeCodes.map((code) => [code, closed(String(code))]))
  const otherCode = closed("other")
  return {
    dialled: counter("connections_dialled", "Tries to connect"),
    opened: counter("connections_opened", "WebSockets opened"),
    sessions: counter("sessions_begun", "Handshakes that came to a ServerInfo"),
    ended: counters("connections_ended", "Connections and tries that ended, by how", "end", ends),
    closed: (code: number) => (codes.get(code) ?? otherCode)(1),
    open: histogram("open", "From dialling to an open WebSocket"),
    handshake: histogram("handshake", "From there to ServerInfo"),
    reconnectWait: histogram("reconnect_wait", "Between an end and the next try"),
    needsUser: counters("user_needed", "Times that only the user could help, by reason", "reason", UserReason.cases),
    written: counters("reflects_written", "Reflects handed to connections, again ones included", "kind", reflectKinds),
    acked: counters("reflects_acked", "Reflects that were acked", "kind", reflectKinds),
    ack: histogram("ack", "From a reflect that was written to its ack"),
    received: counters("reflected_received", "Reflected messages received", "kind", { Message: true, Ephemeral: true }),
    handled: counter("reflected_acked", "Reflected messages acked"),
    quarantined: counters("messages_quarantined", "Messages kept aside, by why", "reason", quarantineReasons),
    handlerFailures: counter("handler_failures", "Tries of the handler that failed and are followed by another"),
    ephemeralsLost: counters("ephemerals_lost", "Ephemerals not written, or not handled", "direction", {
      Out: true,
      In: true
    }),
    events: counters("events", "Events of devices, by kind", "event", DeviceEvent.cases),
    transactions: histograms(
      "transaction",
      "Transactions from the call on, by outcome",
      "outcome",
      transactionOutcomes
    ),
    lockWait: histogram("lock_wait", "From the call of a transaction to its body")
  }
}

type Numbers = ReturnType<typeof makeNumbers>

const makeMeter = (numbers: Numbers, now: () => number): Meter => {
  let readAt = 0
  return {
    writes: now,
    written: (kind) => numbers.written[kind](1),
    reads: () => {
      readAt = now()
    },
    acked: (kind, writtenAt) => {
      numbers.acked[kind](1)
      numbers.ack(readAt - writtenAt)
    },
    received: (frames) => {
      let ephemerals = 0
      for (const { flags } of frames) if (isEphemeral(flags)) ephemerals++
      numbers.received.Ephemeral(ephemerals)
      numbers.received.Message(frames.length - ephemerals)
    },
    handled: numbers.handled
  }
}

const onEvent =
  (numbers: Numbers) =>
  (event: DeviceEvent): void => {
    numbers.events[event._tag](1)
    switch (event._tag) {
      case "Disconnected":
        numbers.ended[event.because._tag](1)
        if (event.because._tag === "Closed") numbers.closed(event.because.code)
        return
      case "Quarantined":
        return numbers.quarantined[event.reason](1)
      case "HandlerFailed":
        return numbers.handlerFailures(1)
      case "EphemeralsDropped":
        return numbers.ephemeralsLost.Out(event.count)
      case "EphemeralsMissed":
        return numbers.ephemeralsLost.In(event.count)
    }
  }

/** Counts the states that one device goes through, and how long it stayed in them. */
const makeObserver = (numbers: Numbers, now: () => number): DeviceObserver => {
  let last: ConnectionState["_tag"] | undefined
  let since = 0

  /** What the device did until now is over. */
  const entered = (state: ConnectionState, took: number): void => {
    switch (state._tag) {
      case "Connecting":
        if (last === "Waiting") numbers.reconnectWait(took)
        return numbers.dialled(1)
      case "Handshaking":
        numbers.open(took)
        return numbers.opened(1)
      case "Live":
        numbers.handshake(took)
        return numbers.sessions(1)
      case "NeedsUser":
        return numbers.needsUser[state.reason._tag](1)
      case "Stopped":
        if (last !== "Waiting" && last !== "NeedsUser") numbers.ended[state.died ? "Died" : "Stopped"](1)
    }
  }

  return {
    onEvent: onEvent(numbers),
    onState: (state) => {
      if (state._tag === last) return
      const at = now()
      entered(state, at - since)
      since = at
      last = state._tag
    }
  }
}

const timed =
  (numbers: Numbers, now: () => number) =>
  (run: RunTransaction): RunTransaction =>
  (options, body) =>
    Effect.suspend(() => {
      const since = now()
      const held = Effect.suspend(() => {
        numbers.lockWait(now() - since)
        return body
      })
      return Effect.onExit(run(options, held), (exit) =>
        Effect.sync(() => numbers.transactions[transactionOutcome(exit)](now() - since))
      )
    })

/** Levels of all devices together. */
const registerLevels = ({ gauge }: Series, levels: ReadonlySet<Level>): void => {
  const level = (name: string, description: string, of: (level: Level) => number, labels = {}): void =>
    gauge(name, description, () => Array.from(levels, of).reduce((sum, each) => sum + each, 0), labels)
  for (const tag of Object.keys(ConnectionState.cases)) {
    const isIn = ({ state }: Level): number => (state() === tag ? 1 : 0)
    level("devices", "Devices, by the state of their connection", isIn, { state: labelOf(tag) })
  }
  level("pending_reflects", "Reflects without an ack", ({ pendingReflects }) => pendingReflects())
  level("pending_bytes", "Bytes of those that found room, and 64 more for each", ({ pendingBytes }) => pendingBytes())
  level("unhandled_messages", "Reflected messages that are not handled yet", ({ unhandled }) => unhandled())
}

/**
 * Reports the metrics of the devices that are made with it, as long as the layer, in the `Metric.MetricRegistry` of the
 * context: whatever exports Effect's metrics exports them. All devices count together; provide it once for all of them, or
 * with `Metric.CurrentMetricAttributes` that tell them apart.
 *
 * Names begin with `d2m_client_`; labels name neither groups nor devices. A device without it counts nothing.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMetrics: Layer.Layer<never> = Layer.effect(
  MetricsInForce,
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e9
    const levels = new Set<Level>()
    const numbers = yield* registerSeries((series) => {
      registerLevels(series, levels)
      return makeNumbers(series)
    })
    const meter = makeMeter(numbers, now)
    return (): Watcher => ({
      observer: makeObserver(numbers, now),
      meter,
      transaction: timed(numbers, now),
      attach: (level) => {
        levels.add(level)
        return () => levels.delete(level)
      }
    })
  })
)
