/**
 * What a device sends, and what it says is pending.
 *
 * Owns the rules about the order of the handshake, reflects and their ids, transactions, and sending again (decisions 7, 12,
 * 13, 22, 23): ClientHello first and the rest after ServerInfo; between Begin and Commit nothing but the transaction's own
 * reflects, each once and never again; what was not acked first and in its order on the next connection, with new ids and
 * nonces; ephemerals once, and on the connection that they were said on; who was told that nothing of a transaction was
 * committed has not written its Commit; and a promise has the time of its ack (decision 11).
 *
 * It opens each box once, with the group's key, to tell one message from another. What it had read last when it closed, or was
 * paused, it may not have taken in (see `LastRead`); and nothing counts behind what it cannot read.
 *
 * @since 0.1.0
 */
import { type ClientFrame, isEphemeral, type ServerFrame } from "@d2m/codec"
import { mediatorName } from "../../Names.ts"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { only, type Answer, type WorldEvent } from "../../WorldEvent.ts"
import { type BoxOpener, boxOpener, type ReflectFrame } from "../Boxes.ts"
import { nonceOf } from "../Envelopes.ts"
import { Specs } from "../Specs.ts"
import { backlogKinds, ChatBacklog } from "./ChatBacklog.ts"
import { noteRead, mayBeUntaken } from "./LastRead.ts"
import { type Device, type Line, makeDevice, makeLine, type Origin } from "./OutgoingTrack.ts"

class Outgoing implements Oracle {
  readonly #report: Report
  readonly #specs: Specs
  readonly #open: BoxOpener
  readonly #knowsAll: boolean
  readonly #chats: ChatBacklog
  readonly #devices = new Map<string, Device>()
  readonly #origins = new Map<number, Origin>()
  readonly #nonces = new Set<number>()
  /** Messages that are sent once and never again. */
  readonly #once = new Set<number>()
  /** Transactions whose Commit was written. */
  readonly #committed = new Set<number>()

  constructor(report: Report, schedule: Schedule) {
    this.#report = report
    this.#knowsAll = schedule.operations.length > 0
    this.#chats = new ChatBacklog(schedule.conditions)
    this.#specs = new Specs(schedule)
    this.#open = boxOpener(schedule, this.#specs)
  }

  readonly see = only([...backlogKinds, "DeviceSent", "Asked", "Answered", "Happened"], (event) => {
    this.#chats.see(event)
    switch (event._tag) {
      case "DeviceSent": {
        const device = this.#device(event.device)
        if (device.line?.connection === event.connection) this.#sent(device, device.line, event.frame)
        return
      }
      case "DeviceReceived": {
        const device = this.#device(event.device)
        if (device.line?.connection === event.connection) this.#received(device, device.line, event.frame, event.at)
        return
      }
      case "Opened":
        return this.#opened(this.#device(event.device), event.connection)
      case "DeviceClosed":
        return this.#interrupted(this.#device(event.device), event.at)
      case "Happened":
        // It may end a connection that the network has ended before, and so has nothing to close.
        if (event.event._tag === "Disconnected") this.#interrupted(this.#device(event.device), event.at)
        return
      case "Asked":
        return this.#asked(event)
      case "Answered":
        return this.#answered(event)
      case "StateChanged":
        if ("pendingReflects" in event.state) {
          this.#told(this.#device(event.device), event.state.pendingReflects, event.at)
        }
        return
      case "Machine":
        if (event.device === mediatorName) return
        this.#specs.see(event)
        if (event.change === "Paused") this.#interrupted(this.#device(event.device), event.at)
        else if (event.change === "Resumed") this.#device(event.device).resumedAt = event.at
        else if (event.change === "Stopped") this.#device(event.device).isStopping = true
        // Whoever starts again owes nothing of what it was asked before.
        else this.#devices.delete(event.device)
        return
    }
  })

