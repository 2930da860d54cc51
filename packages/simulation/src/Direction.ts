/**
 * One direction of a connection: what goes in comes out later, in order, all of it or nothing more.
 *
 * Owns order, latency, bandwidth and standstill, as TCP has them: a stalled direction loses nothing, a cut one loses what
 * was on its way. When and by whom it is stalled or cut is the `Pipe`'s and the `Network`'s.
 *
 * @since 0.1.0
 */
import type { Timer } from "./Kernel.ts"
import type { Machine } from "./Machine.ts"

/** The conditions on a way, asked for each message. */
export interface Passage {
  /** The latency of the next message, in ms. */
  readonly latency: () => number
  /** Bytes in a ms; `Infinity` for no limit. Asked only where it makes a difference. */
  readonly speed: () => number
  /** Whether nothing moves. Asked only when something is to move. */
  readonly isStalled: () => boolean
}

interface Travelling<M> {
  /** Absent for the end of the direction, which travels like a message. */
  readonly message: M | undefined
  readonly size: number
  readonly at: number
}

/** One direction, of messages of type `M`. */
export class Direction<M> {
  /** Bytes on their way. */
  bytes = 0
  readonly #machine: Machine
  readonly #conditions: Passage
  readonly #deliver: (messages: Array<M>) => void
  readonly #travelling: Array<Travelling<M>> = []
  #wireIsFreeAt = 0
  #lastArrival = 0
  #onEnd: (() => void) | undefined
  #timer: Timer | undefined
  #isOver = false

  constructor(machine: Machine, conditions: Passage, deliver: (messages: Array<M>) => void) {
    this.#machine = machine
    this.#conditions = conditions
    this.#deliver = deliver
  }

  /** Puts a message on its way, `extra` ms later than it would be; unless `holdsUp`, those behind may overtake it. */
  offer(message: M, size: number, extra = 0, holdsUp = true): void {
    if (this.#isOver || this.#onEnd !== undefined) return
    this.bytes += size
    this.#insert({ message, size, at: this.#arrival(size, extra, holdsUp) })
    this.#pump()
  }

  /** Calls back behind everything that is on its way. Nothing can be offered any more. */
  end(onEnd: () => void): void {
    if (this.#isOver || this.#onEnd !== undefined) return
    this.#onEnd = onEnd
    const at = Math.max(this.#arrival(0, 0, true), this.#travelling.at(-1)?.at ?? 0)
    this.#travelling.push({ message: undefined, size: 0, at })
    this.#pump()
  }

  /** Ends the direction; what is on its way is lost. */
  cut(): void {
    this.#isOver = true
    this.#disarm()
    this.#travelling.length = this.bytes = 0
  }

  /** Looks again whether something moves. */
  wake(): void {
    this.#pump()
  }

  #arrival(size: number, extra: number, holdsUp: boolean): number {
    const { now } = this.#machine.kernel
    const speed = size === 0 ? Infinity : this.#conditions.speed()
    const start = Math.max(now, this.#wireIsFreeAt)
    const written = speed === Infinity ? start : start + Math.ceil(size / speed)
    if (!holdsUp) return written + this.#conditions.latency() + extra
    this.#wireIsFreeAt = written
    this.#lastArrival = Math.max(this.#lastArrival, written + this.#conditions.latency() + extra)
    return this.#lastArrival
  }

  /** Behind everything that arrives before it or with it. */
  #insert(item: Travelling<M>): void {
    const items = this.#travelling
    let index = items.length
    while (index > 0 && items[index - 1]!.at > item.at) index--
    items.splice(index, 0, item)
    if (index === 0) this.#disarm()
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#machine.kernel.cancel(this.#timer)
    this.#timer = undefined
  }

  #pump(): void {
    if (this.#timer !== undefined || this.#isOver) return
    const next = this.#travelling[0]
    if (next === undefined || this.#conditions.isStalled()) return
    // Also what is due already takes a turn of the scheduler: nobody is called from within his own call.
    const { kernel } = this.#machine
    this.#timer = kernel.after(this.#machine, next.at - kernel.now, () => {
      this.#timer = undefined
      if (!this.#conditions.isStalled()) this.#deliverDue()
      this.#pump()
    })
  }

  #deliverDue(): void {
    const { now } = this.#machine.kernel
    const items = this.#travelling
    let due = 0
    while (due < items.length && items[due]!.at <= now) due++
    const arrived: Array<M> = []
    let isEnd = false
    for (const { message, size } of items.splice(0, due)) {
      this.bytes -= size
      if (message === undefined) isEnd = true
      else arrived.push(message)
    }
    if (arrived.length > 0) this.#deliver(arrived)
    // Whoever took delivery may have cut the way.
    if (!isEnd || this.#isOver) return
    this.#isOver = true
    this.#onEnd?.()
  }
}
