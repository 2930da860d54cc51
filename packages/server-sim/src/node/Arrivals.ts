/**
 * TCP connections on their way to a WebSocket.
 *
 * Owns finding the arrival behind a plain or TLS socket, that TLS which fails counts as a failed handshake, and cutting those that take too long: silent ones, TLS handshakes
 * and requests that never end, refused ones that do not leave. Verdicts are the admission's.
 *
 * @since 0.1.0
 */
import type { Socket } from "node:net"
import type { GuardEvent } from "../GuardEvent.ts"
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
  /** A request was answered: time begins anew for the next one. */
  readonly answered: (socket: Socket) => void
  /** It is a WebSocket now: its time is the mediator's. */
  readonly upgraded: (socket: Socket) => void
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
  /** How it ends is known, or TLS is behind it. */
  isSettled: boolean
}

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
      const entry: Entry = { socket, arrival, since: now(), isUpgraded: false, isSettled }
      entries.set(key, entry)
      socket.once("close", () => {
        // Whoever only looks whether the port is open has done no harm.
        if (!entry.isSettled && socket.bytesRead > 0) {
          admission.garbled(arrival, undefined, now())
          report({ _tag: "Refused", reason: "TlsFailed", address: arrival.address })
        }
        admission.leave(arrival)
        if (entries.get(key) === entry) entries.delete(key)
      })
    },
    of: (socket) => entries.get(endpoints(socket))?.arrival,
    secured: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.isSettled = true
    },
    answered: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.since = now()
    },
    upgraded: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.isUpgraded = true
    },
    look: (time) => {
      for (const entry of entries.values()) {
        const { arrival, isUpgraded, since, socket } = entry
        if (isUpgraded || time - since < upgradeDeadline) continue
        entry.isSettled = true
        // Whoever was refused has been reported.
        if (!socket.writableEnded) report({ _tag: "Refused", reason: "TooSlow", address: arrival.address })
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
