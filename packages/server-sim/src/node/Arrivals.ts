/**
 * TCP connections on their way to a WebSocket.
 *
 * Owns finding the arrival behind a plain or TLS socket, which refusals count as failed handshakes, and cutting those that
 * take too long: silent ones, TLS handshakes and requests that never end, refused ones that do not leave. Verdicts are the
 * admission's.
 *
 * @since 0.1.0
 */
import type { Socket } from "node:net"
import type { GuardEvent, RefusalReason } from "../GuardEvent.ts"
import type { Admission, Arrival } from "./Admission.ts"
import { addressKey } from "./ClientAddress.ts"

/** The TCP connections of a server. */
export interface Arrivals {
  /** A connection was accepted. */
  readonly accept: (socket: Socket) => void
  /** The arrival behind a socket; nothing if it has left. */
  readonly of: (socket: Socket) => Arrival | undefined
  /** TLS was agreed on. */
  readonly secured: (socket: Socket) => void
  /** It is being refused, for itself or for whom its proxy says in `X-Forwarded-For`. */
  readonly refused: (socket: Socket, reason: RefusalReason, forwardedFor?: string) => void
  /** A request was answered: time begins anew for the next one. */
  readonly answered: (socket: Socket) => void
  /** It is a WebSocket now: its time is the mediator's. */
  readonly upgraded: (socket: Socket) => void
  /** Ends the TCP connection behind a socket with a reset, which a TLS socket itself cannot. */
  readonly reset: (socket: Socket) => void
  /** Cuts whoever is late. */
  readonly look: (now: number) => void
  /** Cuts everybody. */
  readonly end: () => void
}

interface Entry {
  readonly socket: Socket
  readonly arrival: Arrival
  since: number
  isUpgraded: boolean
  isRefused: boolean
  /** How it ends is known, or TLS is behind it. */
  isSettled: boolean
}

/**
 * What a newcomer is refused for that is its own doing; the rest is up to others, or to the operator. A plain request asks for
 * nothing: a health check must not lock out the devices behind its address.
 */
const clientsFault: ReadonlySet<RefusalReason> = new Set(["BadRequest", "TooSlow", "TlsFailed"])

/** One TCP connection, the same for the plain socket and the TLS socket over it. */
const endpoints = ({ localAddress, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${remoteAddress} ${remotePort}`

/** No connections yet; `isSecure`: over TLS. */
export const makeArrivals = (
  admission: Admission,
  upgradeDeadline: number,
  isSecure: boolean,
  now: () => number,
  report: (event: GuardEvent) => void
): Arrivals => {
  const entries = new Map<string, Entry>()

  const refuse = (entry: Entry, reason: RefusalReason, forwardedFor?: string): void => {
    const { arrival } = entry
    entry.isRefused = true
    report({ _tag: "Refused", reason, address: arrival.address })
    if (clientsFault.has(reason)) admission.garbled(arrival, forwardedFor, now())
  }

  return {
    accept: (socket) => {
      const { remoteAddress } = socket
      // It is gone again.
      if (remoteAddress === undefined) return void socket.destroy()
      const arrival = admission.arrive(remoteAddress, now())
      if (arrival === undefined) {
        report({ _tag: "Refused", reason: "Overrun", address: addressKey(remoteAddress) })
        socket.destroy()
        return
      }
      // Its answer would cost another handshake of TLS.
      if (isSecure && arrival.refusal?.reason === "TooManyFailures") {
        report({ _tag: "Refused", reason: "TooManyFailures", address: arrival.address })
        admission.leave(arrival)
        socket.destroy()
        return
      }
      const key = endpoints(socket)
      const isSettled = !isSecure || arrival.refusal !== undefined
      const entry: Entry = { socket, arrival, since: now(), isUpgraded: false, isRefused: false, isSettled }
      entries.set(key, entry)
      socket.once("close", () => {
        // Whoever only looks whether the port is open has done no harm.
        if (!entry.isSettled && socket.bytesRead > 0) refuse(entry, "TlsFailed")
        admission.leave(arrival)
        if (entries.get(key) === entry) entries.delete(key)
      })
    },
    of: (socket) => entries.get(endpoints(socket))?.arrival,
    secured: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.isSettled = true
    },
    refused: (socket, reason, forwardedFor) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) refuse(entry, reason, forwardedFor)
    },
    answered: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.since = now()
    },
    upgraded: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.isUpgraded = true
    },
    reset: (socket) => {
      const tcp = entries.get(endpoints(socket))?.socket
      if (tcp?.destroyed === false) tcp.resetAndDestroy()
      socket.destroy()
    },
    look: (time) => {
      for (const entry of entries.values()) {
        const { isRefused, isUpgraded, since, socket } = entry
        if (isUpgraded || time - since < upgradeDeadline) continue
        entry.isSettled = true
        if (!isRefused) refuse(entry, "TooSlow")
        socket.destroy()
      }
    },
    end: () => {
      for (const entry of entries.values()) {
        entry.isSettled = true
        entry.socket.destroy()
      }
    }
  }
}
