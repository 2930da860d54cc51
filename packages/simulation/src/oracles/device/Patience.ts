/**
 * That a device waits for nothing without end (decision 15; PROTOCOL C5, C8).
 *
 * Owns: a dial that is not answered is given up, an idle connection is probed and a busy one is not, an answer that does not
 * come ends the connection, and who was rejected asks for the lock again when told that it is free, or in the end when nobody
 * tells it. Time in which a device is paused, or its handler or its disk holds up the reading, is no time that it waits.
 *
 * @since 0.1.0
 */
import { isEphemeral, type ServerFrame } from "@d2m/codec"
import { mediatorName } from "../../Names.ts"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { only } from "../../WorldEvent.ts"
import { backlogKinds, ChatBacklog } from "./ChatBacklog.ts"
import { diskTimeOf } from "./HeldUp.ts"

/** From a silence to the probe 20 s, from a reflect to its ack 30 s, and what may hold up the reading besides, in ms. */
const longestWait = 45_000
/** From what a device has written last to its probe at least, in ms: 20 s, counted in whole ones. */
const shortestSilence = 20_000 - 2
/** From the end of a transaction to the next try, in ms. */
const longestWakeUp = 5_000
/** From a dial to a connection or the news that there is none, in ms: 10 s, and what rounding may add. */
const longestDial = 10_000 + 100
/** From a rejection to the next try when no end of a transaction comes, in ms: more than the longest transaction. */
const lockPatience = 65_000

interface Device {
  readonly name: string
  /** The latest connection, until it is over: what came before its end may be looked at after it. */
  connection: number | undefined
  /** Whether ServerInfo has come on it, and it has not ended. */
  isLive: boolean
  isPaused: boolean
  /** When it last wrote something, in ms. */
  wroteAt: number
  /** When it had written last before that instant. */
  wroteBefore: number
  /** Reflects without an ack on this connection, oldest first, and when they were written. */
  written: Map<number, number>
  /** Since when its handler is at work. */
  busySince: number | undefined
  /** When it was last held up: paused, or at the end of a handler or disk that took its time; that may be still to come. */
  freeSince: number
  /** Transactions that its application waits for, and lists of devices. */
  transactions: number
  lists: number
  /** What it has heard since its BeginTransaction. */
  isRejected: boolean
  hasEnded: boolean
  /** Since when it could ask for the lock again. */
  wokenAt: number | undefined
  /** When it has to ask for the lock again, whatever it has heard. */
  patientUntil: number | undefined
  /** Since when it waits for a connection that it has dialled. */
  dialledAt: number | undefined
}

class Patience implements Oracle {
  readonly #report: Report
  readonly #knowsAll: boolean
  readonly #diskTime: number
  readonly #chats: ChatBacklog
  readonly #devices = new Map<string, Device>()

  constructor(report: Report, schedule: Schedule) {
    this.#report = report
    this.#knowsAll = schedule.operations.length > 0
    this.#diskTime = diskTimeOf(schedule.conditions)
    this.#chats = new ChatBacklog(schedule.conditions)
  }

  readonly see = only(
    [...backlogKinds, "DeviceSent", "Handling", "Handled", "Asked", "Answered", "Dialed", "DialFailed", "DeviceLost"],
    (event) => {
      this.#chats.see(event)
      switch (event._tag) {
        case "DeviceSent": {
          const device = this.#device(event.device)
          if (device.connection !== event.connection) return
          this.#check(device, event.at)
          const { frame } = event
          if (frame?._tag === "GetDevicesInfo") this.#probed(device, event.at)
          if (event.at !== device.wroteAt) device.wroteBefore = device.wroteAt
          device.wroteAt = event.at
          if (frame?._tag === "Reflect") {
            if (!isEphemeral(frame.flags)) device.written.set(frame.reflectId, event.at)
          } else if (frame?._tag === "BeginTransaction") forgetLock(device)
          return
        }
        case "DeviceReceived": {
          const device = this.#device(event.device)
          if (device.connection === event.connection && event.frame !== undefined) {
            this.#received(device, event.frame, event.at)
          }
          return
        }
        case "Handling":
          this.#device(event.device).busySince = event.at
          return
        case "Handled": {
          const device = this.#device(event.device)
          if (device.busySince !== event.at) device.freeSince = Math.max(device.freeSince, event.at)
          device.busySince = undefined
          return
        }
        case "Asked":
          if (event.operation._tag === "Transaction") this.#device(event.device).transactions++
          else if (event.operation._tag === "ListDevices") this.#device(event.device).lists++
          return
        case "Answered": {
          if (event.operation._tag === "ListDevices") this.#device(event.device).lists--
          if (event.operation._tag !== "Transaction") return
          const device = this.#device(event.device)
          device.transactions--
          device.wokenAt = device.patientUntil = undefined
          return
        }
        case "Dialed":
          this.#device(event.device).dialledAt = event.at
          return
        case "DialFailed":
          return this.#dialled(this.#device(event.device), event.at)
        case "Opened": {
          const device = this.#device(event.device)
          this.#dialled(device, event.at)
          device.connection = event.connection
          device.isLive = false
          device.written = new Map()
          return forgetLock(device)
        }
        case "DeviceLost":
        case "DeviceClosed": {
          const device = this.#device(event.device)
          if (device.connection !== event.connection) return
          this.#check(device, event.at)
          device.connection = undefined
          device.isLive = false
          return
        }
        case "Machine":
          return event.device === mediatorName
            ? undefined
            : this.#machine(this.#device(event.device), event.change, event.at)
      }
    }
  )

