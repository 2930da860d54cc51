/**
 * That a device says of its connection what is true (principle 5).
 *
 * Owns: Live only once ServerInfo was read on an open connection, and not for longer than that is open; dry and leader only
 * after those frames, one connection at a time, Stopped only for who is told to stop and nothing but a restart after it, and
 * that nothing pends when everybody has been answered.
 *
 * @since 0.1.0
 */
import type { OracleMaker } from "../../Oracle.ts"
import { betweenTries, HeldUp } from "./HeldUp.ts"
import { Tracks } from "./Tracks.ts"

interface Track {
  /** The connection that the device holds; 0 for none. */
  connection: number
  /** When the latest connection was over, and whether the device ended it itself. */
  endedAt: number
  isOwnEnd: boolean
  hasInfo: boolean
  isDry: boolean
  isLeader: boolean
  /** Whether the latest state was Live. */
  isLive: boolean
  /** Whether the latest state said that the device leads. */
  saysLeader: boolean
  isStopped: boolean
  /** Whether the device was told to stop, or has crashed. */
  isToldToStop: boolean
  isPaused: boolean
  resumedAt: number
  pending: number
}

const fresh = (): Track => ({
  connection: 0,
  endedAt: -Infinity,
  isOwnEnd: false,
  hasInfo: false,
  isDry: false,
  isLeader: false,
  isLive: false,
  saysLeader: false,
  isStopped: false,
  isToldToStop: false,
  isPaused: false,
  resumedAt: -Infinity,
  pending: 0
})

/** Since when the device should have known that its connection is over: who does not read learns late of it. */
const knownSince = (track: Track, liveSince: number, heldUntil: number): number => {
  if (track.isPaused) return Infinity
  const since = Math.max(track.resumedAt, liveSince)
  return track.isOwnEnd || heldUntil < track.endedAt - betweenTries ? since : Math.max(since, heldUntil + betweenTries)
}

/**
 * Judges what devices say of their connections.
 *
 * @category oracles
 * @since 0.1.0
 */
export const connectionTruth: OracleMaker = {
  name: "connection truth",
  make: (report, { conditions }) => {
    const tracks = new Tracks(fresh)
    const heldUp = new HeldUp(conditions)
    /** Devices whose latest state is Live and that have no connection, with since when that is so. */
    const unaware = new Map<string, number>()

    const checkUnaware = (at: number) => {
      for (const [device, since] of unaware) {
        const track = tracks.of(device)
        if (track.connection !== 0 || !track.isLive || track.isToldToStop) unaware.delete(device)
        else if (at > knownSince(track, since, heldUp.until(device))) {
          unaware.delete(device)
          report({
            rule: "a device that has lost its connection is not Live",
            device,
            found: `Live ${Math.round(at - track.endedAt)} ms after the end`,
            expected: "a state that says so"
          })
        }
      }
    }
    const ended = (device: string, at: number, isOwnEnd: boolean) => {
      const track = tracks.of(device)
      track.connection = 0
      track.endedAt = at
      track.isOwnEnd = isOwnEnd
      if (track.isLive) unaware.set(device, at)
    }

    return {
      see: (event) => {
        if (unaware.size > 0) checkUnaware(event.at)
        heldUp.see(event)
        switch (event._tag) {
          case "Machine": {
            const track = tracks.of(event.device)
            switch (event.change) {
              case "Started":
                tracks.renew(event.device)
                return
              case "Crashed":
              case "Stopped":
                track.pending = 0
                track.isToldToStop = true
                return
              case "Paused":
                track.isPaused = true
                return
              case "Resumed":
                track.isPaused = false
                track.resumedAt = event.at
            }
            return
          }
          case "Opened": {
            const track = tracks.of(event.device)
            if (track.connection !== 0) {
              report({
                rule: "a device holds one connection at a time",
                device: event.device,
                found: `connection ${event.connection} while ${track.connection} is open`,
                expected: "the old one closed first"
              })
            }
            track.connection = event.connection
            track.hasInfo = track.isDry = track.isLeader = false
            return
          }
          case "DeviceReceived": {
            const { frame } = event
            if (frame === undefined) return
            const track = tracks.of(event.device)
            if (frame._tag === "ServerInfo") track.hasInfo = true
            else if (frame._tag === "ReflectionQueueDry") track.isDry = true
            else if (frame._tag === "RolePromotedToLeader") track.isLeader = true
            return
          }
          case "DeviceLost":
            return ended(event.device, event.at, false)
          case "DeviceClosed":
            return ended(event.device, event.at, true)
          case "StateChanged": {
            const track = tracks.of(event.device)
            const { state } = event
            const accuse = (rule: string, found: string, expected: string) =>
              report({ rule, device: event.device, found, expected })
            if (track.isStopped) {
              accuse("a device that has stopped has stopped", `${state._tag} after Stopped`, "no further state")
            }
            track.isStopped = state._tag === "Stopped"
            if (track.isStopped && !track.isToldToStop) {
              accuse("a device stops only when it is told to", "Stopped", "a device that lives until it is stopped")
            }
            track.pending = "pendingReflects" in state ? state.pendingReflects : 0
            if (track.pending < 0) accuse("what pends is counted", `${track.pending} reflects pending`, "0 or more")
            track.saysLeader = state._tag === "Live" && state.leader
            if (state._tag !== "Live") {
              track.isLive = false
              // What it read of a connection before it knew of the end is worth nothing from now on.
              if (track.connection === 0 && state._tag !== "Handshaking") {
                track.hasInfo = track.isDry = track.isLeader = false
              }
              return
            }
            if (track.connection === 0 && !unaware.has(event.device)) unaware.set(event.device, event.at)
            if (!track.isLive && !track.hasInfo) {
              accuse("a device is Live when ServerInfo has come", "Live without a ServerInfo", "Handshaking")
            }
            if (state.dry && !track.isDry) {
              accuse("a device is dry when ReflectionQueueDry has come", "dry without it", "not dry")
            }
            if (state.leader && !track.isLeader) {
              accuse("a device leads when it was promoted", "leader without RolePromotedToLeader", "no leader")
            }
            track.isLive = true
            return
          }
          default:
        }
      },
      owes: () => {
        for (const [device, { connection, isLeader, isLive, pending, saysLeader }] of tracks.entries) {
          if (connection !== 0 && isLeader && !saysLeader) return `${device} does not say that it leads`
          if (isLive && pending > 0) return `${device} says that ${pending} reflects pend`
        }
        return undefined
      }
    }
  }
}
