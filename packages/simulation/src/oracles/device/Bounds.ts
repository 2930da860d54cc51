/**
 * That everything a device holds is bounded (principle 7).
 *
 * Owns: the size of frames, the messages that a handler is given at once, the bytes of reflects that wait for acks on the wire,
 * and the requests without an answer. A transaction's reflects have room of their own, and one that is too large for the room
 * has it for itself.
 *
 * @since 0.1.0
 */
import { isEphemeral, Limits } from "@d2m/codec"
import type { OracleMaker } from "../../Oracle.ts"
import { only } from "../../WorldEvent.ts"

/** What clients hold unless a schedule says otherwise: bytes of reflects, and messages for the handler. */
const decided = { reflects: 8 * 1024 * 1024, reflected: 256 }

/** What a reflect weighs besides its envelope. */
const entry = 64
/** The longest padding with its tag and length. */
const padding = 258

/** The least that a sealed envelope can weigh: how much of it is padding, only who opens it knows. */
const weightOf = (envelope: Uint8Array): number => entry + Math.max(0, envelope.length - Limits.boxOverhead - padding)

/** Reflects that share room. */
interface Room {
  count: number
  weight: number
}

interface Track {
  connection: number
  /** By reflect-id, what was written and not acked on this connection. */
  readonly unacked: Map<number, { readonly room: Room; readonly weight: number }>
  readonly ordinary: Room
  /** Of the transaction whose Begin was written and whose Commit was not. */
  transaction: Room | undefined
  /** GetDevicesInfo without an answer on this connection. */
  probes: number
}

const emptyRoom = (): Room => ({ count: 0, weight: 0 })

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
  make: (report, { conditions }) => {
    const { reflected, reflects } = { ...decided, ...conditions.client }
    const tracks = new Map<string, Track>()
    const trackOf = (device: string, connection: number): Track => {
      const known = tracks.get(device)
      if (known?.connection === connection) return known
      const track: Track = {
        connection,
        unacked: new Map(),
        ordinary: emptyRoom(),
        transaction: undefined,
        probes: 0
      }
      tracks.set(device, track)
      return track
    }
    return {
      see: only(
        ["DeviceSent", "DeviceReceived", "Handling"],
        (event) => {
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
              if (frame?._tag === "BeginTransaction") {
                trackOf(event.device, event.connection).transaction = emptyRoom()
                return
              }
              if (frame?._tag === "CommitTransaction") {
                trackOf(event.device, event.connection).transaction = undefined
                return
              }
              if (frame?._tag !== "Reflect" || isEphemeral(frame.flags)) return
              const track = trackOf(event.device, event.connection)
              const room = track.transaction ?? track.ordinary
              const weight = weightOf(frame.envelope)
              track.unacked.set(frame.reflectId, { room, weight })
              room.weight += weight
              if (++room.count > 1 && room.weight > reflects) {
                report({
                  rule: "reflects that wait for their acks are bounded",
                  device: event.device,
                  found: `${room.count} of ${room.weight} bytes at least`,
                  expected: `at most ${reflects} bytes, or a single one`
                })
              }
              return
            }
            case "DeviceReceived": {
              const { frame } = event
              switch (frame?._tag) {
                case "DevicesInfo":
                  trackOf(event.device, event.connection).probes--
                  return
                case "TransactionRejected":
                  trackOf(event.device, event.connection).transaction = undefined
                  return
                case "ReflectAck": {
                  const { unacked } = trackOf(event.device, event.connection)
                  const acked = unacked.get(frame.reflectId)
                  if (acked === undefined) return
                  unacked.delete(frame.reflectId)
                  acked.room.count--
                  acked.room.weight -= acked.weight
                  return
                }
                default:
                  return
              }
            }
            case "Handling":
              if (event.messages.length > reflected) {
                report({
                  rule: "a handler is given a bounded number of messages",
                  device: event.device,
                  found: `${event.messages.length} messages`,
                  expected: `at most ${reflected}`
                })
              }
              return
          }
        },
        { DeviceReceived: ["DevicesInfo", "ReflectAck", "TransactionRejected"] }
      )
    }
  }
}
