/**
 * One computer of a simulation: whatever runs on it can be paused, killed, and have its clock put wrong.
 *
 * Owns a scheduler and a clock for the fibers that run on it, both of which lead to the `Kernel`, and its own sources of
 * randomness. A killed machine's fibers never run again, not even their finalizers: that is what a crash is.
 *
 * @since 0.1.0
 */
import {
  Cause,
  Clock,
  Context,
  Duration,
  Effect,
  type Exit,
  type Fiber,
  Logger,
  Random,
  References,
  Scheduler
} from "effect"
import { SecureRandom } from "effect/crypto"
import type { Kernel, TaskHost } from "./Kernel.ts"
import type { Prng } from "./Prng.ts"
import { valueText } from "./Stacks.ts"

/** Steps after which a fiber that never yields is made to, as the default scheduler does. */
const longestTurn = 2048

/**
 * What a machine needs to know of itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface MachineOptions {
  /** For traces. */
  readonly name: string
  readonly prng: Prng
  /** Chance of a preemption before each step of a fiber, 0…1; none unless given. */
  readonly preempt?: number
  /** What its clock shows more than the kernel's, in ms; may be negative. */
  readonly skew?: number
  /** Told what is logged on it, in words; nothing is logged unless given. */
  readonly onLog?: ((text: string) => void) | undefined
}

/** What is logged, on one line: its level where it is not the usual one, the message, and what went wrong if that is told. */
const logWords = ({ cause, logLevel, message }: Logger.Options<unknown>): string =>
  [
    ...(logLevel === "Info" ? [] : [`${logLevel}:`]),
    ...(Array.isArray(message) ? message : [message]).map(valueText),
    ...(Cause.isCause(cause) && cause.reasons.length > 0 ? [valueText(Cause.squash(cause))] : [])
  ]
    .join(" ")
    .replace(/\s+/g, " ")

interface Held {
  readonly run: () => void
  readonly priority: number
}

/** What goes wrong here is meant to, and whoever wants to read of it looks at the events: logs are for those who listen. */
const logging = (onLog: MachineOptions["onLog"]): Context.Context<never> =>
  onLog === undefined
    ? Context.make(References.MinimumLogLevel, "None")
    : Context.make(Logger.CurrentLoggers, new Set([Logger.make((options) => onLog(logWords(options)))]))

/**
 * One computer.
 *
 * @category models
 * @since 0.1.0
 */
export class Machine implements Scheduler.Scheduler, TaskHost {
  readonly executionMode = "sync" as const
  readonly name: string
  readonly kernel: Kernel
  mode: TaskHost["mode"] = "Running"
  /** What its clock shows more than the kernel's, in ms. */
  skew: number
  readonly #preemption: Prng
  readonly #preempt: number
  #untilPreemption: number
  #held: Array<Held> = []
  /** What every fiber of the machine finds in its context: scheduler, clock, randomness. */
  readonly context: Context.Context<SecureRandom.SecureRandom>

  constructor(kernel: Kernel, options: MachineOptions) {
    this.kernel = kernel
    this.name = options.name
    this.skew = options.skew ?? 0
    this.#preempt = options.preempt ?? 0
    this.#preemption = options.prng.fork("preemption")
    this.#untilPreemption = this.#drawPreemption()
    const chance = options.prng.fork("chance")
    const secrets = options.prng.fork("secrets")
    this.context = Context.empty().pipe(
      Context.add(Scheduler.Scheduler, this),
      Context.add(Clock.Clock, new MachineClock(this)),
      Context.merge(logging(options.onLog)),
      Context.add(Random.Random, {
        nextIntUnsafe: () => (chance.u32() - 0x8000_0000) * 0x20_0000 + (chance.u32() >>> 11),
        nextDoubleUnsafe: chance.real
      }),
      Context.add(
        SecureRandom.SecureRandom,
        SecureRandom.make((size) => secrets.bytes(size))
      )
    )
  }

  /** Time as the machine's clock shows it, in whole ms since 1970. */
  get time(): number {
    return Math.floor(this.kernel.now + this.skew)
  }

  /** Runs an effect on the machine; it starts at once, and `onExit` is not told of what a kill has ended. */
  fork<A, E>(
    effect: Effect.Effect<A, E, SecureRandom.SecureRandom>,
    onExit?: (exit: Exit.Exit<A, E>) => void
  ): Fiber.Fiber<A, E> {
    const fiber = Effect.runForkWith(this.context)(effect)
    if (onExit !== undefined) fiber.addObserver(onExit)
    return fiber
  }

  /** Nothing runs on the machine until it is resumed; its clock goes on. */
  pause(): void {
    if (this.mode === "Running") this.mode = "Paused"
  }

  resume(): void {
    if (this.mode !== "Paused") return
    this.mode = "Running"
    for (const { priority, run } of this.#held.splice(0)) this.kernel.ready(this, run, priority)
  }

  /** Nothing runs on the machine any more. */
  kill(): void {
    this.mode = "Dead"
    this.#held = []
  }

  /** A task whose turn has come while the machine does not run. */
  hold(run: () => void, priority: number): void {
    if (this.mode === "Paused") this.#held.push({ run, priority })
  }

  // One for all of its fibers: each would make its own, and a queue keep its creator's.
  readonly #dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (run, priority) => this.kernel.ready(this, run, priority),
    flush: () => this.kernel.drain()
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.#dispatcher
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    if (--this.#untilPreemption > 0) return fiber.currentOpCount >= longestTurn
    // Not the first step of a turn, which may be an interruption: no scheduler lets a fiber start after that.
    if (fiber.currentOpCount <= 1) return false
    this.#untilPreemption = this.#drawPreemption()
    return true
  }

  /**
   * Steps until the next preemption: one draw for many steps, and evenly spread around their mean, because a true
   * geometric distribution takes a logarithm, which engines need not agree on.
   */
  #drawPreemption(): number {
    return this.#preempt <= 0 ? Infinity : 1 + this.#preemption.below(Math.max(1, Math.round(2 / this.#preempt)))
  }
}

/** The clock of a machine. A skew that changes moves what it shows, not when its sleepers wake. */
class MachineClock implements Clock.Clock {
  readonly #machine: Machine

  constructor(machine: Machine) {
    this.#machine = machine
  }

  currentTimeMillisUnsafe(): number {
    return this.#machine.time
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.#machine.time) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(Math.floor(this.#machine.kernel.now)) * 1_000_000n
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (!(millis > 0)) return Effect.yieldNow
    if (millis === Infinity) return Effect.never
    const machine = this.#machine
    return Effect.callback<void>((resume) => {
      const timer = machine.kernel.after(machine, millis, () => resume(Effect.void))
      return Effect.sync(() => machine.kernel.cancel(timer))
    })
  }
}
