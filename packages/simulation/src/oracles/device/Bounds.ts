/**
 * That everything a device holds is bounded (principle 7).
 *
 * Owns: the size of frames, the messages that a handler is given at once, the bytes that wait for acks on the wire, and the
 * requests without an answer.
 *
 * @since 0.1.0
 */
import { defaultCapacities } from "@d2m/client"
import { isEphemeral, Limits } from "@d2m/codec"
import type { OracleMaker } from "../../Oracle.ts"
import { only } from "../../WorldEvent.ts"

/** What an entry of the ledger weighs less than its frame: nonce, tag, padding and header. */
const framing = 512

interface Track {
  connection: number
  /** Bytes of the envelopes that were written and not acked on this connection, by reflect-id. */
  readonly unacked: Map<number, number>
  bytes: number
  /** GetDevicesInfo without an answer on this connection. */
  probes: number
}

/** A device asks at most this often for the devices before it is answered: once by itself, and what its application asks. */
const mostProbes = 200

/**
 * Judges how much devices hold.
 *
 * @category oracles
 * @since 0.1.0
 */
export const bounds: OracleMaker = {
  name: "bounds",
  make: (report) => {
    const tracks = new Map<string, Track>()
    const trackOf = (device: string, connection: number): Track => {
      const known = tracks.get(device)
      if (known?.connection === connection) return known
      const track = { connection, unacked: new Map<number, number>(), bytes: 0, probes: 0 }
      tracks.set(device, track)
      return track
    }
    return {
      see: only(["DeviceSent", "DeviceReceived", "Handling"], (event) => {
        switch (event._tag) {
          case "DeviceSent": {
            if (event.message.length > Limits.frame) {
              report({
                rule: "a frame holds at most 65536 bytes",
                device: event.device,
                found: `${event.message.length} bytes`,
                expected: `at most ${Limits.frame}`
              })
            }
            const { frame } = event
            if (frame?._tag === "GetDevicesInfo") {
              const track = trackOf(event.device, event.connection)
              if (++track.probes > mostProbes) {
                report({
                  rule: "requests without an answer are bounded",
                  device: event.device,
                  found: `${track.probes} requests for the devices`,
                  expected: `at most ${mostProbes}`
                })
              }
            }
            if (frame?._tag !== "Reflect" || isEphemeral(frame.flags)) return
            const track = trackOf(event.device, event.connection)
            track.unacked.set(frame.reflectId, frame.envelope.length)
            track.bytes += frame.envelope.length
            const most = 2 * defaultCapacities.reflects + track.unacked.size * framing + Limits.frame
            if (track.bytes > most) {
              report({
                rule: "reflects that wait for their acks are bounded",
                device: event.device,
                found: `${track.bytes} bytes`,
                expected: `at most ${most}`
              })
            }
            return
          }
          case "DeviceReceived": {
            const { frame } = event
            if (frame?._tag === "DevicesInfo") trackOf(event.device, event.connection).probes--
            if (frame?._tag !== "ReflectAck") return
            const track = trackOf(event.device, event.connection)
            track.bytes -= track.unacked.get(frame.reflectId) ?? 0
            track.unacked.delete(frame.reflectId)
            return
          }
          case "Handling":
            if (event.messages.length > defaultCapacities.reflected) {
              report({
                rule: "a handler is given a bounded number of messages",
                device: event.device,
                found: `${event.messages.length} messages`,
                expected: `at most ${defaultCapacities.reflected}`
              })
            }
            return
        }
      })
    }
  }
}