  #device(name: string): Device {
    const known = this.#devices.get(name)
    if (known !== undefined) return known
    const device: Device = {
      name,
      connection: undefined,
      isLive: false,
      isPaused: false,
      wroteAt: Infinity,
      wroteBefore: Infinity,
      written: new Map(),
      busySince: undefined,
      freeSince: 0,
      transactions: 0,
      lists: 0,
      isRejected: false,
      hasEnded: false,
      wokenAt: undefined,
      patientUntil: undefined,
      dialledAt: undefined
    }
    this.#devices.set(name, device)
    return device
  }

  #freeSince({ freeSince, name }: Device): number {
    return Math.max(freeSince, this.#chats.freeSince(name))
  }

  #received(device: Device, frame: ServerFrame, at: number): void {
    switch (frame._tag) {
      case "ReflectAck":
        if (device.written.delete(frame.reflectId)) this.#check(device, at)
        return
      case "Reflected":
        if (this.#diskTime > 0) device.freeSince = Math.max(device.freeSince, at) + this.#diskTime
        return
      case "ServerInfo":
        device.isLive = true
        return
      case "TransactionRejected":
        device.isRejected = true
        if (device.transactions > 0) device.patientUntil = at + lockPatience
        break
      case "TransactionEnded":
        device.hasEnded = true
        break
      default:
        return
    }
    if (device.isRejected && device.hasEnded && device.transactions > 0) device.wokenAt ??= at
  }

  #machine(device: Device, change: string, at: number): void {
    if (change === "Paused") {
      this.#check(device, at)
      device.isPaused = true
    } else if (change === "Resumed") {
      device.isPaused = false
      device.freeSince = Math.max(device.freeSince, at)
      if (device.wokenAt !== undefined) device.wokenAt = at
      if (device.dialledAt !== undefined) device.dialledAt = at
    } else this.#devices.delete(device.name)
  }

  /** A dial has come to its end. */
  #dialled(device: Device, at: number): void {
    const { dialledAt } = device
    device.dialledAt = undefined
    if (dialledAt === undefined || at - dialledAt <= longestDial) return
    this.#say(device, "a dial that is not answered is given up", at - dialledAt, "another dial, 10 s after the first")
  }

  /** Nobody has asked for what it wants to know: what programs ask for is not seen. */
  #probed(device: Device, at: number): void {
    // What it writes at the same instant may come between the end of the silence and its probe; and so may a pause.
    const silent = at - (device.wroteAt === at ? device.wroteBefore : device.wroteAt)
    if (!this.#knowsAll || device.lists > 0 || silent >= shortestSilence || this.#freeSince(device) === at) return
    this.#say(device, "only an idle connection is probed", silent, "20 s without a frame before a probe")
  }

  #check(device: Device, at: number): void {
    // With the chat handler all stands still; the other one holds up no more than messages.
    if (!device.isLive || device.isPaused || this.#chats.heldSince(device.name) !== undefined) return
    const asleep = device.wokenAt === undefined ? 0 : at - Math.max(device.wokenAt, this.#chats.freeSince(device.name))
    if (asleep > longestWakeUp) {
      this.#say(
        device,
        "who was rejected asks again when the transaction has ended",
        asleep,
        "BeginTransaction at once"
      )
    }
    const freeSince = this.#freeSince(device)
    if (device.busySince !== undefined && device.busySince !== at) return
    if (device.patientUntil !== undefined) {
      const overdue = at - Math.max(device.patientUntil, freeSince)
      if (overdue > longestWakeUp) {
        this.#say(
          device,
          "who was rejected asks again, though no end of a transaction comes",
          lockPatience + overdue,
          "BeginTransaction after 65 s"
        )
      }
    }
    const since = Math.max(device.wroteAt, freeSince)
    if (at - since > longestWait) {
      this.#say(device, "an idle connection is probed", at - since, "a frame 20 s after the one before")
    }
    for (const writtenAt of device.written.values()) {
      const asked = Math.max(writtenAt, freeSince)
      if (at - asked > longestWait) {
        this.#say(
          device,
          "an answer that does not come ends the connection",
          at - asked,
          "an ack, or the end, after 30 s"
        )
      }
      // Those behind it have waited less.
      return
    }
  }

  #say(device: Device, rule: string, millis: number, expected: string): void {
    this.#report({ rule, device: device.name, found: `${Math.round(millis)} ms`, expected })
  }
}

const forgetLock = (device: Device): void => {
  device.isRejected = device.hasEnded = false
  device.wokenAt = device.patientUntil = undefined
}

/**
 * Judges for how long devices wait.
 *
 * @category oracles
 * @since 0.1.0
 */
export const patience: OracleMaker = {
  name: "patience",
  make: (report, schedule) => new Patience(report, schedule)
}
