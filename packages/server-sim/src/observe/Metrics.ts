/**
 * A mediator's numbers under the names that operators know them by.
 *
 * Owns names, labels and help texts. The series are hooks into Effect's own registry, read when somebody exports it:
 * `PrometheusMetrics` and `Otlp` tell the same. No label names a group or a device, so that their number is bounded.
 *
 * @since 0.1.0
 */
import { clientFrameTypes, CloseCode, serverFrameTypes } from "@d2m/codec"
import { Effect, type Scope } from "effect"
import type { SlotLossReason, TransactionLossReason } from "../Decision.ts"
import type { MediatorShell } from "../MediatorShell.ts"
import { type Census, takeCensus } from "./Census.ts"
import { type EndedBy, endName, noType, type StoreOperation, type Tally, textType } from "./Meter.ts"
import { counter, gauge, histogram, labelOf, registerSeries, type Series, told } from "./Series.ts"

/** What `registerMetrics` reads. */
export type MetricsSource = Pick<MediatorShell, "backlog" | "peers" | "state" | "watch">

/** Close codes with a meaning of their own, and those that only a WebSocket library gives. */
const closeCodes: ReadonlyArray<number> = [...Object.values(CloseCode), 1002, 1005, 1006, 1008, 1009]

const slotLosses: { readonly [Reason in SlotLossReason]: true } = {
  DroppedByDevice: true,
  LeastRecent: true,
  VolatileGraceOver: true,
  QueueLimit: true
}

const transactionLosses: { readonly [Reason in TransactionLossReason]: true } = {
  Disconnected: true,
  Replaced: true,
  Dropped: true,
  TtlReached: true,
  TotalReached: true
}

const endedBy: { readonly [By in EndedBy]: string } = { Mediator: "mediator", Peer: "peer" }

const framesOf = (
  name: string,
  description: string,
  types: ReadonlyMap<string, number>,
  counts: Float64Array
): ReadonlyArray<Series> => {
  const known = new Set(types.values())
  const unknown = (): number => {
    let sum = 0
    for (let type = 0; type < textType; type++) if (!known.has(type)) sum += counts[type]!
    return sum + counts[noType]!
  }
  return [
    ...Array.from(types, ([tag, type]) => counter(name, description, () => counts[type]!, { type: labelOf(tag) })),
    counter(name, description, unknown, { type: "unknown" })
  ]
}

const trafficSeries = ({ watch: { meter } }: MetricsSource): ReadonlyArray<Series> => {
  const received = "Messages from clients, by frame type"
  return [
    ...framesOf("frames_received", received, clientFrameTypes, meter.framesIn),
    counter("frames_received", received, () => meter.framesIn[textType]!, { type: "text" }),
    ...framesOf("frames_sent", "Frames handed to connections, by frame type", serverFrameTypes, meter.framesOut),
    counter("received_bytes", "Bytes of the messages from clients", () => meter.bytesIn),
    counter("sent_bytes", "Bytes of the frames handed to connections", () => meter.bytesOut),
    histogram("ack", "From a reflect that came in to its ack, handed to the connection", meter.ack)
  ]
}

const otherCodes = (ended: Tally, by: EndedBy): number => {
  let sum = 0
  for (const [name, times] of ended) {
    if (name.startsWith(by) && !closeCodes.some((code) => name === endName(by, code))) sum += times
  }
  return sum
}

const connectionSeries = ({ watch: { meter } }: MetricsSource): ReadonlyArray<Series> => {
  const closed = "Connections that ended, by who ended them and close code"
  const ends = (Object.keys(endedBy) as ReadonlyArray<EndedBy>).flatMap((by) => [
    ...closeCodes.map((code) =>
      counter("connections_closed", closed, () => told(meter.ended, endName(by, code)), {
        by: endedBy[by],
        code: String(code)
      })
    ),
    counter("connections_closed", closed, () => otherCodes(meter.ended, by), { by: endedBy[by], code: "other" })
  ])
  const registrations = "ClientHellos accepted, by whether the device had a slot"
  return [
    counter("connections_opened", "Sockets opened", () => meter.opened),
    ...ends,
    counter("registrations", registrations, () => told(meter.decisions, "Registered:new"), { slot: "new" }),
    counter("registrations", registrations, () => told(meter.decisions, "Registered:known"), { slot: "known" })
  ]
}

