/**
 * That a device says of its connection what is true (principle 5).
 *
 * Owns: Live only once ServerInfo was read on an open connection, dry and leader only after those frames, one connection at a
 * time, nothing but a restart after Stopped, and that nothing pends when everybody has been answered.
 *
 * @since 0.1.0
 */
import type { OracleMaker } from "../../Oracle.ts"
import { Tracks } from "./Tracks.ts"

interface Track {
  /** The connection that the device holds; 0 for none. */
  connection: number
  hasInfo: boolean
  isDry: boolean
  isLeader: boolean
  /** Whether the latest state was Live. */
  isLive: boolean
  /** Whether the latest state said that the device leads. */
  saysLeader: boolean
  isStopped: boolean
  pending: number
}

const fresh = (): Track => ({
  connection: 0,
  hasInfo: false,
  isDry: false,
  isLeader: false,
  isLive: false,
  saysLeader: false,
  isStopped: false,
  pending: 0
})

/**
 * Judges what devices say of their connections.
 *
 * @category oracles
 * @since 0.1.0
 */
export const connectionTruth: OracleMaker = {
  name: "connection truth",
  make: (report) => {
    const tracks = new Tracks(fresh)
    return {
      see: (event) => {
        switch (event._tag) {
          case "Machine":
            if (event.change === "Started") tracks.renew(event.device)
            else if (event.change === "Crashed" || event.change === "Stopped") tracks.of(event.device).pending = 0
            return
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
          case "DeviceClosed":
            tracks.of(event.device).connection = 0
            return
          case "StateChanged": {
            const track = tracks.of(event.device)
            const { state } = event
            const accuse = (rule: string, found: string, expected: string) =>
              report({ rule, device: event.device, found, expected })
            if (track.isStopped) {
              accuse("a device that has stopped has stopped", `${state._tag} after Stopped`, "no further state")
            }
            track.isStopped = state._tag === "Stopped"
            track.pending = "pendingReflects" in state ? state.pendingReflects : 0
            if (track.pending < 0) accuse("what pends is counted", `${track.pending} reflects pending`, "0 or more")
            track.saysLeader = state._tag === "Live" && state.leader
            if (state._tag !== "Live") {
              track.isLive = false
              return
            }
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
