/**
 * One direction of an in-memory link: messages in, the same messages out, later and perhaps not all of them.
 *
 * Owns order, latency, bandwidth, stalls and the faults that act on single frames. Without any of these a message is
 * delivered on the spot.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { altered, type FrameRule, picks } from "./Fault.ts"
import type { Cancel, Forks } from "./Forks.ts"

/** What travels. */
export type Message = Uint8Array | string

/** One direction of a link. */
export interface LinkDirection {
  readonly offer: (messages: ReadonlyArray<Message>) => void
  /** Calls back behind everything that is under way. Nothing can be offered any more. */
  readonly end: (onEnd: () => void) => void
  /** Ends the direction at once; what is under way is lost. */
  readonly cut: () => void
  /** Bytes under way. */
  readonly bytes: () => number
  /** Holds everything back until the returned function is called. */
  readonly stall: () => Cancel
  /** Limits the speed until the returned function is called. */
  readonly slow: (bytesPerSecond: number) => Cancel
  /** Puts a fault in force until the returned function is called. */
  readonly addRule: (rule: FrameRule) => Cancel
}

/** The end of the direction travels as a message that is `undefined`. */
interface Travelling {
  readonly message: Message | undefined
  readonly size: number
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
}): LinkDirection => {
  const { deliver, forks, latency, now, onFault } = options
  const rules = new Set<FrameRule>()
  const speeds = new Set<{ readonly bytesPerSecond: number }>()
  const travelling: Array<Travelling> = []
  let bytes = 0
  let stalls = 0
  let wireIsFreeAt = -Infinity
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
      if (message !== undefined) arrived.push(message)
      else isEnd = true
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

  const insert = (message: Message | undefined, size: number, at: number): void => {
    bytes += size
    let index = travelling.length
    while (index > 0 && travelling[index - 1]!.at > at) index--
    travelling.splice(index, 0, { message, size, at })
  }

  /** When something that is put on the wire now arrives, behind everything before it. */
  const arrival = (size: number, extra: number): number => {
    const start = Math.max(now(), wireIsFreeAt)
    let speed = Infinity
    for (const { bytesPerSecond } of speeds) speed = Math.min(speed, bytesPerSecond)
    wireIsFreeAt = speed === Infinity ? start : start + Math.ceil((size * 1000) / speed)
    lastArrival = Math.max(lastArrival, wireIsFreeAt + (latency?.() ?? 0) + extra)
    return lastArrival
  }

  const send = (original: Message): void => {
    let messages: ReadonlyArray<Message> = [original]
    let extra = 0
    let overtakenBy = 0
    for (const rule of rules) {
      if (!picks(rule, original)) continue
      const { fault } = rule
      onFault(fault._tag)
      messages = messages.flatMap((message) => altered(fault, message))
      if (fault._tag !== "Delay") continue
      if (fault.overtake === true) overtakenBy += fault.millis
      else extra += fault.millis
    }
    for (const message of messages) {
      const { length } = message
      // What others may overtake does not hold them up.
      insert(message, length, overtakenBy > 0 ? now() + (latency?.() ?? 0) + overtakenBy : arrival(length, extra))
    }
  }

  const passesOnTheSpot = (): boolean =>
    latency === undefined && stalls === 0 && travelling.length === 0 && rules.size === 0 && speeds.size === 0

  return {
    offer: (messages) => {
      if (isOver || onEnd !== undefined) return
      if (passesOnTheSpot()) return deliver(messages)
      for (const message of messages) send(message)
      pump()
    },
    end: (tell) => {
      if (isOver || onEnd !== undefined) return
      onEnd = tell
      insert(undefined, 0, Math.max(arrival(0, 0), travelling.at(-1)?.at ?? 0))
      pump()
    },
    cut: () => {
      isOver = true
      disarm()
      travelling.length = bytes = 0
    },
    bytes: () => bytes,
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
    slow: (bytesPerSecond) => {
      const speed = { bytesPerSecond }
      speeds.add(speed)
      return () => {
        speeds.delete(speed)
      }
    },
    addRule: (rule) => {
      rules.add(rule)
      return () => {
        rules.delete(rule)
      }
    }
  }
}
