/**
 * A mediator's connection over `ws`.
 *
 * Owns batching on the way in, all messages of one read reach the core in one call, and what closing and faults mean for
 * a socket. The way out is `FrameWriter`'s, and what becomes of frames under a fault `LinkDirection`'s, as in memory. A
 * platform edge: this is where callbacks and ticks of Node live.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode, isSendable } from "@d2m/codec"
import { violationCode } from "@d2m/codec/node"
import type { Duplex } from "node:stream"
import type { RawData, WebSocket } from "ws"
import type { Direction, Fault } from "../Fault.ts"
import type { Cancel, Forks } from "../Forks.ts"
import type { Message } from "../FrameRule.ts"
import { defaultHighWaterUp } from "../LinkOptions.ts"
import { type LinkDirection, makeLinkDirection } from "../LinkDirection.ts"
import type { Mediator } from "../Mediator.ts"
import type { Attachment, Transport } from "../Transport.ts"
import { makeFrameWriter } from "./FrameWriter.ts"

/** Node's `Buffer` has methods of its own that copy or do not where `Uint8Array`'s do the opposite. */
const plainBytes = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)

const bytesOf = (data: RawData): Uint8Array => {
  if (Array.isArray(data)) return plainBytes(Buffer.concat(data))
  return data instanceof ArrayBuffer ? new Uint8Array(data) : plainBytes(data)
}

const messageOf = (data: RawData, isBinary: boolean): Message =>
  isBinary ? bytesOf(data) : new TextDecoder().decode(bytesOf(data))

const nothing: Cancel = () => {}

/** A WebSocket that was accepted, and what faults on it need. */
export interface AcceptedWebSocket {
  readonly ws: WebSocket
  /** Its TCP or TLS socket. */
  readonly socket: Duplex
  /** Ends the TCP connection with a reset. */
  readonly reset: () => void
  /** In force from the opening on; all of them can happen. */
  readonly faults: ReadonlyArray<Fault>
  /** Set if the connection has no chance, as what its faults should be cannot be told: the reason to close with. */
  readonly broken: string | undefined
  readonly forks: Forks
  readonly now: () => number
}

/** A WebSocket that is attached to a mediator. */
export interface AttachedWebSocket {
  readonly attachment: Attachment
  /** Bytes that the network has not taken. What a fault holds back is not among them. */
  readonly waiting: () => number
}

