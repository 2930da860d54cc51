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

/** What has not gone onto the wire as a whole. A class: V8 gives literals a shape that it has given up when `left` is no integer. */
class Unwritten<M> {
  readonly message: M | undefined
  readonly size: number
  readonly extra: number
  readonly holdsUp: boolean
  /** Bytes that the wire has not taken. */
  left: number

  constructor(message: M | undefined, size: number, extra: number, holdsUp: boolean) {
    this.message = message
    this.size = size
    this.extra = extra
    this.holdsUp = holdsUp
    this.left = size
  }
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
  readonly #unwritten: Array<Unwritten<M>> = []
  /** The first of them goes onto the wire: since when, how fast, and what ends that. */
  #writing: { readonly since: number; readonly speed: number; readonly timer: Timer } | undefined
  readonly #travelling: Array<Travelling<M>> = []
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
    this.#put(new Unwritten(message, size, extra, holdsUp))
  }

  /** Calls back behind everything that is on its way. Nothing can be offered any more. */
  end(onEnd: () => void): void {
    if (this.#isOver || this.#onEnd !== undefined) return
    this.#onEnd = onEnd
    this.#put(new Unwritten<M>(undefined, 0, 0, true))
  }

  /** Ends the direction; what is on its way is lost. */
  cut(): void {
    this.#isOver = true
    this.#disarm()
    if (this.#writing !== undefined) this.#machine.kernel.cancel(this.#writing.timer)
    this.#writing = undefined
    this.#unwritten.length = this.#travelling.length = this.bytes = 0
  }

  /** Looks again whether something moves. */
  wake(): void {
    this.#pump()
  }

  /** The speed has changed: what is left goes on as fast as that. */
  respeed(): void {
    const writing = this.#writing
    if (writing === undefined) return
    const { kernel } = this.#machine
    const first = this.#unwritten[0]!
    first.left = Math.max(0, first.left - (kernel.now - writing.since) * writing.speed)
    kernel.cancel(writing.timer)
    this.#writing = undefined
    this.#write()
  }

  /** Behind all that has not gone onto the wire; mostly there is nothing, and the wire takes it at once. */
  #put(next: Unwritten<M>): void {
    if (this.#unwritten.length > 0 || !this.#takes(next)) this.#unwritten.push(next)
    this.#pump()
  }

  /** Lets the wire take what it can. */
  #write(): void {
    while (this.#unwritten.length > 0 && this.#takes(this.#unwritten[0]!)) this.#unwritten.shift()
    this.#pump()
  }

  /** Whether the wire takes what is next at once; else it has begun to, and is at it for a while. */
  #takes(next: Unwritten<M>): boolean {
    const { kernel } = this.#machine
    const speed = next.left === 0 ? Infinity : this.#conditions.speed()
    if (speed === Infinity) {
      this.#send(next)
      return true
    }
    const timer = kernel.after(this.#machine, Math.ceil(next.left / speed), () => {
      next.left = 0
      this.#writing = undefined
      this.#write()
    })
    this.#writing = { since: kernel.now, speed, timer }
    return false
  }

  #send({ extra, holdsUp, message, size }: Unwritten<M>): void {
    const at = this.#machine.kernel.now + this.#conditions.latency() + extra
    if (holdsUp) this.#lastArrival = Math.max(this.#lastArrival, at)
    // The end comes behind everything, also behind what held nothing up.
    const behind = message === undefined ? (this.#travelling.at(-1)?.at ?? 0) : 0
    this.#insert({ message, size, at: Math.max(holdsUp ? this.#lastArrival : at, behind) })
  }

  /** Behind everything that arrives before it or with it. */
  #insert(item: Travelling<M>): void {
    const items = this.#travelling
    let index = items.length
    while (index > 0 && items[index - 1]!.at > item.at) index--
    if (index === items.length) items.push(item)
    else items.splice(index, 0, item)
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
    this.#timer = kernel.after(this.#machine, next.at - kernel.now, this.#arrive)
  }

  /** One for all that travel this way. */
  readonly #arrive = (): void => {
    this.#timer = undefined
    if (!this.#conditions.isStalled()) this.#deliverDue()
    this.#pump()
  }

  #deliverDue(): void {
    const { now } = this.#machine.kernel
    const items = this.#travelling
    let due = 0
    while (due < items.length && items[due]!.at <= now) due++
    const arrived: Array<M> = []
    let isEnd = false
    for (const { message, size } of due === 1 ? [items.shift()!] : items.splice(0, due)) {
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
