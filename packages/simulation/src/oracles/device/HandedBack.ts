/**
 * That a device which stops gives back what was never acked, and nothing else (decision 22).
 *
 * Owns three rules: what `stop` and `DeviceStopped` give back is the reflects outside of transactions that were asked for and
 * have no ack, they are in the order in which the application gave them, and the state Stopped counts as many. What was
 * written keeps the order of the wire and comes before what was not.
 *
 * What is asked for at the same moment may be put in line in any order, and just before a stop or a pause not at all; of the
 * acks that are read then the device may take in none.
 *
 * @since 0.1.0
 */
import { isEphemeral } from "@d2m/codec"
import { mediatorName } from "../../Names.ts"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { only, type HandedBack, type WorldEvent } from "../../WorldEvent.ts"
import { unackedWords } from "../../Wording.ts"
import { type BoxOpener, boxOpener, type ReflectFrame } from "../Boxes.ts"
import { Specs } from "../Specs.ts"
import { backlogKinds, ChatBacklog } from "./ChatBacklog.ts"
import { noteRead, type LastRead, mayBeUntaken, nothingRead } from "./LastRead.ts"
import { Tracks } from "./Tracks.ts"

/** A message that was asked for. */
interface Asked {
  readonly id: number
  readonly call: number
  /** Which of the moments that can be told apart it was asked for in. */
  readonly moment: number
  /** Its place among those that were written, from when it was first. */
  place: number | undefined
  acked: "No" | "Maybe" | "Yes"
}

interface Line {
  readonly connection: number
  /** Whether something came that ends the connection for the device. */
  isBroken: boolean
  /** Messages without an ack, by reflect-id. */
  readonly written: Map<number, Asked>
}

interface Track {
  readonly asked: Map<number, Asked>
  line: Line | undefined
  /** How many were written. */
  places: number
  moment: number
  /** When something was asked for last, and when it was first seen that the device is made. */
  askedAt: number
  madeAt: number
  pausedAt: number
  readonly lastRead: LastRead
  /** The acks in it. */
  fresh: Array<Asked>
  isStopping: boolean
  /** The moment of what it may have been asked for too late. */
  tooLate: number | undefined
  /** How many the state Stopped has counted. */
  counted: number | undefined
}

const fresh = (): Track => ({
  asked: new Map(),
  line: undefined,
  places: 0,
  moment: 0,
  askedAt: -Infinity,
  madeAt: Infinity,
  pausedAt: -Infinity,
  lastRead: nothingRead(),
  fresh: [],
  isStopping: false,
  tooLate: undefined,
  counted: undefined
})

/** Whether all that was asked for before is in line for certain. */
const isSettled = ({ askedAt, madeAt, pausedAt }: Track, at: number): boolean =>
  at > askedAt && at > madeAt && pausedAt !== askedAt

/** The first message that stands behind one which was given later; `undefined` when all are in order. */
const outOfOrder = (messages: ReadonlyArray<Asked>): Asked | undefined => {
  const last = new Map<number, number>()
  let place = 0
  let moment = 0
  let hasUnwritten = false
  for (const asked of messages) {
    if ((last.get(asked.call) ?? 0) > asked.id) return asked
    last.set(asked.call, asked.id)
    if (asked.place === undefined) {
      if (asked.moment < moment) return asked
      moment = asked.moment
      hasUnwritten = true
    } else if (hasUnwritten || asked.place < place) return asked
    else place = asked.place
  }
  return undefined
}

class HandedBackOracle implements Oracle {
  readonly #report: Report
  readonly #specs: Specs
  readonly #open: BoxOpener
  readonly #knowsAll: boolean
  readonly #chats: ChatBacklog
  readonly #tracks = new Tracks(fresh)

  constructor(report: Report, schedule: Schedule) {
    this.#report = report
    // What a program asks for is not seen.
    this.#knowsAll = schedule.operations.length > 0
    this.#chats = new ChatBacklog(schedule.conditions)
    this.#specs = new Specs(schedule)
    this.#open = boxOpener(schedule, this.#specs)
  }

  readonly see = only([...backlogKinds, "DeviceSent", "Asked", "Answered", "Happened", "HandedBack"], (event) => {
    if (!this.#knowsAll) return
    this.#chats.see(event)
    switch (event._tag) {
      case "DeviceSent":
        if (event.frame?._tag === "Reflect") this.#sent(event.device, event.connection, event.frame)
        return
      case "DeviceReceived":
        return this.#received(event)
      case "Opened":
        this.#tracks.of(event.device).line = { connection: event.connection, isBroken: false, written: new Map() }
        return
      case "DeviceClosed":
        return this.#interrupted(this.#tracks.of(event.device), event.at)
      case "Happened":
        if (event.event._tag === "Disconnected") this.#interrupted(this.#tracks.of(event.device), event.at)
        return
      case "Asked":
        return this.#asked(event)
      case "Answered":
        return this.#answered(event)
      case "StateChanged": {
        const track = this.#tracks.of(event.device)
        track.madeAt = Math.min(track.madeAt, event.at)
        if (event.state._tag === "Stopped") track.counted = event.state.pendingReflects
        return
      }
      case "HandedBack":
        return this.#check(event.device, event.unacked)
      case "Machine":
        this.#specs.see(event)
        return event.device === mediatorName ? undefined : this.#machine(event.device, event.change, event.at)
    }
  })

  #machine(device: string, change: Extract<WorldEvent, { readonly _tag: "Machine" }>["change"], at: number): void {
    const track = this.#tracks.of(device)
    switch (change) {
      case "Paused":
        track.pausedAt = at
        return this.#interrupted(track, at)
      case "Stopped":
        track.isStopping = true
        track.tooLate = isSettled(track, at) ? undefined : track.moment
        return this.#interrupted(track, at)
      case "Started":
      case "Crashed":
        this.#tracks.renew(device)
        return
      case "Resumed":
    }
  }

