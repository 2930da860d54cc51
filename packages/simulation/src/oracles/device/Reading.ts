/**
 * That a handler which stands still does not keep a device from reading while it waits for the mediator (decision 15).
 *
 * Owns both sides of that: reading goes on in the end, and messages are passed over, or the connection is given up for the
 * chat handler, no sooner than has been decided, and only by a device that waits for something. What has come is known by what
 * the mediator has sent, where nothing is the matter with the way and with the mediator; what a device waits for by its reflects
 * without an ack, as whatever else it waits for may be over without a word.
 *
 * @since 0.1.0
 */
import { isEphemeral } from "@d2m/codec"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Conditions, Schedule } from "../../Schedule.ts"
import { only, type WorldEvent } from "../../WorldEvent.ts"
import { backlogKinds, ChatBacklog, isOver } from "./ChatBacklog.ts"
import { Tracks } from "./Tracks.ts"

/** How long a handler may hold up the reading of a device that waits for the mediator, in ms. */
const decided = 10_000
/**
 * The longest that nothing is read, in ms: a handler that was at work before may have ended within the first of two such times.
 */
const longestHold = 2 * decided + 100

interface Track {
  /** The connection that is judged, while there is one. */
  connection: number | undefined
  /** Frames that were sent on it since its handler has begun and that were not read, and since when at the latest there are some. */
  unread: number
  unreadSince: number
  /** Reflects that were written on it and have no ack that was read, and since when at the latest there are some. */
  unacked: number
  waitingSince: number
  /** When it has last read something. */
  readAt: number
  /** Since when its handler is at work, and has not been behind the other one. */
  busySince: number | undefined
  /** Since when its chat handler leaves no room, and when it last did so until. */
  chatSince: number | undefined
  chatHold: { readonly since: number; readonly until: number; readonly waits: boolean } | undefined
  /** Whether it has passed messages over on the latest connection, and when it has ended that, or has said that it is over. */
  passesOver: boolean
  closedAt: number | undefined
  /** What its application waits for. */
  calls: number
  /** When it was last told something: that its connection is being given up, perhaps. */
  answeredAt: number
  isPaused: boolean
  /** How many faults hold up what comes to it, and since when none does. */
  troubles: number
  untroubledSince: number
  /** How many times the mediator misbehaves towards it: what it has sent is not what comes then. */
  misbehaviours: number
}

const fresh = (): Track => ({
  connection: undefined,
  unread: 0,
  unreadSince: 0,
  unacked: 0,
  waitingSince: 0,
  readAt: 0,
  busySince: undefined,
  chatSince: undefined,
  chatHold: undefined,
  passesOver: false,
  closedAt: undefined,
  calls: 0,
  answeredAt: -Infinity,
  isPaused: false,
  troubles: 0,
  untroubledSince: 0,
  misbehaviours: 0
})

/** Kinds of faults that make a device get or read late what the mediator has sent. */
const troubles: ReadonlySet<string> = new Set(["Stall", "Delay", "Slow", "SlowReader"])

const longestLatency = ({ latency: { base, spread, tail, tailChance } }: Conditions): number =>
  base + spread + (tailChance > 0 ? tail : 0)

class Reading implements Oracle {
  readonly #report: Report
  readonly #tracks = new Tracks(fresh)
  readonly #chats: ChatBacklog
  /** How many handlers are at work: while none is, most of what is seen does not matter. */
  #busy = 0
  /** How long something is on its way at most while no fault is in force, in ms. */
  readonly #latency: number
  /** How much longer what was sent under faults may be on its way when they are over, in ms. */
  readonly #delay: number
  /** Programs may give up what they have asked for, and are not seen to do so. */
  readonly #knowsAll: boolean

  constructor(report: Report, { conditions, faults, operations }: Schedule) {
    this.#report = report
    this.#chats = new ChatBacklog(conditions, (device, at) => this.#chatChanged(device, at))
    this.#latency = longestLatency(conditions)
    this.#delay = faults.reduce((sum, { fault }) => (fault._tag === "Delay" ? sum + fault.by : sum), 0)
    this.#knowsAll = operations.length > 0
  }

