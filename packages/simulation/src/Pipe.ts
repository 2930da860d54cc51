/**
 * One connection between a device and the mediator, seen from both ends.
 *
 * Owns the closing handshake, what each end learns of the other's end, and backpressure. How fast and whether at all
 * things move is decided by the `Network`.
 *
 * @since 0.1.0
 */
import { type ClientFrame, decodeClientFrame, type DecodeError, decodeServerFrame, type ServerFrame } from "@d2m/codec"
import type { Attachment, Transport } from "@d2m/server-sim"
import { Effect, Result } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { Socket } from "effect/socket"
import { type Passage, Direction } from "./Direction.ts"
import type { Machine } from "./Machine.ts"
import type { Reasons } from "./Reasons.ts"
import type { Witness } from "./WorldEvent.ts"

/** A message and what it says. */
export interface Packet<F> {
  readonly message: Uint8Array | string
  readonly frame: F | undefined
  /** Made up on the way: it takes no room in the socket of the mediator, which knows nothing of it. */
  readonly isMadeUp?: true
}

/** What a packet takes of the sender's room, in bytes. */
const sizeOf = ({ isMadeUp, message }: Packet<unknown>): number => (isMadeUp === true ? 0 : message.length)

/** A packet as it is put on its way: perhaps later than it would be, perhaps overtaken by those behind it. */
export interface Sent {
  readonly packet: Packet<ServerFrame>
  readonly delay?: number
  readonly holdsUp?: boolean
}

/** What somebody makes of a packet of the mediator's before it travels, or nothing to leave it as it is. */
export type Tamper = (packet: Packet<ServerFrame>) => ReadonlyArray<Sent> | undefined

/** What a device makes of a reflect before it travels, or nothing to leave it as it is. */
export type Garbler = (frame: Extract<ClientFrame, { readonly _tag: "Reflect" }>) => Uint8Array | undefined

/** What a pipe needs of the network it is a part of. */
export interface PipeHost {
  readonly id: number
  readonly device: string
  /** The network's machine, which is never paused: things travel by themselves. */
  readonly network: Machine
  /** The device's. */
  readonly machine: Machine
  readonly up: Passage
  readonly down: Passage
  readonly witness: Witness
  /** Asked one after the other; the first that has something to say decides. */
  readonly tamper: ReadonlyArray<Tamper>
  /** The same for what the device reflects. */
  readonly garblers: ReadonlyArray<Garbler>
  /** How long the device's host takes from one message to the next, in ms; the longest holds. */
  readonly readGaps: Reasons<number>
  /** Whether a close of the mediator reaches the device as 1006, without its code. */
  readonly losesCloseCode: () => boolean
  /** Whether the host of the mediator answers to what comes in for a connection it does not know. */
  readonly resetsStrangers: () => boolean
  readonly onEnd: (pipe: Pipe) => void
}

type Message = Uint8Array | string
type Pulled = NonEmptyReadonlyArray<Message>

const packetOf = <F>(
  decode: (bytes: Uint8Array) => Result.Result<F, DecodeError>,
  message: Uint8Array | string
): Packet<F> => ({
  message,
  frame: typeof message === "string" ? undefined : Result.getOrUndefined(decode(message))
})

/** Reads what a message to a device says. */
export const serverPacket = (message: Uint8Array | string): Packet<ServerFrame> => packetOf(decodeServerFrame, message)

const newCloseError = (code: number, closeReason?: string): Socket.SocketError =>
  new Socket.SocketError({
    reason: new Socket.SocketCloseError(closeReason === undefined ? { code } : { code, closeReason })
  })

/** What connections have ended with: an error has its fields checked, which took a hundredth of a run. */
const ends = new Map<string, Socket.SocketError>()
/** Mediators give few reasons; whoever makes up a new one each time has it made each time. */
const mostEnds = 100

const closeError = (code: number, closeReason?: string): Socket.SocketError => {
  const key = closeReason === undefined ? `${code}` : `${code} ${closeReason}`
  const known = ends.get(key)
  if (known !== undefined) return known
  const error = newCloseError(code, closeReason)
  if (ends.size < mostEnds) ends.set(key, error)
  return error
}

