/**
 * That a chat handler is given what the chat server says, and that no more of it waits than a device holds (principle 7).
 *
 * Owns: what has come on a connection is given to its handler in order, each message once and as soon as it listens; while
 * there is no room for more, nothing is read; and nobody connects again while the handler of the last connection goes on. How
 * long one may hold up the reading is judged by `Reading`; what is lost with a connection is nobody's fault.
 *
 * @since 0.1.0
 */
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { only, type WorldEvent } from "../../WorldEvent.ts"
import { isSame } from "../Chat.ts"
import { chatRoomOf } from "./ChatBacklog.ts"
import { Tracks } from "./Tracks.ts"

/** How long a message may take to a handler that listens, in ms. */
const moment = 1_000

interface Session {
  readonly connection: number
  /** Whether there is a handler. */
  isBegun: boolean
  /** What has come and the handler was not given, oldest first. */
  readonly waiting: Array<{ readonly at: number; readonly data: Uint8Array }>
  /** Since when the handler listens, while it does. */
  listensSince: number | undefined
  /** Whether something came that ends the connection for the device: nothing counts behind it. */
  isBroken: boolean
}

interface Track {
  /** That of the latest connection, while its handler has not ended. */
  session: Session | undefined
  disconnectedAt: number
  isPaused: boolean
  resumedAt: number
}

const fresh = (): Track => ({
  session: undefined,
  disconnectedAt: -Infinity,
  isPaused: false,
  resumedAt: -Infinity
})

type Seen<Tag extends WorldEvent["_tag"]> = Extract<WorldEvent, { readonly _tag: Tag }>

class ChatHandling implements Oracle {
  readonly #report: Report
  readonly #room: number
  /** The handlers of programs may take their time to end. */
  readonly #knowsAll: boolean
  readonly #tracks = new Tracks(fresh)

  constructor(report: Report, { conditions, operations }: Schedule) {
    this.#report = report
    this.#room = chatRoomOf(conditions)
    this.#knowsAll = operations.length > 0
  }

  readonly see = only(
    [
      "DeviceReceived",
      "ChatBegun",
      "ChatListens",
      "ChatHeard",
      "ChatOver",
      "Opened",
      "Dialed",
      "DeviceClosed",
      "DeviceLost",
      "Happened",
      "Machine"
    ],
    (event) => {
      switch (event._tag) {
        case "DeviceReceived":
          return this.#received(event)
        case "ChatBegun": {
          const session = this.#sessionOf(event)
          if (session !== undefined) session.isBegun = true
          return
        }
        case "ChatListens": {
          const session = this.#sessionOf(event)
          if (session !== undefined) session.listensSince = event.at
          return
        }
        case "ChatHeard":
          return this.#heard(event)
        case "ChatOver":
          this.#check(event)
          if (this.#sessionOf(event) !== undefined) this.#tracks.of(event.device).session = undefined
          return
        case "Opened":
          this.#tracks.of(event.device).session = {
            connection: event.connection,
            isBegun: false,
            waiting: [],
            listensSince: undefined,
            isBroken: false
          }
          return
        case "Dialed":
          return this.#dialed(event)
        case "DeviceClosed":
        case "DeviceLost":
          return this.#check(event)
        case "Happened":
          if (event.event._tag === "Disconnected") this.#tracks.of(event.device).disconnectedAt = event.at
          return
        case "Machine":
          return this.#machine(event)
      }
    }
  )

  #sessionOf({ connection, device }: { readonly connection: number; readonly device: string }): Session | undefined {
    const { session } = this.#tracks.of(device)
    return session?.connection === connection ? session : undefined
  }

  #received(event: Seen<"DeviceReceived">): void {
    const session = this.#sessionOf(event)
    if (session === undefined || session.isBroken) return
    const { at, device, frame } = event
    if (frame === undefined) session.isBroken = true
    if (session.waiting.length > 0) {
      this.#check(event)
      // One more may be on its way to the handler.
      const tooMany = session.waiting[this.#room + 1]
      if (session.isBegun && tooMany !== undefined && tooMany.at < at) {
        this.#report({
          rule: "nothing is read while there is no room for what the chat server says",
          device,
          found: `${session.waiting.length} messages of it that wait for the handler, and another read`,
          expected: `at most ${this.#room}, and what came with the last of them`
        })
      }
    }
    if (frame?._tag === "Proxy") session.waiting.push({ at, data: frame.data })
  }

  #heard(event: Seen<"ChatHeard">): void {
    const session = this.#sessionOf(event)
    if (session === undefined) return
    session.listensSince = undefined
    const next = session.waiting.shift()
    if (next !== undefined && isSame(next.data, event.message)) return
    this.#report({
      rule: "a chat handler is given what has come, in order and each message once",
      device: event.device,
      found: `${event.message.length} bytes that were not next`,
      expected: next === undefined ? "nothing" : `${next.data.length} bytes that came before`
    })
  }

  /** Something has come, and is not given to a handler that listens. */
  #check(event: Seen<"DeviceReceived" | "ChatOver" | "DeviceClosed" | "DeviceLost">): void {
    const session = this.#sessionOf(event)
    const next = session?.waiting[0]
    if (session?.listensSince === undefined || next === undefined) return
    const { isPaused, resumedAt } = this.#tracks.of(event.device)
    const waited = event.at - Math.max(session.listensSince, next.at, resumedAt)
    if (isPaused || waited <= moment) return
    // Once is enough.
    session.listensSince = undefined
    this.#report({
      rule: "a chat handler that listens is given what has come",
      device: event.device,
      found: `nothing in ${Math.round(waited)} ms, with ${session.waiting.length} messages that have come`,
      expected: "the first of them at once"
    })
  }

  #dialed({ at, device }: Seen<"Dialed">): void {
    const { disconnectedAt, session } = this.#tracks.of(device)
    if (session?.isBegun !== true || disconnectedAt === at || !this.#knowsAll) return
    this.#report({
      rule: "nobody connects again while the chat handler of the last connection goes on",
      device,
      found: `a dial, and the chat of connection ${session.connection} is not over`,
      expected: "its end, or an interruption after 5 s"
    })
  }

  #machine({ at, change, device }: Seen<"Machine">): void {
    const track = this.#tracks.of(device)
    switch (change) {
      case "Paused":
        track.isPaused = true
        return
      case "Resumed":
        track.isPaused = false
        track.resumedAt = at
        return
      default:
        this.#tracks.renew(device)
    }
  }
}

/**
 * Judges what chat handlers are given.
 *
 * @category oracles
 * @since 0.1.0
 */
export const chatHandling: OracleMaker = {
  name: "chat handling",
  make: (report, schedule) => new ChatHandling(report, schedule)
}
