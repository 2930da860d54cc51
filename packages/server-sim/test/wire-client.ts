/**
 * A bare device over `ws`, for tests of the WebSocket server: whatever it is told to write, and everything it gets.
 */
import { type ClientFrame, decodeServerFrame, encodeClientFrame, type ServerFrame } from "@d2m/codec"
import { Effect, Queue, Result, type Scope } from "effect"
import type { Socket } from "node:net"
import { type ClientOptions, WebSocket } from "ws"

export type Event =
  | ServerFrame
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Undecodable"; readonly message: Uint8Array }
  | { readonly _tag: "Closed"; readonly code: number; readonly reason: string }

export interface WireClient {
  readonly ws: WebSocket
  /** The next message, or the close. */
  readonly next: Effect.Effect<Event>
  /** Messages until one has this tag; returns that one. */
  readonly until: <Tag extends Event["_tag"]>(tag: Tag) => Effect.Effect<Extract<Event, { _tag: Tag }>>
  readonly send: (...frames: ReadonlyArray<ClientFrame>) => void
}

const eventOf = (data: Buffer, isBinary: boolean): Event => {
  if (!isBinary) return { _tag: "Text", text: data.toString() }
  const message = Uint8Array.from(data)
  return Result.getOrElse(decodeServerFrame(message), (): Event => ({ _tag: "Undecodable", message }))
}

/** Connects; fails with the HTTP status or the error's message. */
export const dial = (
  url: string,
  options: ClientOptions = {},
  protocols: ReadonlyArray<string> = []
): Effect.Effect<WireClient, string, Scope.Scope> =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<Event>()
    const ws = yield* Effect.acquireRelease(
      Effect.callback<WebSocket, string>((resume) => {
        const ws = new WebSocket(url, [...protocols], options)
        ws.on("unexpected-response", (_request, response) => {
          let body = ""
          response.on("data", (chunk: Buffer) => (body += chunk.toString()))
          response.on("end", () => resume(Effect.fail(`${response.statusCode} ${body.trim()}`)))
        })
        ws.on("error", (error) => resume(Effect.fail(error.message)))
        ws.on("open", () => resume(Effect.succeed(ws)))
        ws.on("message", (data: Buffer, isBinary: boolean) => Queue.offerUnsafe(events, eventOf(data, isBinary)))
        ws.on("close", (code, reason) => Queue.offerUnsafe(events, { _tag: "Closed", code, reason: reason.toString() }))
      }),
      (ws) => Effect.sync(() => ws.terminate())
    )
    const next = Queue.take(events)
    const until = <Tag extends Event["_tag"]>(tag: Tag): Effect.Effect<Extract<Event, { _tag: Tag }>> =>
      Effect.flatMap(next, (event) => {
        if (event._tag === tag) return Effect.succeed(event as Extract<Event, { _tag: Tag }>)
        return event._tag === "Closed" ? Effect.die(`closed with ${event.code} instead of ${tag}`) : until(tag)
      })
    return {
      ws,
      next,
      until,
      send: (...frames) => {
        for (const frame of frames) ws.send(encodeClientFrame(frame))
      }
    }
  })

/** The bytes below the WebSocket. */
export const socketOf = ({ ws }: WireClient): Socket => (ws as unknown as { readonly _socket: Socket })._socket

/** A masked WebSocket frame, with a mask of zeros. */
export const wsFrame = (
  opcode: number,
  payload: Uint8Array,
  { announced = payload.length, fin = true } = {}
): Uint8Array =>
  Uint8Array.of((fin ? 0x80 : 0) | opcode, 0x80 | 126, announced >> 8, announced & 0xff, 0, 0, 0, 0, ...payload)