  readonly see = only(
    [
      ...backlogKinds,
      "MediatorSent",
      "DeviceSent",
      "Handling",
      "Handled",
      "Asked",
      "Answered",
      "Happened",
      "DeviceLost",
      "Fault"
    ],
    (event) => {
      this.#chats.see(event)
      switch (event._tag) {
        case "MediatorSent": {
          if (this.#busy === 0) return
          const track = this.#tracks.of(event.device)
          if (track.connection === event.connection && track.unread++ === 0) track.unreadSince = event.at
          return
        }
        case "DeviceReceived":
          if (this.#busy > 0 || event.frame?._tag === "ReflectAck") this.#received(event)
          return
        case "DeviceSent":
          if (this.#busy > 0 || event.frame?._tag === "Reflect") this.#sent(event)
          return
        case "Handling":
          if (!event.isReplay) this.#begins(this.#tracks.of(event.device), event.at)
          return
        case "Handled": {
          const track = this.#tracks.of(event.device)
          this.#judge(event.device, track, event.at)
          this.#ends(track)
          return
        }
        case "Asked":
          if (event.operation._tag !== "Chat") this.#tracks.of(event.device).calls++
          return
        case "Answered":
          if (event.operation._tag !== "Chat") {
            const track = this.#tracks.of(event.device)
            track.calls--
            track.answeredAt = event.at
          }
          return
        case "Happened": {
          const { event: told } = event
          if (told._tag === "PassedOver") this.#passedOver(event.device, this.#tracks.of(event.device), event.at)
          else if (told._tag === "Disconnected" && told.because._tag === "FellBehind") {
            this.#fellBehind(event.device, this.#tracks.of(event.device), event.at)
          }
          return
        }
        case "StateChanged":
          if (isOver(event.state)) this.#tracks.of(event.device).closedAt ??= event.at
          return
        case "Opened": {
          const track = this.#tracks.of(event.device)
          track.passesOver = false
          track.chatHold = track.closedAt = undefined
          track.connection = track.misbehaviours === 0 ? event.connection : undefined
          track.unread = track.unacked = 0
          return
        }
        case "DeviceLost":
        case "DeviceClosed": {
          const track = this.#tracks.of(event.device)
          if (event._tag === "DeviceClosed") track.closedAt ??= event.at
          if (track.connection !== event.connection) return
          this.#judge(event.device, track, event.at)
          track.connection = undefined
          return
        }
        case "Machine":
          return this.#machine(event, this.#tracks.of(event.device))
        case "Fault":
          if (event.device !== undefined) this.#fault(event, this.#tracks.of(event.device))
          return
      }
    }
  )

  #received({ at, connection, device, frame }: Extract<WorldEvent, { readonly _tag: "DeviceReceived" }>): void {
    const track = this.#tracks.of(device)
    track.readAt = at
    if (track.connection !== connection) return
    // What has come with that for which there was no room is not what came after it.
    if (track.chatSince !== at) track.unread--
    track.unreadSince = at
    if (frame?._tag !== "ReflectAck") return
    track.unacked--
    track.waitingSince = at
  }

  #sent({ at, connection, device, frame }: Extract<WorldEvent, { readonly _tag: "DeviceSent" }>): void {
    const track = this.#tracks.of(device)
    if (track.connection !== connection) return
    this.#judge(device, track, at)
    if (frame?._tag !== "Reflect" || isEphemeral(frame.flags)) return
    if (track.unacked++ === 0) track.waitingSince = at
  }

  /** What was on its way by then is not counted, which makes what is unread seem less. */
  #begins(track: Track, at: number): void {
    if (track.busySince === undefined) this.#busy++
    track.busySince = at
    track.unread = 0
  }

