/**
 * What a request is answered that does not become a connection.
 *
 * Owns status, words and headers of each refusal (PROTOCOL A1), for requests, upgrades and what is not even HTTP. Every
 * refusal closes.
 *
 * @since 0.1.0
 */
import { type ServerResponse, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import type { RefusalReason } from "../GuardEvent.ts"
import type { Refusal } from "./Admission.ts"

/** An answer. */
export interface HttpRefusal {
  readonly reason: RefusalReason
  readonly status: number
  /** One line, for people. */
  readonly text: string
  /** When another try is worth it, in ms. */
  readonly retryAfter?: number | undefined
}

/** What cannot be understood: a path that names no device group, an upgrade that is none. */
export const badRequest = (text: string, status: 400 | 405 | 431 = 400): HttpRefusal => ({
  reason: "BadRequest",
  status,
  text
})

/** A request where a WebSocket is. */
export const notAnUpgrade: HttpRefusal = {
  reason: "NotAnUpgrade",
  status: 426,
  text: "this is a WebSocket endpoint"
}

/** The answer of the guards. */
export const guardRefusal = ({ reason, retryAfter }: Refusal): HttpRefusal => {
  switch (reason) {
    case "TooManyConnections":
      return { reason, status: 503, text: "the mediator has as many connections as it takes", retryAfter }
    case "TooManyFromAddress":
      return { reason, status: 429, text: "too many connections from this address", retryAfter }
    case "TooManyFailures":
      return { reason, status: 429, text: "too many handshakes from this address have failed", retryAfter }
    case "GroupNotAllowed":
      return { reason, status: 403, text: "this mediator does not serve this device group", retryAfter }
  }
}

const headersOf = ({ retryAfter, status, text }: HttpRefusal): Record<string, string> => ({
  connection: "close",
  "content-type": "text/plain",
  "content-length": String(Buffer.byteLength(text) + 1),
  ...(status === 426 ? { upgrade: "websocket" } : {}),
  ...(status === 400 ? { "sec-websocket-version": "13" } : {}),
  ...(retryAfter === undefined ? {} : { "retry-after": String(Math.ceil(retryAfter / 1000)) })
})

/** Answers a request. */
export const refuseRequest = (response: ServerResponse, refusal: HttpRefusal): void => {
  response.writeHead(refusal.status, headersOf(refusal))
  response.end(`${refusal.text}\n`)
}

/**
 * Answers whoever has a socket and no response: an upgrade, or bytes that are not HTTP. Whoever keeps its half open then is
 * cut by the deadline for upgrades.
 */
export const refuseSocket = (socket: Duplex, refusal: HttpRefusal): void => {
  if (!socket.writable) return void socket.destroy()
  const head = [`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ""}`]
  for (const [name, value] of Object.entries(headersOf(refusal))) head.push(`${name}: ${value}`)
  socket.end(`${head.join("\r\n")}\r\n\r\n${refusal.text}\n`)
  // Unread bytes would turn the end into a reset, which can overtake the answer.
  socket.resume()
}
