/**
 * The devices of the program to measure against: bare `ws`, frames put together by hand. With crypto, boxes are sealed
 * and opened and nonces remembered by the same means as a device of ours does it.
 */
import { Box, Crypto, DeviceGroupKey, Limits } from "@d2m/codec"
import { layerCryptoSodium } from "@d2m/codec/node"
import { Effect, Result } from "effect"
import { once } from "node:events"
import type { Socket } from "node:net"
import { WebSocket } from "ws"
import { NonceSet } from "../../packages/client/src/NonceSet.ts"
import { pooledBytes } from "../../packages/codec/src/node/PooledRandom.ts"
import { type ClientSetup, latencies, type Ran, serveParent, setup } from "./Workload.ts"

const { url, workload, writes } = setup<ClientSetup>()
const { inFlight, receivers, size } = workload

const crypto =
  workload.crypto === "none" ? undefined : Effect.runSync(Crypto.pipe(Effect.provide(layerCryptoSodium), Effect.scoped))
const key = crypto?.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(7))).dgrk
const plain = new Uint8Array(size - Limits.boxOverhead).fill(1)

const randomBytes = pooledBytes()

const remember = (nonces: NonceSet, nonce: Uint8Array): void => {
  nonces.add(crypto!.hashNonce("ECHOECHO", nonce))
}

interface Connection {
  readonly ws: WebSocket
  readonly send: (frame: Uint8Array) => void
}

const connect = async (name: string): Promise<Connection> => {
  const ws = new WebSocket(url + name, { perMessageDeflate: false })
  let socket: Socket | undefined
  ws.on("upgrade", (response) => {
    socket = response.socket
  })
  await once(ws, "open")
  let isCorked = false
  const uncork = (): void => {
    isCorked = false
    socket!.uncork()
  }
  const cork = (): void => {
    isCorked = true
    socket!.cork()
    process.nextTick(uncork)
  }
  return {
    ws,
    send: (frame) => {
      if (writes === "corked" && !isCorked) cork()
      ws.send(frame)
    }
  }
}

let received = 0
let progress = (): void => {}

const receive = async (name: string): Promise<void> => {
  const { send, ws } = await connect(name)
  const nonces = new NonceSet()
  ws.on("message", (data: Buffer) => {
    const box = data.subarray(20)
    if (box.length !== size) throw new Error(`a message of ${box.length} bytes`)
    if (crypto !== undefined) {
      if (Result.isFailure(crypto.open(key!, Box.make("dgrk", box)))) throw new Error("a box that does not open")
      remember(nonces, box.subarray(0, Limits.nonce))
    }
    const ack = Buffer.alloc(12)
    ack[0] = 0x83
    data.copy(ack, 8, 8, 12)
    send(ack)
    received++
    progress()
  })
}

const { send, ws } = await connect("sender")
if (receivers === 0) (await connect("offline")).ws.close()
for (let n = 0; n < receivers; n++) await receive(`receiver${n}`)

const ownNonces = new NonceSet()
let reflectId = 0
const reflect = (): void => {
  const frame = Buffer.allocUnsafe(12 + size)
  frame.writeUInt32LE(0x80, 0)
  frame.writeUInt32LE(8, 4)
  frame.writeUInt32LE(++reflectId, 8)
  if (crypto === undefined) frame.set(plain, 12 + Limits.boxOverhead)
  else {
    const nonce = randomBytes(Limits.nonce)
    remember(ownNonces, nonce)
    crypto.sealInto(key!, nonce, plain, frame, 12)
  }
  send(frame)
}

const prepare = async (): Promise<void> => {
  ws.send("clear")
  await once(ws, "message")
}

const run = async (times: number): Promise<Ran> => {
  received = 0
  return new Promise((resolve) => {
    const samples = new Float64Array(inFlight === 1 ? times : 0)
    let sent = 0
    let acked = 0
    let sentAt = 0n
    const begin = process.hrtime.bigint()
    const next = (): void => {
      sent++
      if (inFlight === 1) sentAt = process.hrtime.bigint()
      reflect()
    }
    progress = () => {
      if (acked < times || received < times * receivers) return
      ws.removeAllListeners("message")
      progress = () => {}
      const total = Number(process.hrtime.bigint() - begin)
      resolve(inFlight === 1 ? { total, latencies: latencies(samples) } : { total })
    }
    ws.on("message", () => {
      if (inFlight === 1) samples[acked] = Number(process.hrtime.bigint() - sentAt)
      acked++
      if (sent < times) next()
      progress()
    })
    while (sent < Math.min(inFlight, times)) next()
  })
}

serveParent({}, { prepare, run })