  #device(name: string): Device {
    const known = this.#devices.get(name)
    if (known !== undefined) return known
    const device = makeDevice(name)
    this.#devices.set(name, device)
    return device
  }

  #say(device: Device, rule: string, found: string, expected: string): void {
    this.#report({ rule, device: device.name, found, expected })
  }

  #opened(device: Device, connection: number): void {
    for (const id of device.said) device.missed.add(id)
    device.said.clear()
    device.line = makeLine(device, connection)
  }

  /** Something ended or stopped what the device was about. */
  #interrupted(device: Device, at: number): void {
    if (mayBeUntaken(device.lastRead, at)) for (const id of device.fresh) device.doubtful.add(id)
  }

  #asked({ call, device, firstMessage, operation }: Extract<WorldEvent, { readonly _tag: "Asked" }>): void {
    const { _tag: kind } = operation
    if (kind !== "Reflect" && kind !== "Ephemeral" && kind !== "Transaction") return
    const count = kind === "Ephemeral" ? 1 : operation.count
    if (kind === "Reflect") this.#device(device).outstanding += count
    const origin: Origin = { call, kind }
    for (let at = 0; at < count; at++) this.#origins.set(firstMessage + at, origin)
  }

  #answered({
    answer,
    call,
    device: name,
    firstMessage,
    operation
  }: Extract<WorldEvent, { readonly _tag: "Answered" }>): void {
    if (operation._tag === "Ephemeral" && answer._tag === "Done" && !this.#once.has(firstMessage)) {
      this.#device(name).said.add(firstMessage)
    }
    if (answer._tag === "Failed" && answer.committed === "no" && this.#committed.has(call)) {
      this.#say(
        this.#device(name),
        "a transaction whose Commit was written is not told to be lost for certain",
        "TransactionLost, committed: no",
        "committed: unknown"
      )
    }
    if (operation._tag === "Reflect" || operation._tag === "Transaction") {
      this.#promised(this.#device(name), firstMessage, operation.count, answer)
    }
    if (operation._tag !== "Reflect" || answer._tag === "Done") return
    // Given up: it is neither pending nor sent again.
    const device = this.#device(name)
    for (let id = firstMessage; id < firstMessage + operation.count; id++) {
      if (device.acked.has(id)) continue
      device.outstanding--
      device.owed.delete(id)
    }
  }

  /** Of several acks of one message, the device may have taken in any. */
  #promised(device: Device, first: number, count: number, answer: Answer): void {
    const acks = Array.from({ length: count }, (_, at) => device.ackedAt.get(first + at) ?? [])
    for (let at = 0; at < count; at++) device.ackedAt.delete(first + at)
    if (answer._tag !== "Done") return
    const { timestamps } = answer
    if (timestamps.length === count && timestamps.every((time, at) => acks[at]!.includes(time))) return
    this.#say(
      device,
      "a reflect resolves with the time of its ack",
      timestamps.join(", "),
      acks.map((times) => (times.length === 0 ? "no ack" : times.join(" or "))).join(", ")
    )
  }

  #told(device: Device, pending: number, at: number): void {
    const unread = mayBeUntaken(device.lastRead, at) || device.resumedAt === at ? device.fresh.length : 0
    const most = device.outstanding + device.doubtful.size + unread
    const least = device.owed.size
    if (!this.#knowsAll || device.isStopping || (pending >= least && pending <= most)) return
    this.#say(
      device,
      "pendingReflects is what was asked for and not acked",
      String(pending),
      least === most ? String(least) : `${least} to ${most}`
    )
  }

  #received(device: Device, line: Line, frame: ServerFrame | undefined, at: number): void {
    if (noteRead(device.lastRead, frame, at, this.#chats.heldSince(device.name) !== undefined)) device.fresh = []
    if (frame === undefined) line.isBroken = true
    if (line.isBroken || frame === undefined) return
    switch (frame._tag) {
      case "ServerHello":
        line.isGreeted = true
        return
      case "ServerInfo":
        line.isLive = true
        return
      case "BeginTransactionAck":
        if (line.lock !== undefined) line.lock.isHeld = true
        return
      case "TransactionRejected":
        line.lock = undefined
        return
      case "ReflectAck": {
        const written = line.written.get(frame.reflectId)
        line.written.delete(frame.reflectId)
        if (written?.id === undefined || written.kind === undefined) return
        const times = device.ackedAt.get(written.id) ?? []
        device.ackedAt.set(written.id, [...times, Number(frame.timestamp)])
        if (written.kind !== "Reflect") return
        device.fresh.push(written.id)
        device.owed.delete(written.id)
        if (device.acked.has(written.id)) return
        device.acked.add(written.id)
        device.outstanding--
        return
      }
      default:
    }
  }

  #sent(device: Device, line: Line, frame: ClientFrame | undefined): void {
    if (frame?._tag === "Proxy") return
    const isInOrder =
      frame?._tag === "ClientHello" ? line.isGreeted && !line.hasSaidHello : frame !== undefined && line.isLive
    if (!isInOrder) {
      return this.#say(
        device,
        "a device sends one ClientHello after ServerHello, and the rest after ServerInfo",
        frame?._tag ?? "something that is no frame",
        line.isLive ? "a frame of a session" : line.hasSaidHello ? "nothing yet" : "ClientHello"
      )
    }
    switch (frame?._tag) {
      case "ClientHello":
        line.hasSaidHello = true
        return
      case "Reflect":
        return this.#reflectSent(device, line, frame)
      case "BeginTransaction":
        if (line.lock !== undefined) {
          this.#say(device, "transactions do not nest", "BeginTransaction in a transaction", "CommitTransaction first")
        }
        line.lock = { isHeld: false, call: undefined }
        return
      case "CommitTransaction":
        return this.#commitSent(device, line)
      default:
    }
  }

  #commitSent(device: Device, line: Line): void {
    const isAcked = ![...line.written.values()].some(({ kind }) => kind === "Transaction")
    if (line.lock?.isHeld !== true || !isAcked) {
      this.#say(
        device,
        "a commit follows its grant and the acks of all that was reflected",
        isAcked ? "CommitTransaction without a lock" : "CommitTransaction before an ack",
        "the acks first"
      )
    }
    if (line.lock?.call !== undefined) this.#committed.add(line.lock.call)
    line.lock = undefined
  }

  #reflectSent(device: Device, line: Line, frame: ReflectFrame): void {
    const nonce = nonceOf(frame.envelope)
    if (this.#nonces.has(nonce)) {
      this.#say(device, "a nonce is used once", `reflect ${frame.reflectId} with a nonce from before`, "a fresh nonce")
    }
    this.#nonces.add(nonce)
    if (line.written.has(frame.reflectId) || line.earlierIds.has(frame.reflectId)) {
      this.#say(
        device,
        "a reflect-id tells a reflect from all others that have no ack",
        `reflect-id ${frame.reflectId} again`,
        "a new id"
      )
    }
    const id = this.#open(device.name, frame)
    if (id === "Nothing") {
      return this.#say(
        device,
        "a device reflects what its group can open",
        `a box of ${frame.envelope.length} bytes that does not open`,
        "an envelope in a box"
      )
    }
    const origin = id === undefined ? undefined : this.#origins.get(id)
    if (!isEphemeral(frame.flags)) line.written.set(frame.reflectId, { id, kind: origin?.kind })
    // What a program reflects by itself has no number.
    if (id === undefined || origin === undefined) return
    if (origin.kind === "Transaction") return this.#transactionalSent(device, line, id, origin.call)
    if (line.lock !== undefined) {
      this.#say(
        device,
        "nothing but its own reflects is written in a transaction",
        `message ${id}`,
        "nothing of others between Begin and Commit"
      )
    }
    if (origin.kind === "Ephemeral") this.#ephemeralSent(device, id)
    else this.#orderly(device, line, id)
  }

  #transactionalSent(device: Device, line: Line, id: number, call: number): void {
    const { lock } = line
    if (lock?.isHeld !== true || (lock.call !== undefined && lock.call !== call)) {
      this.#say(
        device,
        "a transaction reflects under its own lock",
        `message ${id}`,
        lock === undefined ? "BeginTransaction first" : "BeginTransactionAck of the same transaction first"
      )
    } else lock.call = call
    this.#sentOnce(device, id, "what a transaction reflects is never sent again")
  }

  #ephemeralSent(device: Device, id: number): void {
    device.said.delete(id)
    if (device.missed.has(id)) {
      this.#say(device, "an ephemeral is not kept for another connection", `message ${id}`, "nothing from before it")
    }
    this.#sentOnce(device, id, "an ephemeral is never sent again")
  }

  #sentOnce(device: Device, id: number, rule: string): void {
    if (this.#once.has(id)) this.#say(device, rule, `message ${id} again`, "once")
    this.#once.add(id)
  }

  /** What has no ack comes first and in its order, and nothing twice. */
  #orderly(device: Device, line: Line, id: number): void {
    const { again } = line
    while (line.next < again.length && !device.owed.has(again[line.next]!)) line.next++
    const expected = again[line.next]
    if (expected === id) line.next++
    else if (!device.doubtful.has(id)) {
      if (expected !== undefined) {
        this.#say(
          device,
          "un-acked reflects are sent again first, in their order",
          `message ${id}`,
          `message ${expected}`
        )
      }
      if (device.acked.has(id) || line.sent.has(id)) {
        this.#say(
          device,
          "a reflect is sent once on a connection, and never after its ack",
          `message ${id} again`,
          "once"
        )
      }
    }
    line.sent.add(id)
    device.owed.add(id)
    if (!device.places.has(id)) device.places.set(id, device.places.size)
    if (!device.acked.delete(id)) return
    // It had an ack that was not taken in.
    device.doubtful.delete(id)
    device.outstanding++
  }
}

/**
 * The rules of a device that sends.
 *
 * @category oracles
 * @since 0.1.0
 */
export const outgoing: OracleMaker = {
  name: "outgoing",
  make: (report, schedule) => new Outgoing(report, schedule)
}
