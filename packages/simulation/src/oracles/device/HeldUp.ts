/**
 * What keeps a device from reading, so that it learns late of what has come, an end among it.
 *
 * Owns the reasons that the world shows: its handler is at work, its chat handler leaves too much untaken, its host reads slowly,
 * and messages that find no room wait for those before them to be set aside or recorded on a slow disk.
 *
 * @since 0.1.0
 */
import type { Conditions } from "../../Schedule.ts"
import type { WorldEvent } from "../../WorldEvent.ts"
import { ChatBacklog } from "./ChatBacklog.ts"
import { Tracks } from "./Tracks.ts"

/** The longest wait of a device between two tries of a handler that fails, in which nobody takes messages in. */
export const betweenTries = 3_000

interface Track {
  isHandling: boolean
  /** For how many reasons the host of the device reads slowly. */
  slowReaders: number
  /** When the handler, a slow disk or a reason to read slowly was over last, or will be at the latest. */
  until: number
}

const fresh = (): Track => ({ isHandling: false, slowReaders: 0, until: -Infinity })

/**
 * How long the disk of a device is at work for one message at most, in ms: it is set aside, or recorded. Only where it has little
 * room for messages do others wait meanwhile, and with them the reading.
 */
export const diskTimeOf = ({ client, diskLatency }: Conditions): number =>
  client?.reflected === undefined ? 0 : 2 * diskLatency

/** Who is held up, and was. */
export class HeldUp {
  readonly #tracks = new Tracks(fresh)
  readonly #diskTime: number
  readonly #chats: ChatBacklog

  constructor(conditions: Conditions) {
    this.#diskTime = diskTimeOf(conditions)
    this.#chats = new ChatBacklog(conditions)
  }

  see(event: WorldEvent): void {
    this.#chats.see(event)
    switch (event._tag) {
      case "Machine":
        if (event.change === "Started") {
          const { slowReaders } = this.#tracks.of(event.device)
          this.#tracks.renew(event.device).slowReaders = slowReaders
        }
        return
      case "Fault": {
        if (event.kind !== "SlowReader" || event.device === undefined || event.phase === "Fired") return
        const track = this.#tracks.of(event.device)
        track.slowReaders += event.phase === "Begun" ? 1 : -1
        track.until = Math.max(track.until, event.at)
        return
      }
      case "DeviceReceived": {
        if (this.#diskTime === 0 || event.frame?._tag !== "Reflected") return
        const track = this.#tracks.of(event.device)
        track.until = Math.max(track.until, event.at) + this.#diskTime
        return
      }
      case "Handling":
        this.#tracks.of(event.device).isHandling = true
        return
      case "Handled": {
        const track = this.#tracks.of(event.device)
        track.isHandling = false
        track.until = Math.max(track.until, event.at)
        return
      }
      default:
    }
  }

  /** Until when a device is held up, or was last: `Infinity` while it is. */
  until(device: string): number {
    const { isHandling, slowReaders, until } = this.#tracks.of(device)
    const isHeld = isHandling || slowReaders > 0 || this.#chats.heldSince(device) !== undefined
    return isHeld ? Infinity : Math.max(until, this.#chats.freeSince(device))
  }
}
