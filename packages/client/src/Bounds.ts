/**
 * How long a device waits, and how much it holds.
 * Owns the numbers of decision 15 and the bounds of every queue, each with its default.
 * Leaves the time between connections to `ReconnectPolicy` and idle connections to `KeepAlive`.
 */
import { Context, Duration, Effect } from "effect"

/**
 * Deadlines, a number being milliseconds: finite and above 0, or no device is made (`InvalidDeviceOptions`). `chatVerdict` and
 * `close` may be 0.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deadlines {
  /** From dialling to an open WebSocket: 10 s. */
  readonly open: Duration.Input
  /** From there to ServerInfo: 10 s. */
  readonly handshake: Duration.Input
  /** From a request or a reflect to its answer: 30 s. */
  readonly answer: Duration.Input
  /** From the end of a connection to the chat handler's word on it: 5 s. */
  readonly chatVerdict: Duration.Input
  /** Given to a close code, and to a broken connection to say why it broke: 1 s. */
  readonly close: Duration.Input
  /** How long a handler may hold up the reading while the device waits for the mediator: 10 s. */
  readonly stall: Duration.Input
  /**
   * From TransactionRejected to the next try when no TransactionEnded comes: 65 s, more than the longest transaction.
   */
  readonly lock: Duration.Input
}

/**
 * The deadlines of decision 15, in milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultDeadlines: Readonly<Record<keyof Deadlines, number>> = {
  open: 10_000,
  handshake: 10_000,
  answer: 30_000,
  chatVerdict: 5_000,
  close: 1_000,
  stall: 10_000,
  lock: 65_000
}

/**
 * The deadlines in force.
 *
 * @category references
 * @since 0.1.0
 */
export const Deadlines = Context.Reference<Deadlines>("@d2m/client/Deadlines", { defaultValue: () => defaultDeadlines })

/**
 * The deadlines in force, in milliseconds: what a device and each of its connections reckon with.
 *
 * @internal
 */
export const deadlineMillis: Effect.Effect<Readonly<Record<keyof Deadlines, number>>> = Effect.map(
  Deadlines,
  (deadlines) =>
    deadlines === defaultDeadlines
      ? defaultDeadlines
      : {
          open: Duration.toMillis(deadlines.open),
          handshake: Duration.toMillis(deadlines.handshake),
          answer: Duration.toMillis(deadlines.answer),
          chatVerdict: Duration.toMillis(deadlines.chatVerdict),
          close: Duration.toMillis(deadlines.close),
          stall: Duration.toMillis(deadlines.stall),
          lock: Duration.toMillis(deadlines.lock)
        }
)

/**
 * What a device holds at most: whole numbers above 0, or no device is made (`InvalidDeviceOptions`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Capacities {
  /**
   * Bytes of reflects that wait for their acks, each counted with 64 bytes more than its envelope: 8 MiB. What waits for room
   * is kept as its caller gave it, apart from the first envelope of each caller.
   */
  readonly reflects: number
  /** Messages that wait for the handler; it gets at most so many at once: 256. */
  readonly reflected: number
  /** Chat frames that wait for the chat handler: 256. */
  readonly chat: number
  /** Events and states that a slow subscriber can be behind before it loses the oldest, 65536 at most: 256. */
  readonly events: number
}

/**
 * The capacities in force unless others are provided.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultCapacities: Capacities = { reflects: 8 << 20, reflected: 256, chat: 256, events: 256 }

/**
 * The capacities in force.
 *
 * @category references
 * @since 0.1.0
 */
export const Capacities = Context.Reference<Capacities>("@d2m/client/Capacities", {
  defaultValue: () => defaultCapacities
})