const writeError = (): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: "the connection has ended" }) })

/** Bytes on the way to the mediator above which writing waits. */
const highWaterUp = 1024 * 1024

/** One connection. */
export class Pipe {
  readonly #host: PipeHost
  readonly #up: Direction<Packet<ClientFrame>>
  readonly #down: Direction<Packet<ServerFrame>>
  /** The mediator's end, while it has one. */
  #attachment: Attachment | undefined
  #isClosedByMediator = false
  /** Whether the mediator's process is gone and has left its end behind. */
  #isOrphan = false
  #lowWater = 0
  #isAboveLowWater = false
  #holds = 0
  #inbox: Array<Packet<ServerFrame>> = []
  #inboxBytes = 0
  #waiting: ((effect: Effect.Effect<Pulled, Socket.SocketError>) => void) | undefined
  #isWaking = false
  /** When the device's host reads on, if it is slow. */
  #readsAt = 0
  #roomWaiters: Array<() => void> = []
  #isClosing = false
  #ended: Socket.SocketError | undefined
  #isLost = false

  constructor(host: PipeHost) {
    this.#host = host
    const { down, up } = host
    const upConditions: Passage = { ...up, isStalled: () => this.#holds > 0 || up.isStalled() }
    this.#up = new Direction(host.network, upConditions, (packets) => this.#deliverUp(packets))
    this.#down = new Direction(host.network, down, (packets) => this.#deliverDown(packets))
  }

  get id(): number {
    return this.#host.id
  }
  get device(): string {
    return this.#host.device
  }

  /** Both ends are there. */
  open(attach: (transport: Transport) => Attachment, lowWater: number): void {
    this.#lowWater = lowWater
    this.#host.witness({ _tag: "Opened", ...this.#place() })
    const attachment = attach(this.#transport)
    // A mediator that shuts down closes what it has just been given.
    if (!this.#isClosedByMediator) this.#attachment = attachment
  }

  /** Looks again whether something moves. */
  wake(): void {
    this.#up.wake()
    this.#down.wake()
  }

  /** One direction has become faster or slower. */
  respeed(way: "up" | "down"): void {
    if (way === "up") this.#up.respeed()
    else this.#down.respeed()
  }

  /** The network is gone: both ends see 1006, and what was on its way is lost. */
  reset(): void {
    this.#up.cut()
    this.#mediatorIsDone()
    this.#end(1006)
  }

  /** Nothing travels any more, and nobody is told; says whether something did until now. */
  vanish(): boolean {
    const hasTravelled = !this.#isLost
    this.#isLost = true
    return hasTravelled
  }

  /** The mediator's process is gone; `isTold`, the device learns of it when the news has travelled. */
  orphan(isTold: boolean): void {
    this.#attachment = undefined
    this.#isOrphan = true
    if (this.#ended !== undefined) return this.#host.onEnd(this)
    if (isTold && !this.#isLost) this.#down.end(() => this.#end(1006))
  }

  /** The device's process is gone; `isTold`, the mediator learns of it when the news has travelled. */
  abandon(isTold: boolean): void {
    this.#ended ??= closeError(1006)
    this.#down.cut()
    this.#waiting = undefined
    if (!isTold) this.vanish()
    else if (!this.#isClosing) this.#up.end(() => this.#mediatorIsDone())
    this.#isClosing = true
    if (this.#attachment === undefined) this.#host.onEnd(this)
  }

  /** The device's way of reading: everything that has arrived, or a wait for more. */
  readonly pull: Effect.Effect<Pulled, Socket.SocketError> = Effect.suspend(() => {
    if (this.#hasArrived && this.#pause() === 0) return this.#take()
    return Effect.callback<Pulled, Socket.SocketError>((resume) => {
      this.#waiting = resume
      if (this.#hasArrived) this.#wakeReader()
      return Effect.sync(() => {
        this.#waiting = undefined
      })
    })
  })

  readonly write = (messages: ReadonlyArray<Message>): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => {
      if (this.#ended !== undefined || this.#isClosing) return Effect.fail(writeError())
      const { device, id: connection, witness } = this.#host
      for (const message of messages) {
        const packet = packetOf(decodeClientFrame, message)
        witness({ _tag: "DeviceSent", at: this.#now, device, connection, message, frame: packet.frame })
        if (this.#isLost) continue
        const garbled = this.#garbled(packet)
        this.#up.offer(garbled, garbled.message.length)
      }
      if (this.#up.bytes <= highWaterUp) return Effect.void
      return Effect.callback<void, Socket.SocketError>((resume) => {
        const proceed = () => resume(this.#ended === undefined ? Effect.void : Effect.fail(writeError()))
        this.#roomWaiters.push(proceed)
        return Effect.sync(() => {
          this.#roomWaiters = this.#roomWaiters.filter((waiter) => waiter !== proceed)
        })
      })
    })

  /** The device closes with a code; the mediator answers, and only then it is over for the device. */
  close(code: number, reason: string | undefined): void {
    if (this.#ended !== undefined || this.#isClosing) return
    this.#isClosing = true
    this.#host.witness({ _tag: "DeviceClosed", ...this.#place(), code })
    if (this.#isLost) return
    this.#up.end(() => {
      this.#mediatorIsDone()
      this.#down.end(() => this.#end(code, reason))
    })
  }

  /** The device lets go of the connection. */
  hangUp(): void {
    if (this.#ended !== undefined) return
    if (!this.#isClosing) {
      this.#host.witness({ _tag: "DeviceClosed", ...this.#place(), code: 1000 })
      if (!this.#isLost) this.#up.end(() => this.#mediatorIsDone())
    }
    this.#isClosing = true
    this.#end(1000)
  }

  get #now(): number {
    return this.#host.network.kernel.now
  }

  /** For what is rare: spreading it takes several times as long as naming what is in it. */
  #place() {
    return { at: this.#now, device: this.#host.device, connection: this.#host.id }
  }

  #deliverUp(packets: ReadonlyArray<Packet<ClientFrame>>): void {
    if (this.#isLost) return
    const attachment = this.#attachment
    if (attachment === undefined) {
      // Whoever talks to a process that is not there any more is told so, once its host is back.
      if (this.#isOrphan && this.#host.resetsStrangers()) this.#down.end(() => this.#end(1006))
      return
    }
    const { device, id: connection, witness } = this.#host
    for (const { frame, message } of packets)
      witness({ _tag: "MediatorReceived", at: this.#now, device, connection, message, frame })
    attachment.received(packets.map(({ message }) => message))
    if (this.#up.bytes > highWaterUp) return
    const waiters = this.#roomWaiters
    this.#roomWaiters = []
    for (const proceed of waiters) this.#host.network.kernel.ready(this.#host.machine, proceed)
  }

  #deliverDown(packets: ReadonlyArray<Packet<ServerFrame>>): void {
    if (this.#isLost || this.#ended !== undefined) return
    for (const packet of packets) {
      this.#inbox.push(packet)
      this.#inboxBytes += sizeOf(packet)
    }
    this.#wakeReader()
  }

  get #hasArrived(): boolean {
    return this.#inbox.length > 0 || this.#ended !== undefined
  }

  /** How long a slow host waits before it reads on, in ms. */
  #pause(): number {
    const { network, readGaps } = this.#host
    if (readGaps.size === 0) return 0
    return Math.max(0, this.#readsAt - network.kernel.now)
  }

  /** Resumes the device's reader when its machine comes to it. */
  #wakeReader(): void {
    if (this.#waiting === undefined || this.#isWaking) return
    this.#isWaking = true
    const { machine, network } = this.#host
    const wake = () => {
      this.#isWaking = false
      // It may have been interrupted, and have read by itself.
      if (!this.#hasArrived) return
      const resume = this.#waiting
      this.#waiting = undefined
      resume?.(this.#take())
    }
    const pause = this.#pause()
    if (pause > 0) network.kernel.after(machine, pause, wake)
    else network.kernel.ready(machine, wake)
  }

  #take(): Effect.Effect<Pulled, Socket.SocketError> {
    if (this.#inbox.length === 0) return Effect.fail(this.#ended ?? closeError(1006))
    const packets = this.#read()
    const { device, id: connection, witness } = this.#host
    for (const { frame, message } of packets)
      witness({ _tag: "DeviceReceived", at: this.#now, device, connection, message, frame })
    if (this.#isAboveLowWater && this.#buffered() <= this.#lowWater) {
      this.#isAboveLowWater = false
      this.#attachment?.drained()
    }
    return Effect.succeed(packets.map(({ message }) => message) as unknown as Pulled)
  }

  /** Everything that has arrived, or the first of it where the host is slow. */
  #read(): ReadonlyArray<Packet<ServerFrame>> {
    const { network, readGaps } = this.#host
    const packets = this.#inbox
    if (readGaps.size === 0) {
      this.#inbox = []
      this.#inboxBytes = 0
      return packets
    }
    const gap = Math.max(...readGaps.values)
    this.#readsAt = network.kernel.now + gap
    const [first] = packets.splice(0, 1)
    this.#inboxBytes -= sizeOf(first!)
    if (packets.length > 0) readGaps.act(gap)
    return [first!]
  }

  /** It is over for the device. */
  #end(code: number, reason?: string): void {
    if (this.#ended !== undefined) return
    this.#ended = closeError(code, reason)
    this.#down.cut()
    if (!this.#isClosing) this.#host.witness({ _tag: "DeviceLost", ...this.#place(), code })
    this.#wakeReader()
    const waiters = this.#roomWaiters
    this.#roomWaiters = []
    for (const proceed of waiters) this.#host.network.kernel.ready(this.#host.machine, proceed)
    if (this.#attachment === undefined) this.#host.onEnd(this)
  }

  /** It is over for the mediator, which did not end it. */
  #mediatorIsDone(): void {
    const attachment = this.#attachment
    if (attachment === undefined) return
    this.#attachment = undefined
    this.#host.witness({ _tag: "MediatorLost", ...this.#place() })
    attachment.gone()
    if (this.#ended !== undefined) this.#host.onEnd(this)
  }

  readonly #transport: Transport = {
    send: (message) => {
      const packet = serverPacket(message)
      const buffered = this.#buffered()
      const { device, id: connection, witness } = this.#host
      witness({ _tag: "MediatorSent", at: this.#now, device, connection, message, frame: packet.frame, buffered })
      if (this.#isLost || this.#ended !== undefined) return
      for (const sent of this.#tampered(packet)) {
        this.#down.offer(sent.packet, sizeOf(sent.packet), sent.delay, sent.holdsUp)
      }
      if (this.#buffered() > this.#lowWater) this.#isAboveLowWater = true
    },
    flush: () => {},
    close: (code, reason) => {
      this.#attachment = undefined
      this.#isClosedByMediator = true
      this.#host.witness({ _tag: "MediatorClosed", ...this.#place(), code, reason })
      if (this.#ended !== undefined) return this.#host.onEnd(this)
      if (this.#isLost) return
      this.#down.end(() => {
        this.#up.cut()
        if (this.#host.losesCloseCode()) this.#end(1006)
        else this.#end(code, reason)
      })
    },
    cut: () => {
      this.#attachment = undefined
      this.#isClosedByMediator = true
      this.#host.witness({ _tag: "MediatorClosed", ...this.#place(), code: 1006, reason: "" })
      if (this.#ended !== undefined) return this.#host.onEnd(this)
      if (this.#isLost) return
      this.#up.cut()
      this.#end(1006)
    },
    buffered: () => this.#buffered(),
    pause: () => {
      this.#holds++
    },
    resume: () => {
      if (--this.#holds === 0) this.#up.wake()
    },
    inject: () => undefined
  }

  #garbled(packet: Packet<ClientFrame>): Packet<ClientFrame> {
    const { frame } = packet
    if (frame?._tag !== "Reflect") return packet
    for (const garble of this.#host.garblers) {
      const message = garble(frame)
      if (message !== undefined) return packetOf(decodeClientFrame, message)
    }
    return packet
  }

  #tampered(packet: Packet<ServerFrame>): ReadonlyArray<Sent> {
    for (const tamper of this.#host.tamper) {
      const sent = tamper(packet)
      if (sent !== undefined) return sent
    }
    return [{ packet }]
  }

  #buffered(): number {
    return this.#down.bytes + this.#inboxBytes
  }
}