/** Attaches an accepted WebSocket to the mediator. */
export const attachWebSocket = (
  mediator: Pick<Mediator["Service"], "options" | "attach">,
  path: ClientUrlInfo,
  { broken, faults, forks, now, reset, socket, ws }: AcceptedWebSocket
): AttachedWebSocket => {
  /** Nothing may follow a close frame. */
  const mayWrite = (): boolean => ws.readyState === ws.OPEN
  const frames = makeFrameWriter(socket, mediator.options.outgoingLowWater, mayWrite, () => attachment.drained())
  let arrived: Array<Message> = []
  let endsWithoutHandshake = 0
  let pauses = 0
  /** The ways of the frames, from the first fault on that acts on them. */
  let up: LinkDirection | undefined
  let down: LinkDirection | undefined
  /** The mediator sends, and flushes when it has sent all. */
  let isSending = false
  /** What has not reached the mediator by now is lost, and so is what the client wrote behind it. */
  let isCut = false
  /** Too much is under way to the mediator. */
  let isFull = false
  /** What could not be told before the mediator knows of the connection. */
  let early: Array<(attachment: Attachment) => void> | undefined = []

  const tell = (word: (attachment: Attachment) => void): void => {
    if (early === undefined) word(attachment)
    else early.push(word)
  }

  const onFault = (fault: string): void => tell((attachment) => attachment.faultFired(fault))

  const onBroken = (reason: string): void => {
    close(CloseCode.InternalError, reason)
    tell((attachment) => attachment.violated(CloseCode.InternalError, reason))
  }

  const pause = (): void => {
    if (pauses++ === 0) ws.pause()
  }

  const resume = (): void => {
    if (--pauses === 0) ws.resume()
  }

  const handOver = (): void => {
    if (arrived.length === 0) return
    const messages = arrived
    arrived = []
    if (isCut) return
    const way = up
    if (way === undefined) return attachment.received(messages)
    way.offer(messages)
    checkRoom(way)
  }

  /** Reads no more than may be under way. */
  const checkRoom = (way: LinkDirection): void => {
    const isTooMuch = way.weight() > defaultHighWaterUp
    if (isTooMuch === isFull) return
    isFull = isTooMuch
    if (isTooMuch) pause()
    else resume()
  }

  const put = (message: Message): void => {
    if (!mayWrite()) return
    if (typeof message !== "string") return frames.push(message)
    // Only a fault makes text; `ws` writes it at once, so it must be its turn.
    frames.finish()
    ws.send(message, () => attachment.drained())
  }

  const wayUp = (): LinkDirection => {
    const way = makeLinkDirection({
      forks,
      now,
      latency: undefined,
      onFault,
      onBroken,
      deliver: (messages) => {
        attachment.received(messages)
        checkRoom(way)
      }
    })
    return way
  }

  const wayDown = (): LinkDirection =>
    makeLinkDirection({
      forks,
      now,
      latency: undefined,
      onFault,
      onBroken,
      deliver: (messages) => {
        for (const message of messages) put(message)
        if (isSending) return
        if (mayWrite()) frames.flush()
        attachment.drained()
      }
    })

  const wayOf = (direction: Direction): LinkDirection => (direction === "up" ? (up ??= wayUp()) : (down ??= wayDown()))

  /** What is under way is lost. */
  const cutWays = (): void => {
    isCut = true
    up?.cut()
    down?.cut()
  }

  const close = (code: number, reason: string): void => {
    cutWays()
    if (mayWrite()) frames.finish()
    // A reader that was paused must still see the peer's answer, or its end.
    if (pauses > 0) ws.resume()
    if (endsWithoutHandshake > 0) {
      onFault("NoClosingHandshake")
      socket.end()
      return
    }
    if (isSendable(code)) ws.close(code, reason)
    else ws.terminate()
  }

  const inject = (fault: Fault): Cancel | undefined => {
    switch (fault._tag) {
      case "Cut":
        onFault(fault._tag)
        cutWays()
        reset()
        ws.terminate()
        // The client has left before: that was still under way.
        if (ws.readyState === ws.CLOSED) attachment.gone(1006)
        return nothing
      case "Close":
        onFault(fault._tag)
        close(fault.code, fault.reason ?? "")
        if (ws.readyState === ws.CLOSED) attachment.gone(fault.code)
        return nothing
      case "NoClosingHandshake":
        endsWithoutHandshake++
        return () => {
          endsWithoutHandshake--
        }
      case "Stall": {
        onFault(fault._tag)
        if (fault.direction === "up") {
          const release = wayOf("up").stall()
          pause()
          return () => {
            release()
            resume()
          }
        }
        socket.cork()
        return () => socket.uncork()
      }
      case "Slow":
        onFault(fault._tag)
        return wayOf(fault.direction).slow(fault.bytesPerSecond)
      // That is about connections to come, which are the server's.
      case "Unreachable":
        return undefined
      default:
        return wayOf(fault.direction).addRule({ fault, seen: 0 })
    }
  }

  const send = (frame: Uint8Array): void => {
    if (down === undefined) {
      if (mayWrite()) frames.push(frame)
      return
    }
    isSending = true
    down.offer([frame])
    isSending = false
  }

  const transport: Transport = {
    send,
    sendReflected: (head, envelope) => {
      // A fault may do anything to a frame.
      if (down !== undefined) send(plainBytes(Buffer.concat([head, envelope])))
      else if (mayWrite()) frames.push(head, envelope)
    },
    flush: () => {
      if (mayWrite()) frames.flush()
    },
    close: (code, reason) => {
      if (down === undefined) close(code, reason)
      else down.end(() => close(code, reason))
    },
    // A goodbye would wait behind all the rest.
    cut: () => {
      cutWays()
      ws.terminate()
    },
    buffered: () => frames.waiting() + (down?.bytes() ?? 0),
    pause,
    resume,
    inject
  }

  /** The connection has ended, behind the messages that are under way. */
  const ended = (onEnd: () => void): void => {
    handOver()
    if (up === undefined || isCut) onEnd()
    else up.end(onEnd)
  }

  ws.on("message", (data: RawData, isBinary: boolean) => {
    arrived.push(messageOf(data, isBinary))
    if (arrived.length === 1) process.nextTick(handOver)
  })
  ws.on("ping", () => attachment.pinged())
  ws.on("error", (error: NodeJS.ErrnoException) => {
    const code = violationCode(error.code)
    // What else goes wrong is told by the close that follows.
    if (code !== undefined) ended(() => attachment.violated(code, error.message))
  })
  ws.on("close", (code: number) => {
    down?.cut()
    ended(() => attachment.gone(code))
  })
  for (const fault of faults) inject(fault)
  if (broken !== undefined) onBroken(broken)
  const attachment = mediator.attach(path, transport)
  for (const word of early) word(attachment)
  early = undefined
  return { attachment, waiting: frames.waiting }
}
