/**
 * The peer to measure against: a mediator's function in as few lines over `ws` as it takes. It stores a message for each
 * other device until that device has acked it, acks the sender, and knows nothing of groups, keys, transactions, limits
 * or errors.
 */
import type { Socket } from "node:net"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import { type ServerSetup, serveParent, setup } from "./Workload.ts"

const { writes } = setup<ServerSetup>()

interface Slot {
  send: ((frame: Buffer) => void) | undefined
  issued: number
  readonly queue: Map<number, Buffer>
}

const slots = new Map<string, Slot>()

const sender = (ws: WebSocket, socket: Socket): ((frame: Buffer) => void) => {
  if (writes === "once") return (frame) => ws.send(frame)
  let isCorked = false
  const uncork = (): void => {
    isCorked = false
    socket.uncork()
  }
  return (frame) => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(uncork)
    }
    ws.send(frame)
  }
}

const reflect = (from: Slot, data: Buffer): void => {
  const timestamp = BigInt(Date.now())
  for (const slot of slots.values()) {
    if (slot === from) continue
    const frame = Buffer.allocUnsafe(20 + data.length - 12)
    frame.writeUInt32LE(0x82, 0)
    frame.writeUInt32LE(16, 4)
    frame.writeUInt32LE(++slot.issued, 8)
    frame.writeBigUInt64LE(timestamp, 12)
    data.copy(frame, 20, 12)
    slot.queue.set(slot.issued, frame)
    slot.send?.(frame)
  }
  const ack = Buffer.alloc(20)
  ack[0] = 0x81
  data.copy(ack, 8, 8, 12)
  ack.writeBigUInt64LE(timestamp, 12)
  from.send!(ack)
}

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false })
server.on("connection", (ws, request) => {
  const slot: Slot = slots.get(request.url!) ?? { send: undefined, issued: 0, queue: new Map() }
  slots.set(request.url!, slot)
  slot.send = sender(ws, request.socket)
  ws.on("message", (data: Buffer, isBinary) => {
    if (!isBinary) {
      for (const other of slots.values()) other.queue.clear()
      ws.send("cleared")
    } else if (data[0] === 0x80) reflect(slot, data)
    else slot.queue.delete(data.readUInt32LE(8))
  })
  ws.on("close", () => {
    slot.send = undefined
  })
})
server.on("listening", () => serveParent({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/` }))
