/**
 * What the chat server has said to a device and its chat handler has not taken.
 *
 * Owns when that is more than the device holds, so that it reads nothing: until the handler takes some of it or ends, or the
 * device gives the connection up.
 *
 * @since 0.1.0
 */
import type { ConnectionState } from "@d2m/client"
import type { Conditions } from "../../Schedule.ts"
import type { EventKind, WorldEvent } from "../../WorldEvent.ts"
import { Tracks } from "./Tracks.ts"

/** Messages of the chat server that a client holds unless a schedule says otherwise. */
const decided = 256

/** How many messages of the chat server a device holds at most. */
export const chatRoomOf = ({ client }: Pick<Conditions, "client">): number => client?.chat ?? decided

interface Track {
  connection: number
  /** Whether there is a handler, which has not ended. */
  isHandled: boolean
  /** How many have come on the connection and were not taken. */
  waiting: number
  /** Since when nothing is read because of them. */
  heldSince: number | undefined
  /** When that was over last. */
  freeSince: number
}

const fresh = (): Track => ({
  connection: 0,
  isHandled: false,
  waiting: 0,
  heldSince: undefined,
  freeSince: -Infinity
})

/** Whether a device that says this has no connection, and does not ask for one either. */
export const isOver = ({ _tag }: ConnectionState): boolean =>
  _tag === "Waiting" || _tag === "NeedsUser" || _tag === "Stopped"

/** The events that a backlog has to see. */
export const backlogKinds = [
  "DeviceReceived",
  "DeviceClosed",
  "Opened",
  "StateChanged",
  "Machine",
  "ChatBegun",
  "ChatHeard",
  "ChatOver"
] as const satisfies ReadonlyArray<EventKind>

/** Whose chat handler holds up the reading, and since when. */
export class ChatBacklog {
  readonly #tracks = new Tracks(fresh)
  /** Whether anybody has chatted. */
  #isUsed = false
  readonly #room: number
  readonly #onChange: (device: string, at: number) => void

  /** `onChange` is told when a device is held up, and when it is not any more. */
  constructor(conditions: Pick<Conditions, "client">, onChange: (device: string, at: number) => void = () => {}) {
    this.#room = chatRoomOf(conditions)
    this.#onChange = onChange
  }

  see(event: WorldEvent): void {
    // Most worlds have no chat, and many events.
    if (!this.#isUsed && event._tag !== "Opened") {
      if (event._tag !== "ChatBegun" && (event._tag !== "DeviceReceived" || event.frame?._tag !== "Proxy")) return
      this.#isUsed = true
    }
    switch (event._tag) {
      case "DeviceReceived": {
        if (event.frame?._tag !== "Proxy") return
        const track = this.#tracks.of(event.device)
        if (track.connection === event.connection) this.#changed(event.device, track, 1, event.at)
        return
      }
      case "ChatBegun":
      case "ChatOver": {
        const track = this.#tracks.of(event.device)
        if (track.connection !== event.connection) return
        track.isHandled = event._tag === "ChatBegun"
        return this.#changed(event.device, track, 0, event.at)
      }
      case "ChatHeard": {
        const track = this.#tracks.of(event.device)
        if (track.connection === event.connection) this.#changed(event.device, track, -1, event.at)
        return
      }
      case "Opened": {
        const { freeSince } = this.#tracks.of(event.device)
        Object.assign(this.#tracks.renew(event.device), { connection: event.connection, freeSince })
        return
      }
      case "StateChanged":
        // It may have nothing to close: a connection that the network has ended.
        if (isOver(event.state)) this.#over(event.device, event.at)
        return
      case "DeviceClosed":
        return this.#over(event.device, event.at)
      case "Machine":
        if (event.change !== "Started" && event.change !== "Crashed") return
        this.#over(event.device, event.at)
        this.#tracks.renew(event.device)
        return
      default:
    }
  }

  /** Since when a device reads nothing because of its chat handler; nothing while it does. */
  heldSince(device: string): number | undefined {
    return this.#isUsed ? this.#tracks.of(device).heldSince : undefined
  }

  /** When it last went on reading after that. */
  freeSince(device: string): number {
    return this.#isUsed ? this.#tracks.of(device).freeSince : -Infinity
  }

  #over(device: string, at: number): void {
    const track = this.#tracks.of(device)
    track.isHandled = false
    this.#changed(device, track, 0, at)
  }

  #changed(device: string, track: Track, more: number, at: number): void {
    track.waiting += more
    const isHeld = track.isHandled && track.waiting > this.#room
    if (isHeld === (track.heldSince !== undefined)) return
    // What one who listens takes at once has found room.
    if (track.heldSince !== undefined && at > track.heldSince) track.freeSince = at
    track.heldSince = isHeld ? at : undefined
    this.#onChange(device, at)
  }
}
