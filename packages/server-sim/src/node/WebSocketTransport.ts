/**
 * A mediator's connection over `ws`.
 *
 * Owns batching on the way in, all messages of one read reach the core in one call, and what closing and faults mean for
 * a socket. The way out is `FrameWriter`'s. A platform edge: this is where callbacks and ticks of Node live.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, isSendable } from "@d2m/codec"
import { violationCode } from "@d2m/codec/node"
import type { Duplex } from "node:stream"
import type { RawData, WebSocket } from "ws"
import type { Fault } from "../Fault.ts"
import type { Mediator } from "../Mediator.ts"
import type { Attachment, Transport } from "../Transport.ts"
import { makeFrameWriter } from "./FrameWriter.ts"

/** Node's `Buffer` has methods of its own that copy or do not where `Uint8Array`'s do the opposite. */
const plainBytes = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)

const bytesOf = (data: RawData): Uint8Array => {
  if (Array.isArray(data)) return plainBytes(Buffer.concat(data))
  return data instanceof ArrayBuffer ? new Uint8Array(data) : plainBytes(data)
}

const messageOf = (data: RawData, isBinary: boolean): Uint8Array | string =>
  isBinary ? bytesOf(data) : new TextDecoder().decode(bytesOf(data))

/** Attaches an accepted WebSocket on its TCP or TLS socket to the mediator; `reset` ends the TCP connection with a reset. */
export const attachWebSocket = (
  mediator: Pick<Mediator["Service"], "options" | "attach">,
  path: ClientUrlInfo,
  ws: WebSocket,
  socket: Duplex,
  reset: () => void
): Attachment => {
  /** Nothing may follow a close frame. */
  const mayWrite = (): boolean => ws.readyState === ws.OPEN
  const frames = makeFrameWriter(socket, mediator.options.outgoingLowWater, mayWrite, () => attachment.drained())
  let arrived: Array<Uint8Array | string> = []
  let endsWithoutHandshake = 0
  let pauses = 0

  const handOver = (): void => {
    if (arrived.length === 0) return
    const messages = arrived
    arrived = []
    attachment.received(messages)
  }

  const pause = (): void => {
    if (pauses++ === 0) ws.pause()
  }

  const resume = (): void => {
    if (--pauses === 0) ws.resume()
  }

  const close = (code: number, reason: string): void => {
    if (mayWrite()) frames.finish()
    if (endsWithoutHandshake > 0) {
      attachment.faultFired("NoClosingHandshake")
      socket.end()
      return
    }
    // A reader that was paused must still see the peer's answer.
    if (pauses > 0) ws.resume()
    if (isSendable(code)) ws.close(code, reason)
    else ws.terminate()
  }

  const inject = (fault: Fault): (() => void) | undefined => {
    switch (fault._tag) {
      case "Cut":
        attachment.faultFired(fault._tag)
        reset()
        ws.terminate()
        return () => {}
      case "Close":
        attachment.faultFired(fault._tag)
        close(fault.code, fault.reason ?? "")
        return () => {}
      case "NoClosingHandshake":
        endsWithoutHandshake++
        return () => {
          endsWithoutHandshake--
        }
      case "Stall": {
        attachment.faultFired(fault._tag)
        if (fault.direction === "up") {
          pause()
          return resume
        }
        socket.cork()
        return () => socket.uncork()
      }
      default:
        return undefined
    }
  }

  const transport: Transport = {
    send: (frame) => {
      if (mayWrite()) frames.push(frame)
    },
    flush: () => {
      if (mayWrite()) frames.flush()
    },
    close,
    // A goodbye would wait behind all the rest.
    cut: () => ws.terminate(),
    buffered: frames.waiting,
    pause,
    resume,
    inject
  }

  ws.on("message", (data: RawData, isBinary: boolean) => {
    arrived.push(messageOf(data, isBinary))
    if (arrived.length === 1) process.nextTick(handOver)
  })
  ws.on("ping", () => attachment.pinged())
  ws.on("error", (error: NodeJS.ErrnoException) => {
    const code = violationCode(error.code)
    // What else goes wrong is told by the close that follows.
    if (code !== undefined) attachment.violated(code, error.message)
  })
  ws.on("close", (code: number) => {
    handOver()
    attachment.gone(code)
  })
  const attachment = mediator.attach(path, transport)
  return attachment
}
