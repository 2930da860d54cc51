/**
 * An OpenTelemetry collector that keeps what it is sent over OTLP/HTTP.
 */
import { Effect } from "effect"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"

export interface Received {
  readonly path: string
  readonly contentType: string
  readonly authorization: string | undefined
  readonly body: Buffer
}

export interface Collector {
  readonly url: string
  readonly received: ReadonlyArray<Received>
  /** Answers with this status from now on: 200 at first; nothing at all if none is given. */
  readonly answerWith: (status: number | undefined) => void
  /** Waits until this holds of everything received. */
  readonly until: (holds: (received: ReadonlyArray<Received>) => boolean) => Effect.Effect<void>
}

export const collector = Effect.acquireRelease(
  Effect.callback<{ readonly server: Server; readonly collector: Collector }>((resume) => {
    const received: Array<Received> = []
    const listeners = new Set<() => void>()
    let status: number | undefined = 200
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        received.push({
          path: request.url ?? "",
          contentType: request.headers["content-type"] ?? "",
          authorization: request.headers["authorization"],
          body: Buffer.concat(chunks)
        })
        if (status !== undefined) response.writeHead(status, { "content-type": "application/json" }).end("{}")
        for (const listener of listeners) listener()
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      const until: Collector["until"] = (holds) =>
        Effect.callback((resume) => {
          const look = () => {
            if (!holds(received)) return
            listeners.delete(look)
            resume(Effect.void)
          }
          listeners.add(look)
          look()
        })
      const answerWith = (next: number | undefined): void => void (status = next)
      resume(Effect.succeed({ server, collector: { url: `http://127.0.0.1:${port}`, received, answerWith, until } }))
    })
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
).pipe(Effect.map(({ collector }) => collector))