  /** Something ended or stopped what the device was about. */
  #interrupted(track: Track, at: number): void {
    if (!mayBeUntaken(track.lastRead, at)) return
    for (const asked of track.fresh) if (asked.acked === "Yes") asked.acked = "Maybe"
  }

  #asked({ at, call, device, firstMessage, operation }: Extract<WorldEvent, { readonly _tag: "Asked" }>): void {
    if (operation._tag !== "Reflect") return
    const track = this.#tracks.of(device)
    if (isSettled(track, at)) track.moment++
    track.askedAt = at
    for (let id = firstMessage; id < firstMessage + operation.count; id++) {
      track.asked.set(id, { id, call, moment: track.moment, place: undefined, acked: "No" })
    }
  }

  #sent(device: string, connection: number, frame: ReflectFrame): void {
    const track = this.#tracks.of(device)
    const { line } = track
    if (line?.connection !== connection || isEphemeral(frame.flags)) return
    const id = this.#open(device, frame)
    const asked = typeof id === "number" ? track.asked.get(id) : undefined
    if (asked === undefined) return
    asked.place ??= ++track.places
    // It had an ack, perhaps, that was not taken in.
    asked.acked = "No"
    line.written.set(frame.reflectId, asked)
  }

  #received({ at, connection, device, frame }: Extract<WorldEvent, { readonly _tag: "DeviceReceived" }>): void {
    const track = this.#tracks.of(device)
    const { line } = track
    if (line?.connection !== connection) return
    if (noteRead(track.lastRead, frame, at, this.#chats.heldSince(device) !== undefined)) track.fresh = []
    if (frame === undefined) line.isBroken = true
    if (frame?._tag !== "ReflectAck" || line.isBroken) return
    const asked = line.written.get(frame.reflectId)
    if (asked === undefined) return
    line.written.delete(frame.reflectId)
    asked.acked = track.isStopping ? "Maybe" : "Yes"
    track.fresh.push(asked)
  }

  #answered(event: Extract<WorldEvent, { readonly _tag: "Answered" }>): void {
    const { answer, call, device, firstMessage, operation } = event
    if (operation._tag !== "Reflect") return
    const { asked } = this.#tracks.of(device)
    const own: Array<Asked> = []
    for (let id = firstMessage; id < firstMessage + operation.count; id++) {
      const message = asked.get(id)
      if (message !== undefined) own.push(message)
    }
    if (answer._tag === "Failed" && answer.error === "DeviceStopped") {
      return this.#compare(device, `call ?${call}`, answer.unacked ?? [], own, undefined)
    }
    // Done, or given up: nobody waits for it.
    for (const { id } of own) asked.delete(id)
  }

  #check(device: string, unacked: HandedBack): void {
    const { asked, counted, tooLate } = this.#tracks.of(device)
    if (counted !== undefined && counted !== unacked.length) {
      this.#report({
        rule: "a device that stops counts what it gives back",
        device,
        found: `${counted} not acked`,
        expected: unackedWords(unacked)
      })
    }
    this.#compare(device, "all of it", unacked, [...asked.values()], tooLate)
  }

  /** What was given back against what was asked for, oldest first; what was asked for in the moment `tooLate` may be left out. */
  #compare(
    device: string,
    whose: string,
    unacked: HandedBack,
    asked: ReadonlyArray<Asked>,
    tooLate: number | undefined
  ): void {
    const left = new Map(asked.map((message) => [message.id, message]))
    const found: Array<Asked> = []
    let wrong: string | undefined
    for (const id of unacked) {
      const message = id === undefined ? undefined : left.get(id)
      if (message === undefined || message.acked === "Yes") {
        wrong ??= `m${id ?? "?"}, which ${message === undefined ? "is nothing that is owed" : "has an ack"}`
        continue
      }
      left.delete(message.id)
      found.push(message)
    }
    for (const { acked, id, moment } of left.values()) {
      if (acked === "No" && moment !== tooLate) wrong ??= `without m${id}, which has no ack`
    }
    if (wrong !== undefined) {
      this.#report({
        rule: "a device that stops gives back what was never acked, each once, and nothing else",
        device,
        found: `${whose}: ${wrong}`,
        expected: unackedWords(asked.filter(({ acked }) => acked === "No").map(({ id }) => id))
      })
      return
    }
    const first = outOfOrder(found)
    if (first === undefined) return
    this.#report({
      rule: "a device that stops gives back what was never acked in the order in which it was given",
      device,
      found: `${whose}: ${unackedWords(unacked)}`,
      expected: `m${first.id} earlier`
    })
  }
}

/**
 * Judges what devices give back when they stop.
 *
 * @category oracles
 * @since 0.1.0
 */
export const handedBack: OracleMaker = {
  name: "handed back",
  make: (report, schedule) => new HandedBackOracle(report, schedule)
}
