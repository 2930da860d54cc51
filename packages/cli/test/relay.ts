/**
 * A relay between devices and a mediator that keeps every frame: an independent witness of what passed.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"
import { Effect } from "effect"
import type { AddressInfo } from "node:net"

export interface Relay {
  readonly address: string
  readonly up: ReadonlyArray<Uint8Array>
  readonly down: ReadonlyArray<Uint8Array>
}

export const relayTo = (mediator: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly relay: Relay; readonly server: NodeWS.WebSocketServer }>((resume) => {
      const up: Array<Uint8Array> = []
      const down: Array<Uint8Array> = []
      const server = new NodeWS.WebSocketServer({ port: 0, host: "127.0.0.1" })
      server.on("connection", (client, request) => {
        const upstream = new NodeWS.WebSocket(mediator + request.url!.slice(1))
        const early: Array<Buffer> = []
        client.on("message", (data: Buffer) => {
          up.push(Uint8Array.from(data))
          if (upstream.readyState === upstream.OPEN) upstream.send(data)
          else early.push(data)
        })
        upstream.on("open", () => {
          for (const data of early) upstream.send(data)
        })
        upstream.on("message", (data: Buffer) => {
          down.push(Uint8Array.from(data))
          client.send(data)
        })
        upstream.on("ping", () => client.ping())
        client.on("ping", () => upstream.readyState === upstream.OPEN && upstream.ping())
        client.on("close", () => upstream.close(1000))
        upstream.on("close", () => client.close(1001))
        upstream.on("error", () => client.terminate())
      })
      server.on("listening", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ relay: { address: `ws://127.0.0.1:${port}/`, up, down }, server }))
      })
    }),
    ({ server }) =>
      Effect.sync(() => {
        for (const client of server.clients) client.terminate()
        server.close()
      })
  ).pipe(Effect.map(({ relay }) => relay))
