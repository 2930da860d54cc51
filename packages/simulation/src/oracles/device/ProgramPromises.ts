/**
 * What a program is promised, held against what was on the wire.
 *
 * Owns three rules: a reflect that resolves has an ack of its own for each of its contents, and their times (decision 11); a
 * transaction that is done has read its CommitTransactionAck, and one that has failed, but for who is told that nobody knows,
 * has not committed anything (decision 13).
 *
 * Contents are a program's own, and known by what they are on the wire: of several that are the same any may have had any of
 * their acks, each of them once. What the program has interrupted is not judged, nor what a crash has left without an answer.
 * A lock is known by the body that runs under it: transactions of a device take turns.
 *
 * @since 0.1.0
 */
import { type ClientFrame, isEphemeral, type ServerFrame } from "@d2m/codec"
import { mediatorName } from "../../Names.ts"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { type Answer, only, type ProgramAsk, type WorldEvent } from "../../WorldEvent.ts"
import { type ContentOpener, contentOpener } from "../Boxes.ts"
import { contentPrint } from "../Contents.ts"
import { Specs } from "../Specs.ts"
import { Tracks } from "./Tracks.ts"

/** The call of a transaction; 0 outside of all, `undefined` under a lock whose body has not begun. */
type Within = number | undefined

/** A reflect that has no answer. */
interface Asked {
  /** Which of the things that were seen it was. */
  readonly number: number
  readonly prints: ReadonlyArray<number | undefined>
  readonly within: Within
}

/** A frame that was written. */
interface Written {
  readonly number: number
  readonly print: number
  readonly within: Within
}

interface Ack extends Written {
  readonly time: number
}

interface Lock {
  isHeld: boolean
  call: number | undefined
  hasReflected: boolean
}

interface Line {
  readonly connection: number
  /** Whether something came that ends the connection for the device. */
  isBroken: boolean
  /** Reflects without an ack, by reflect-id. */
  readonly written: Map<number, Written>
  lock: Lock | undefined
  /** Commits without an ack, oldest first. */
  readonly commits: Array<Lock>
}

interface Track {
  line: Line | undefined
  readonly asked: Map<number, Asked>
  /** How many contents that are the same somebody waits for, and the acks that may be theirs. */
  readonly waiting: Map<number, number>
  readonly acks: Map<number, Array<Ack>>
  /** Transactions without an answer that have committed something, and those whose commit was acked. */
  readonly committed: Set<number>
  readonly promised: Set<number>
}

const fresh = (): Track => ({
  line: undefined,
  asked: new Map(),
  waiting: new Map(),
  acks: new Map(),
  committed: new Set(),
  promised: new Set()
})

/** Whether a program is told for certain that nothing of its transaction will be seen. */
export const isNotCommitted = (answer: Answer): boolean =>
  answer._tag === "Failed" &&
  answer.error !== "Interrupted" &&
  answer.error !== "Died" &&
  answer.committed !== "unknown"

type ReflectAsk = Extract<ProgramAsk, { readonly _tag: "Reflect" | "TransactionReflect" }>

class ProgramPromises implements Oracle {
  readonly #report: Report
  readonly #specs: Specs
  readonly #open: ContentOpener
  readonly #tracks = new Tracks(fresh)
  /** Numbers what is seen, so that it is known what came first. */
  #number = 0

  constructor(report: Report, schedule: Schedule) {
    this.#report = report
    this.#specs = new Specs(schedule)
    this.#open = contentOpener(schedule, this.#specs)
  }

