/**
 * TCP connections on their way to a WebSocket.
 *
 * Owns finding the arrival behind a plain or TLS socket, and cutting those that take too long: silent ones, TLS handshakes
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
}

/** One TCP connection, the same for the plain socket and the TLS socket over it. */
const endpoints = ({ localAddress, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${remoteAddress} ${remotePort}`

/** No connections yet. */
export const makeArrivals = (
  admission: Admission,
  upgradeDeadline: number,
  now: () => number,
  report: (event: GuardEvent) => void
): Arrivals => {
  const entries = new Map<string, Entry>()

  return {
    accept: (socket) => {
      const { remoteAddress } = socket
      // It is gone again.
      if (remoteAddress === undefined) return void socket.destroy()
      const arrival = admission.arrive(remoteAddress)
      if (arrival === undefined) {
        report({ _tag: "Refused", reason: "Overrun", address: addressKey(remoteAddress) })
        socket.destroy()
        return
      }
      const key = endpoints(socket)
      const entry: Entry = { socket, arrival, since: now(), isUpgraded: false }
      entries.set(key, entry)
      socket.once("close", () => {
        admission.leave(arrival)
        if (entries.get(key) === entry) entries.delete(key)
      })
    },
    of: (socket) => entries.get(endpoints(socket))?.arrival,
    answered: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.since = now()
    },
    upgraded: (socket) => {
      const entry = entries.get(endpoints(socket))
      if (entry !== undefined) entry.isUpgraded = true
    },
    look: (time) => {
      for (const { arrival, isUpgraded, since, socket } of entries.values()) {
        if (isUpgraded || time - since < upgradeDeadline) continue
        // Whoever was refused has been reported.
        if (!socket.writableEnded) report({ _tag: "Refused", reason: "TooSlow", address: arrival.address })
        socket.destroy()
      }
    },
    end: () => {
      for (const { socket } of entries.values()) socket.destroy()
    }
  }
}
