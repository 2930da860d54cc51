/**
 * One direction of an in-memory link: messages in, the same messages out, later and perhaps not all of them.
 *
 * Owns order, latency, stalls and the faults that act on single frames; its speed is the `LinkWire`'s. Without any of these
 * a message is delivered on the spot.
 *
 * @since 0.1.0
 */
import { Effect, Result } from "effect"
import type { Cancel, Forks } from "./Forks.ts"
import { alteredBy, type FrameRule, type Message, picks } from "./FrameRule.ts"
import { makeLinkWire, type Sized } from "./LinkWire.ts"

/** One direction of a link. */
export interface LinkDirection {
  readonly offer: (messages: ReadonlyArray<Message>) => void
  /** Calls back behind everything that is under way. Nothing can be offered any more. */
  readonly end: (onEnd: () => void) => void
  /** Ends the direction at once; what is under way is lost. */
  readonly cut: () => void
  /** Bytes under way. */
  readonly bytes: () => number
  /** The same with what a message costs besides, so that many small ones are bounded too. */
  readonly weight: () => number
  /** Holds everything back until the returned function is called. */
  readonly stall: () => Cancel
  /** Limits the speed until the returned function is called. */
  readonly slow: (bytesPerSecond: number) => Cancel
  /** Puts a fault in force until the returned function is called. */
  readonly addRule: (rule: FrameRule) => Cancel
}

/** About what a message that is under way costs besides its bytes. */
const overhead = 64

/** The end of the direction travels as a message that is `undefined`. */
interface Leaving extends Sized {
  readonly message: Message | undefined
  /** How much later than others it arrives, in ms. */
  readonly extra: number
  /** Whether those behind it wait for it. */
  readonly holdsUp: boolean
}

interface Travelling extends Sized {
  readonly message: Message | undefined
  readonly at: number
}

/** A direction that hands over what has arrived to `deliver`. */
export const makeLinkDirection = (options: {
  readonly forks: Forks
  readonly now: () => number
  /** Draws the latency of the next message, in ms; absent for none. */
  readonly latency: (() => number) | undefined
  readonly deliver: (messages: ReadonlyArray<Message>) => void
  readonly onFault: (fault: string) => void
  /** A fault's own function has failed, and the direction has ended: so must the connection, for this reason. */
  readonly onBroken: (reason: string) => void
}): LinkDirection => {
  const { deliver, forks, latency, now, onBroken, onFault } = options
  const rules = new Set<FrameRule>()
  const travelling: Array<Travelling> = []
  let bytes = 0
  let count = 0
  let stalls = 0
  let lastArrival = -Infinity
  let onEnd: (() => void) | undefined
  let isOver = false
  let armedFor = Infinity
  let disarm: Cancel = () => {}

  const deliverDue = (): void => {
    const time = now()
    const arrived: Array<Message> = []
    let isEnd = false
    while (travelling[0] !== undefined && travelling[0].at <= time) {
      const { message, size } = travelling.shift()!
      bytes -= size
      if (message === undefined) {
        isEnd = true
        continue
      }
      count--
      arrived.push(message)
    }
    if (arrived.length > 0) deliver(arrived)
    // Whoever took delivery may have cut the link.
    if (!isEnd || isOver) return
    isOver = true
    onEnd?.()
  }

  const pump = (): void => {
    while (!isOver && stalls === 0 && travelling[0] !== undefined) {
      const { at } = travelling[0]
      const wait = at - now()
      if (wait > 0) {
        if (at === armedFor) return
        disarm()
        armedFor = at
        disarm = forks.start(Effect.sleep(wait), () => {
          armedFor = Infinity
          pump()
        })
        return
      }
      deliverDue()
    }
  }

  const insert = (item: Travelling): void => {
    let index = travelling.length
    while (index > 0 && travelling[index - 1]!.at > item.at) index--
    travelling.splice(index, 0, item)
  }

  const travel = ({ extra, holdsUp, message, size }: Leaving): void => {
    const at = now() + (latency?.() ?? 0) + extra
    if (holdsUp) lastArrival = Math.max(lastArrival, at)
    // The end comes behind everything, also behind what holds nothing up.
    const behind = message === undefined ? (travelling.at(-1)?.at ?? at) : at
    insert({ message, size, at: Math.max(holdsUp ? lastArrival : at, behind) })
  }

  const wire = makeLinkWire<Leaving>({
    forks,
    now,
    taken: (items) => {
      for (const item of items) travel(item)
      pump()
    }
  })

  const cut = (): void => {
    isOver = true
    disarm()
    wire.cut()
    travelling.length = bytes = count = 0
  }

  /** What the rules make of a message; nothing once one of them has failed. */
  const altered = (original: Message): ReadonlyArray<Leaving> => {
    let messages: ReadonlyArray<Message> = [original]
    let extra = 0
    let holdsUp = true
    for (const rule of rules) {
      if (isOver) return []
      if (!picks(rule, original)) continue
      const { fault } = rule
      onFault(fault._tag)
      const outcome = Result.all(messages.map((message) => alteredBy(fault, message)))
      if (Result.isFailure(outcome)) {
        cut()
        onBroken(outcome.failure)
        return []
      }
      messages = outcome.success.flat()
      if (fault._tag !== "Delay") continue
      extra += fault.millis
      if (fault.overtake === true) holdsUp = false
    }
    return messages.map((message) => ({ message, size: message.length, extra, holdsUp }))
  }

  const passesOnTheSpot = (): boolean =>
    latency === undefined && stalls === 0 && travelling.length === 0 && rules.size === 0 && wire.isFree()

  return {
    offer: (messages) => {
      if (isOver || onEnd !== undefined) return
      if (passesOnTheSpot()) return deliver(messages)
      const leaving = messages.flatMap(altered)
      if (isOver) return
      for (const { size } of leaving) bytes += size
      count += leaving.length
      wire.put(leaving)
    },
    end: (tell) => {
      if (isOver || onEnd !== undefined) return
      onEnd = tell
      wire.put([{ message: undefined, size: 0, extra: 0, holdsUp: true }])
    },
    cut,
    bytes: () => bytes,
    weight: () => bytes + count * overhead,
    stall: () => {
      stalls++
      let isStalled = true
      return () => {
        if (!isStalled) return
        isStalled = false
        stalls--
        pump()
      }
    },
    slow: wire.slow,
    addRule: (rule) => {
      rules.add(rule)
      return () => {
        rules.delete(rule)
      }
    }
  }
}
