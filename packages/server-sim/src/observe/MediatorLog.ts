/**
 * A mediator's life as log lines.
 *
 * Owns which happening is a line, at which level and with which annotations. How many there may be is `LogLimit`'s; formats
 * and destinations are those of the loggers in the context. No line holds a whole group id, a key, a challenge, an envelope,
 * a device info or anything else that a client sent.
 *
 * @since 0.1.0
 */
import { Clock, Context, Effect, Layer, LogLevel, References } from "effect"
import type { Decision } from "../Decision.ts"
import { Mediator } from "../Mediator.ts"
import { elapsedOf } from "../Moment.ts"
import { deviceLabel, groupLabel } from "./Label.ts"
import { makeLogLimit } from "./LogLimit.ts"
import type { GroupKey } from "../StoreCommand.ts"
import type { Happening, ObservedConnection } from "./Observer.ts"

interface Line {
  readonly level: "Debug" | "Info"
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

const connectionOf = ({ deviceId, groupKey, id }: ObservedConnection): Readonly<Record<string, unknown>> => ({
  connection: id,
  group: groupLabel(groupKey),
  ...(deviceId === undefined ? {} : { device: deviceLabel(deviceId) })
})

/** What a client can cause once a frame is not here: it is counted. */
const decisionLine = (decision: Decision): (Omit<Line, "annotations"> & { readonly more?: object }) | undefined => {
  switch (decision._tag) {
    case "SlotFreed":
      return { level: "Info", message: "slot freed", more: { why: decision.why } }
    case "Replaced":
      return { level: "Info", message: "session replaced" }
    case "BecameLeader":
      return { level: "Debug", message: "became leader" }
    case "BecameDry":
      return { level: "Debug", message: "reflection queue dry" }
    case "TransactionBegun":
      return { level: "Debug", message: "transaction begun", more: { ttl: decision.ttl } }
    case "TransactionCommitted":
      return { level: "Debug", message: "transaction committed", more: { messages: decision.messages } }
    case "TransactionDiscarded":
      return {
        level: "Info",
        message: "transaction discarded",
        more: { why: decision.why, messages: decision.messages }
      }
    default:
      return undefined
  }
}

const lineOf = (happening: Happening): Line | undefined => {
  switch (happening._tag) {
    case "Opened":
      return { level: "Debug", message: "connection opened", annotations: connectionOf(happening.connection) }
    case "Registered": {
      const { connection, isNew, queued } = happening
      const annotations = { ...connectionOf(connection), slot: isNew ? "new" : "known", queued }
      return { level: "Info", message: "device registered", annotations }
    }
    case "Ended": {
      const { by, code, connection, reason } = happening
      const annotations = {
        ...connectionOf(connection),
        by: by.toLowerCase(),
        code,
        ...(reason === "" ? {} : { reason }),
        ...connection.traffic
      }
      // Anybody can open one and leave, as often as they like.
      return { level: connection.deviceId === undefined ? "Debug" : "Info", message: "connection closed", annotations }
    }
    case "Decided": {
      const line = decisionLine(happening.decision)
      if (line === undefined || !("deviceId" in happening.decision)) return undefined
      const { level, message, more } = line
      const device = deviceLabel(happening.decision.deviceId)
      return { level, message, annotations: { group: groupLabel(happening.groupKey), device, ...more } }
    }
    case "GroupFailed":
      // The failure is told by itself and in sum; of these there may be one for each group.
      return { level: "Debug", message: "group failed", annotations: { group: groupLabel(happening.groupKey) } }
  }
}

const groupKeyOf = (happening: Happening): GroupKey =>
  "connection" in happening ? happening.connection.groupKey : happening.groupKey

/** How often it is told what was left out. */
const interval = "10 seconds"

/**
 * Logs what happens in the mediator: devices that register, their connections that end and why, slots and transactions
 * that are lost; at `Debug` also sockets that open or end without a device, leaders, transactions, and which groups failed.
 * That something failed is logged without it, too.
 *
 * A group has 60 lines at once and 60 a minute, the groups of one address have 600 at once and 300 a minute, and all groups have
 * 5000 at once and 50 a second; how many were left out is a line every 10 seconds. At `Debug` nothing is left out. Build it
 * before the server, so that it sees the last connection close.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLog: Layer.Layer<never, never, Mediator> = Layer.effectDiscard(
  Effect.gen(function* () {
    const mediator = yield* Mediator
    const context = yield* Effect.context<never>()
    const runFork = Effect.runForkWith(context)
    const minimum = Context.get(context, References.MinimumLogLevel)
    const isLimited = LogLevel.isGreaterThan(minimum, "Debug")
    const clock = yield* Clock.Clock
    const limit = makeLogLimit(elapsedOf(clock))
    const summary = Effect.suspend(() => {
      const leftOut = limit.leftOut()
      return leftOut === undefined ? Effect.void : Effect.annotateLogs(Effect.logWarning("log lines left out"), leftOut)
    })
    yield* Effect.addFinalizer(() => summary)
    yield* Effect.sleep(interval).pipe(Effect.andThen(summary), Effect.forever, Effect.forkScoped)
    yield* mediator.observe((happening) => {
      const line = lineOf(happening)
      if (happening._tag === "Registered") limit.registered(happening.connection)
      if (line === undefined || LogLevel.isLessThan(line.level, minimum)) return
      if (isLimited && !limit.allows(groupKeyOf(happening), line.message, elapsedOf(clock))) return
      runFork(Effect.annotateLogs(Effect.logWithLevel(line.level)(line.message), line.annotations))
    })
  })
)