  readonly see = only(
    ["DeviceSent", "DeviceReceived", "Opened", "ProgramAsked", "ProgramAnswered", "Entered", "Machine"],
    (event) => {
      switch (event._tag) {
        case "DeviceSent": {
          const { line } = this.#tracks.of(event.device)
          if (line?.connection === event.connection) this.#sent(event.device, line, event.frame)
          return
        }
        case "DeviceReceived": {
          const track = this.#tracks.of(event.device)
          if (track.line?.connection === event.connection) this.#received(track, track.line, event.frame)
          return
        }
        case "Opened":
          this.#tracks.of(event.device).line = {
            connection: event.connection,
            isBroken: false,
            written: new Map(),
            lock: undefined,
            commits: []
          }
          return
        case "ProgramAsked": {
          const { ask } = event
          if (ask._tag === "Reflect" || ask._tag === "TransactionReflect") this.#asked(event.device, event.call, ask)
          return
        }
        case "ProgramAnswered":
          return this.#answered(event)
        case "Entered": {
          const lock = this.#tracks.of(event.device).line?.lock
          if (lock?.isHeld === true) lock.call ??= event.call
          return
        }
        case "Machine":
          if (event.device === mediatorName) return
          this.#specs.see(event)
          if (event.change === "Started" || event.change === "Crashed") this.#tracks.renew(event.device)
          return
      }
    }
  )

  #asked(device: string, call: number, ask: ReflectAsk): void {
    const { asked, waiting } = this.#tracks.of(device)
    const prints = ask.contents.map(contentPrint)
    for (const print of prints) if (print !== undefined) waiting.set(print, (waiting.get(print) ?? 0) + 1)
    asked.set(call, { number: ++this.#number, prints, within: ask._tag === "Reflect" ? 0 : ask.call })
  }

  #answered({ answer, ask, call, device }: Extract<WorldEvent, { readonly _tag: "ProgramAnswered" }>): void {
    const track = this.#tracks.of(device)
    if (ask._tag === "Transaction") return this.#transactionAnswered(device, track, call, answer)
    const asked = track.asked.get(call)
    if (asked === undefined) return
    track.asked.delete(call)
    if (answer._tag === "Done") this.#promised(device, track, asked, answer.timestamps)
    for (const print of asked.prints) {
      if (print === undefined) continue
      const left = track.waiting.get(print)! - 1
      if (left > 0) track.waiting.set(print, left)
      else {
        track.waiting.delete(print)
        track.acks.delete(print)
      }
    }
  }

  #promised(
    device: string,
    { acks }: Track,
    { number, prints, within }: Asked,
    timestamps: ReadonlyArray<number>
  ): void {
    const own = (print: number | undefined): ReadonlyArray<Ack> =>
      (print === undefined ? undefined : acks.get(print))?.filter(
        (ack) => ack.number > number && ack.within === within
      ) ?? []
    // An ack is taken once; what is told of a wrong one are those that are left.
    const isAcked = (print: number | undefined, at: number): boolean => {
      const ack = own(print).find(({ time }) => time === timestamps[at])
      if (ack === undefined) return false
      const all = acks.get(ack.print)!
      all.splice(all.indexOf(ack), 1)
      return true
    }
    if (timestamps.length === prints.length && prints.every(isAcked)) return
    this.#report({
      rule: "a reflect of a program resolves with the times of its acks",
      device,
      found: timestamps.join(", "),
      expected: prints
        .map((print) => own(print).map(({ time }) => time))
        .map((times) => (times.length === 0 ? "no ack that is left" : times.join(" or ")))
        .join(", ")
    })
  }

  #transactionAnswered(device: string, { committed, promised }: Track, call: number, answer: Answer): void {
    const hasCommitted = committed.delete(call)
    const isPromised = promised.delete(call)
    if (answer._tag === "Done" && !isPromised) {
      this.#report({
        rule: "a transaction of a program that is done was committed",
        device,
        found: `transaction ?${call} done, without a CommitTransactionAck of its own`,
        expected: "its CommitTransactionAck first"
      })
    }
    if (answer._tag === "Failed" && hasCommitted && isNotCommitted(answer)) {
      const { committed, error } = answer
      this.#report({
        rule: "a transaction of a program that is not committed has not written its Commit",
        device,
        found: `transaction ?${call} ${error}${committed === undefined ? "" : `, committed: ${committed}`}, after its Commit`,
        expected: "no CommitTransaction, or committed: unknown"
      })
    }
  }

  #received(track: Track, line: Line, frame: ServerFrame | undefined): void {
    if (frame === undefined) line.isBroken = true
    if (line.isBroken || frame === undefined) return
    switch (frame._tag) {
      case "BeginTransactionAck":
        if (line.lock !== undefined) line.lock.isHeld = true
        return
      case "TransactionRejected":
        line.lock = undefined
        return
      case "CommitTransactionAck": {
        const call = line.commits.shift()?.call
        if (call !== undefined) track.promised.add(call)
        return
      }
      case "ReflectAck": {
        const written = line.written.get(frame.reflectId)
        if (written === undefined) return
        line.written.delete(frame.reflectId)
        const { print } = written
        if (!track.waiting.has(print)) return
        const ack = { ...written, time: Number(frame.timestamp) }
        const acks = track.acks.get(print)
        if (acks === undefined) track.acks.set(print, [ack])
        else acks.push(ack)
        return
      }
      default:
    }
  }

  #sent(device: string, line: Line, frame: ClientFrame | undefined): void {
    switch (frame?._tag) {
      case "BeginTransaction":
        line.lock = { isHeld: false, call: undefined, hasReflected: false }
        return
      case "CommitTransaction": {
        const { lock } = line
        line.lock = undefined
        if (lock === undefined) return
        line.commits.push(lock)
        // Without a reflect, a commit gives back the lock, and nothing else.
        if (lock.call !== undefined && lock.hasReflected) this.#tracks.of(device).committed.add(lock.call)
        return
      }
      case "Reflect": {
        if (isEphemeral(frame.flags)) return
        const { lock } = line
        if (lock?.isHeld === true) lock.hasReflected = true
        const content = this.#open(device, frame)
        if (content === undefined || content === "Nothing") return
        const print = contentPrint(content)
        if (print === undefined) return
        const within = lock?.isHeld === true ? lock.call : 0
        line.written.set(frame.reflectId, { number: ++this.#number, print, within })
        return
      }
      default:
    }
  }
}

/**
 * Judges what programs are promised. A workload is judged by the oracle of what devices send.
 *
 * @category oracles
 * @since 0.1.0
 */
export const programPromises: OracleMaker = {
  name: "program promises",
  make: (report, schedule) =>
    schedule.operations.length > 0 ? { see: only([], () => {}) } : new ProgramPromises(report, schedule)
}