const decisionSeries = ({ watch: { meter } }: MetricsSource): ReadonlyArray<Series> => {
  const { decisions } = meter
  const byReason = (name: string, description: string, tag: string, reasons: object): ReadonlyArray<Series> =>
    Object.keys(reasons).map((why) =>
      counter(name, description, () => told(decisions, `${tag}:${why}`), { reason: labelOf(why) })
    )
  const one = (name: string, description: string, tag: string): Series =>
    counter(name, description, () => told(decisions, tag))
  return [
    one("transactions_begun", "Transactions begun", "TransactionBegun"),
    one("transactions_committed", "Transactions committed", "TransactionCommitted"),
    one("transactions_rejected", "Transactions refused, as another was under way", "TransactionRejected"),
    ...byReason("transactions_discarded", "Transactions lost, by reason", "TransactionDiscarded", transactionLosses),
    ...byReason("slots_freed", "Device slots freed, by reason", "SlotFreed", slotLosses),
    one("connections_replaced", "Sessions that a newer connection of the device took over", "Replaced"),
    one("ephemerals_dropped", "Ephemerals that found no room to wait for their place", "EphemeralDropped"),
    counter("groups_failed", "Groups closed with 1011, as store or mediator failed", () => meter.groupsFailed)
  ]
}

const storeSeries = ({ backlog, watch: { meter } }: MetricsSource): ReadonlyArray<Series> => [
  ...(Object.keys(meter.store) as ReadonlyArray<StoreOperation>).flatMap((operation) => [
    histogram("store", "Calls of the store, by operation", meter.store[operation], { operation }),
    counter("store_failures", "Calls of the store that failed", () => told(meter.storeFailures, operation), {
      operation
    })
  ]),
  gauge("store_backlog_bytes", "Bytes on their way to the store", backlog)
]

const gauges: ReadonlyArray<readonly [name: string, description: string, of: keyof Census]> = [
  ["connections", "Open sockets, those before their ClientHello included", "connections"],
  ["sessions", "Registered connections", "sessions"],
  ["connections_paused", "Connections nothing is read from, as they or the store lag behind", "paused"],
  ["groups", "Device groups in memory", "groups"],
  ["slots", "Device slots of the groups in memory", "slots"],
  ["transactions", "Transactions under way", "transactions"],
  ["transaction_bytes", "Bytes that all transactions together buffer", "transactionBytes"],
  ["queue_messages", "Messages in the reflection queues of the groups in memory", "queueMessages"],
  ["queue_messages_max", "Messages in the longest reflection queue of the groups in memory", "queueMessagesMax"],
  ["queue_bytes", "Envelope bytes in the reflection queues of the groups in memory", "queueBytes"],
  ["queue_bytes_max", "Envelope bytes in the largest reflection queue of the groups in memory", "queueBytesMax"],
  ["outgoing_bytes", "Bytes on their way to all connections", "outgoingBytes"],
  ["outgoing_bytes_max", "Bytes on their way to the slowest connection", "outgoingBytesMax"]
]

const censusSeries = ({ peers, state }: MetricsSource): ReadonlyArray<Series> => {
  let census = takeCensus(state(), peers())
  // An export reads series in the order of their registration: the first gauge takes the census for all.
  return gauges.map(([name, description, of], index) =>
    gauge(name, description, () => {
      if (index === 0) census = takeCensus(state(), peers())
      return census[of]
    })
  )
}

/** Reports the metrics of a mediator until the scope closes. */
export const registerMetrics = (source: MetricsSource): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    source.watch.startTiming()
    const all = [trafficSeries, connectionSeries, decisionSeries, storeSeries, censusSeries]
    return registerSeries(all.flatMap((make) => make(source)))
  })