  #ends(track: Track): void {
    if (track.busySince !== undefined) this.#busy--
    track.busySince = undefined
  }

  #chatChanged(device: string, at: number): void {
    const track = this.#tracks.of(device)
    const since = this.#chats.heldSince(device)
    if (since !== undefined) {
      this.#busy++
      track.unread = 0
    } else if (track.chatSince !== undefined) {
      this.#judge(device, track, at)
      this.#busy--
      track.chatHold = { since: track.chatSince, until: at, waits: isWaiting(track) || track.answeredAt === at }
      if (track.busySince !== undefined) track.busySince = at
    }
    track.chatSince = since
  }

  #machine({ at, change, device }: Extract<WorldEvent, { readonly _tag: "Machine" }>, track: Track): void {
    switch (change) {
      case "Paused":
        track.isPaused = true
        return
      case "Resumed":
        track.isPaused = false
        track.untroubledSince = Math.max(track.untroubledSince, at)
        return
      case "Stopped":
        // It still says what happens until it has closed, and what it waits for is answered.
        return
      default: {
        this.#ends(track)
        const { misbehaviours, troubles, untroubledSince } = track
        Object.assign(this.#tracks.renew(device), { misbehaviours, troubles, untroubledSince })
      }
    }
  }

  #fault({ at, detail, kind, phase }: Extract<WorldEvent, { readonly _tag: "Fault" }>, track: Track): void {
    if (phase === "Fired") return
    const change = phase === "Begun" ? 1 : -1
    if (kind === "Vanish") track.connection = undefined
    else if (kind === "Misbehave") {
      track.misbehaviours += change
      track.connection = undefined
    } else if (troubles.has(kind) && detail !== "up") {
      track.troubles += change
      if (change < 0) track.untroubledSince = Math.max(track.untroubledSince, at + this.#delay)
    }
  }

  /** Something has come and is not read, behind a handler that is at work: since when? */
  #judge(device: string, track: Track, at: number): void {
    const { connection, isPaused, troubles, unacked, unread, unreadSince, untroubledSince, waitingSince } = track
    const busySince = track.chatSince ?? track.busySince
    if (busySince === undefined || at - busySince <= longestHold || unread <= 0 || unacked <= 0) return
    if (connection === undefined || isPaused || troubles > 0 || !this.#knowsAll) return
    const since = Math.max(busySince, Math.max(unreadSince, untroubledSince) + this.#latency, waitingSince)
    if (at - since <= longestHold) return
    // Once is enough.
    track.connection = undefined
    this.#report({
      rule: "a handler that stands still does not hold up the reading of a device that waits",
      device,
      found: `nothing read in ${Math.round(at - since)} ms, with ${unacked} reflects unacked`,
      expected: "reading, 20 s later at most"
    })
  }

  #passedOver(device: string, track: Track, at: number): void {
    const waited = at - track.readAt
    const report = (rule: string, found: string, expected: string) => this.#report({ rule, device, found, expected })
    if (waited < decided - 2) {
      report(
        "messages are passed over only when their handler has stood still for a while",
        `something read ${Math.round(waited)} ms before`,
        "nothing read in 10 s"
      )
    }
    track.passesOver = true
    if (this.#knowsAll && !isWaiting(track)) {
      report(
        "messages are passed over only by a device that waits for the mediator",
        "nothing that it waits for",
        "no end of its patience"
      )
    }
  }

  /** A connection was given up, for one handler or the other. */
  #fellBehind(device: string, { chatHold, closedAt, passesOver }: Track, at: number): void {
    if (passesOver) return
    const report = (rule: string, found: string, expected: string) => this.#report({ rule, device, found, expected })
    if (chatHold === undefined || chatHold.until < (closedAt ?? at)) {
      return report(
        "a connection is given up only behind a handler that stands still",
        "room for all that has come",
        "a connection that goes on"
      )
    }
    const waited = chatHold.until - chatHold.since
    if (waited < decided - 2) {
      report(
        "a connection is given up for its chat handler only when that has stood still for a while",
        `something read ${Math.round(waited)} ms before`,
        "nothing read in 10 s"
      )
    }
    if (this.#knowsAll && !chatHold.waits) {
      report(
        "a connection is given up for its chat handler only by a device that waits for the mediator",
        "nothing that it waits for",
        "no end of its patience"
      )
    }
  }
}

const isWaiting = ({ calls, unacked }: Track): boolean => calls > 0 || unacked > 0

/**
 * Judges whether devices go on reading.
 *
 * @category oracles
 * @since 0.1.0
 */
export const reading: OracleMaker = {
  name: "reading",
  make: (report, schedule) => new Reading(report, schedule)
}
