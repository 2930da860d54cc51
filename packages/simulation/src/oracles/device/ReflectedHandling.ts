/**
 * What a device does with the messages that it gets.
 *
 * Owns the rules between a reflected frame, the handler and the ack (decisions 10, 20, 21, 23): handled in the order in
 * which they came, one batch at a time, by the name of their sender and as what they came; tried three times at most each time
 * they came; acked after that, once for each time they came, and on the connection they came on; ephemerals never; what was
 * acked or set aside is not handled again unless the application asks for it; and what is told to be set aside is kept.
 *
 * What a device of the group has sealed and nobody can read is never handled: it is set aside, and that is told before it is
 * acked. It is known by what its sender has written, whose box it is no more though it opens.
 *
 * A message counts as set aside when it failed as often as the handler is tried, or does not open, and the device says that it
 * keeps it; a device that died before it could say so may have done it. What a device without its storage has forgotten may be
 * handled again, and what its twin has handled may be acked by either.
 *
 * @since 0.1.0
 */
import type { DeviceEvent, ReflectedMessage } from "@d2m/client"
import { type ClientFrame, isEphemeral, type ServerFrame } from "@d2m/codec"
import { mediatorName, ownerOf } from "../../Names.ts"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { only, type BatchPlace, type WorldEvent } from "../../WorldEvent.ts"
import { opensFor } from "../Boxes.ts"
import { nonceOf, printOf } from "../Envelopes.ts"
import { Specs } from "../Specs.ts"

/** How often a handler is tried before a message is set aside (decision 20). */
const tries = 3

/** What became of a message on one storage. */
interface Fate {
  failures: number
  isHandled: boolean
  /** Whether the device said so after it had failed for good, or died before it could. */
  isSetAside: "No" | "Perhaps" | "Yes"
  isAcked: boolean
}

/** One message as a device got it in one life. */
interface Receipt {
  readonly nonce: number
  readonly print: number
  readonly timestamp: bigint
  readonly ephemeral: boolean
  /** Whether it opens, and is not what its sender has written. */
  readonly isGarbled: boolean
  /** How many messages the device had got when it came first, and when it came last. */
  readonly first: number
  last: number
  hasBeenHandled: boolean
  /** How often the handler has failed on it since it came last. */
  failures: number
  /** The same id was used before, by another registration. */
  readonly before: Receipt | undefined
}

/** What came on a connection under one id, how often, and how often it was acked. */
interface Entry {
  receipt: Receipt
  times: number
  acks: number
}

interface Line {
  readonly entries: Map<number, Entry>
  /** Messages that came and were not acked, each time it did. */
  unacked: number
  isOpen: boolean
}

interface Device {
  readonly name: string
  fates: Map<number, Fate>
  /** Messages that are set aside because they do not open. The same may come again as it was, and be handled. */
  unopened: Set<number>
  /** Messages that its disk keeps and that it has not said so of in this life. */
  untold: Set<number>
  /** Of the device whose storage a twin was given a copy of, and what became of messages on that. */
  readonly original: Device | undefined
  readonly inherited: Map<number, Fate> | undefined
  receipts: Map<number, Receipt>
  /** What its disk was seen to keep in this life. */
  kept: Map<number, { readonly reflectedId: number; readonly nonce: number; readonly envelope: Uint8Array }>
  received: number
  /** The latest message that was handled for the first time, as it had come by then: it may come once more. */
  handled: Pick<Receipt, "first" | "last"> | undefined
  isHandling: boolean
  isOn: boolean
  line: Line | undefined
}

type Quarantined = Extract<DeviceEvent, { readonly _tag: "Quarantined" }>
type Handled = Extract<WorldEvent, { readonly _tag: "Handled" }>

class ReflectedHandling implements Oracle {
  readonly #report: Report
  readonly #devices = new Map<string, Device>()
  readonly #lines = new Map<number, Line>()
  /** The ids that devices have introduced themselves with, and who has sealed the box with a nonce. */
  readonly #ids = new Map<string, bigint>()
  readonly #senders = new Map<number, bigint>()
  /** What boxes were like when they were written, by nonce; only where some are garbled on their way. */
  #written: Map<number, number> | undefined
  readonly #specs: Specs
  readonly #opens: ReturnType<typeof opensFor>

  constructor(report: Report, schedule: Schedule) {
    this.#report = report
    this.#specs = new Specs(schedule)
    this.#opens = opensFor(schedule, this.#specs)
  }

  readonly see = only(
    [
      "DeviceReceived",
      "DeviceSent",
      "Handling",
      "Handled",
      "Happened",
      "Kept",
      "Opened",
      "DeviceLost",
      "DeviceClosed",
      "Machine",
      "Fault"
    ],
    (event) => {
      switch (event._tag) {
        case "DeviceReceived":
          return this.#received(event.device, event.connection, event.frame)
        case "DeviceSent":
          if (event.frame._tag === "ReflectedAck") this.#acked(event.device, event.connection, event.frame)
          else if (event.frame._tag === "ClientHello") this.#ids.set(event.device, event.frame.deviceId)
          else {
            const nonce = nonceOf(event.frame.envelope)
            this.#senders.set(nonce, this.#ids.get(event.device)!)
            this.#written?.set(nonce, printOf(event.frame.envelope))
          }
          return
        case "Handling":
          return this.#handling(this.#device(event.device), event)
        case "Handled":
          return this.#handled(this.#device(event.device), event)
        case "Happened":
          if (event.event._tag === "Quarantined") this.#quarantined(this.#device(event.device), event.event)
          return
        case "Kept":
          return this.#kept(this.#device(event.device), event)
        case "Fault":
          if (event.kind === "Garble") this.#written ??= new Map()
          return
        case "Opened": {
          const line: Line = { entries: new Map(), unacked: 0, isOpen: true }
          this.#lines.set(event.connection, line)
          this.#device(event.device).line = line
          return
        }
        case "DeviceLost":
        case "DeviceClosed": {
          const line = this.#lines.get(event.connection)
          if (line !== undefined) line.isOpen = false
          this.#lines.delete(event.connection)
          return
        }
        case "Machine":
          if (event.device === mediatorName) return
          this.#specs.see(event)
          this.#machine(this.#device(event.device), event)
          return
      }
    },
    { DeviceSent: ["ClientHello", "Reflect", "ReflectedAck"], DeviceReceived: ["Reflected"] }
  )

  readonly owes = (): string | undefined => {
    for (const { isOn, line, name } of this.#devices.values()) {
      if (isOn && line?.isOpen === true && line.unacked > 0) return `${name} has messages that it has not acked`
    }
    return undefined
  }

  #device(name: string): Device {
    const known = this.#devices.get(name)
    if (known !== undefined) return known
    const owner = ownerOf(name)
    const original = owner === name ? undefined : this.#device(owner)
    const device: Device = {
      name,
      fates: new Map(),
      unopened: new Set(original?.unopened),
      untold: new Set(),
      original,
      inherited: original?.fates,
      receipts: new Map(),
      kept: new Map(),
      received: 0,
      handled: undefined,
      isHandling: false,
      isOn: true,
      line: undefined
    }
    this.#devices.set(name, device)
    return device
  }

  #machine(device: Device, { change, withoutStorage }: Extract<WorldEvent, { readonly _tag: "Machine" }>): void {
    if (change === "Paused" || change === "Resumed") return
    device.isOn = change === "Started"
    // It goes on until it has stopped: what was handled by then is recorded and acked.
    if (change === "Stopped") return
    device.isHandling = false
    device.receipts = new Map()
    device.kept = new Map()
    device.untold = new Set()
    device.handled = undefined
    device.line = undefined
    if (withoutStorage === true) {
      device.fates = new Map()
      device.unopened = new Set()
    }
    for (const fate of device.fates.values()) {
      if (fate.failures >= tries && fate.isSetAside === "No") fate.isSetAside = "Perhaps"
    }
  }

  #received(name: string, connection: number, frame: Extract<ServerFrame, { readonly _tag: "Reflected" }>): void {
    const device = this.#device(name)
    const line = this.#lines.get(connection)
    const nonce = nonceOf(frame.envelope)
    const before = device.receipts.get(frame.reflectedId)
    const order = ++device.received
    const print = printOf(frame.envelope)
    // Of two with one nonce and other bytes, one was altered on its way: it is never handled, and the other is as if it had
    // come alone.
    const isKnown = before !== undefined && before.nonce === nonce
    const isAltered = isKnown && before.print !== print && !this.#opens(name, frame.envelope)
    const receipt: Receipt =
      isKnown && (isAltered || before.print === print)
        ? before
        : {
            nonce,
            print,
            timestamp: frame.timestamp,
            ephemeral: isEphemeral(frame.flags),
            isGarbled: this.#isGarbled(name, nonce, print, frame.envelope),
            first: order,
            last: order,
            hasBeenHandled: false,
            failures: 0,
            before
          }
    if (!isAltered) {
      receipt.last = order
      receipt.failures = 0
      device.receipts.set(frame.reflectedId, receipt)
    }
    if (line === undefined) return
    if (!receipt.ephemeral) line.unacked++
    const entry = line.entries.get(frame.reflectedId)
    if (entry === undefined) line.entries.set(frame.reflectedId, { receipt, times: 1, acks: 0 })
    else {
      entry.receipt = receipt
      entry.times++
    }
  }

  #acked(name: string, connection: number, frame: Extract<ClientFrame, { readonly _tag: "ReflectedAck" }>): void {
    const device = this.#device(name)
    const line = this.#lines.get(connection)
    const entry = line?.entries.get(frame.reflectedId)
    const say = (rule: string, expected: string) =>
      this.#report({ rule, device: name, found: `reflected-ack ${frame.reflectedId}`, expected })
    if (line === undefined || entry === undefined) {
      return say("a device acks only what it got on the same connection", "an id that came on it")
    }
    const { receipt } = entry
    if (receipt.ephemeral) return say("an ephemeral is never acked", "no ack")
    if (++entry.acks > entry.times) {
      return say("a message is acked once for each time it came", `${entry.times} acks`)
    }
    line.unacked--
    if (device.untold.delete(receipt.nonce)) {
      say("that a message is set aside is told before it is acked", "an event that says so, and then the ack")
    }
    // Of a message that came altered, too, nobody knows which of both the ack is for.
    if (device.unopened.has(receipt.nonce)) return
    const fate = device.fates.get(receipt.nonce)
    if (fate !== undefined && isDone(fate)) {
      fate.isAcked = true
      return
    }
    const elsewhere = [device.inherited?.get(receipt.nonce), device.original?.fates.get(receipt.nonce)]
    if (elsewhere.some((other) => other !== undefined && isDone(other))) return
    say("a message is acked after it was handled or set aside", "a handler that has succeeded, or failed for good")
  }

  #handling(device: Device, { isReplay, messages }: BatchPlace): void {
    const say = (rule: string, found: string, expected: string) =>
      this.#report({ rule, device: device.name, found, expected })
    if (device.isHandling) say("the handler gets one batch at a time", "a second batch", "an end of the first")
    device.isHandling = true
    if (isReplay) return
    for (const message of messages) {
      const receipt = this.#find(device, message)
      const name = `reflected ${message.reflectedId}`
      if (receipt === undefined) {
        say("the handler gets only what the device got", name, "a message that came")
        continue
      }
      if (receipt.isGarbled)
        say("the handler gets only what can be read", name, "quarantine, as there is no message in it")
      const sender = this.#senders.get(receipt.nonce) ?? message.sender
      if (message.sender !== sender || message.ephemeral !== receipt.ephemeral) {
        const words = (from: bigint, ephemeral: boolean) => `${name} of ${from}${ephemeral ? ", ephemeral" : ""}`
        say(
          "the handler is told who has sent a message, and as what",
          words(message.sender, message.ephemeral),
          words(sender, receipt.ephemeral)
        )
      }
      if (receipt.failures >= tries) {
        say(`a handler is tried ${tries} times at most`, `${name} after ${receipt.failures} failures`, "quarantine")
      }
      const fate = device.fates.get(receipt.nonce)
      if (fate?.isAcked === true) say("what was acked is not handled again", name, "no handling, as it was acked")
      if (fate?.isSetAside === "Yes") {
        say("what was set aside is not handled again", name, "no handling, as it is in quarantine")
      }
      if (receipt.hasBeenHandled) continue
      receipt.hasBeenHandled = true
      // What came before may have been passed over, or its connection given up before it was taken in: then it counts
      // from when it came again.
      const previous = device.handled
      if (previous !== undefined && receipt.first < previous.first && receipt.last < previous.last) {
        say("messages are handled in the order in which they came", name, "it before those that came later")
      }
      device.handled = { first: receipt.first, last: receipt.last }
    }
  }

  #handled(device: Device, { isReplay, messages, outcome }: Handled): void {
    device.isHandling = false
    if (isReplay || outcome === "Interrupted") return
    for (const message of messages) {
      const receipt = this.#find(device, message)
      if (receipt === undefined) continue
      let fate = device.fates.get(receipt.nonce)
      if (fate === undefined)
        device.fates.set(receipt.nonce, (fate = { failures: 0, isHandled: false, isSetAside: "No", isAcked: false }))
      if (outcome === "Done") {
        fate.isHandled = true
        continue
      }
      fate.failures++
      receipt.failures++
    }
  }

  #isGarbled(device: string, nonce: number, print: number, envelope: Uint8Array): boolean {
    const written = this.#written?.get(nonce)
    return written !== undefined && written !== print && this.#opens(device, envelope)
  }

  #kept(device: Device, { envelope, id, reason, reflectedId }: Extract<WorldEvent, { readonly _tag: "Kept" }>): void {
    const nonce = nonceOf(envelope)
    device.kept.set(id, { reflectedId, nonce, envelope })
    device.untold.add(nonce)
    if (reason !== "Malformed") return
    if (!this.#isGarbled(device.name, nonce, printOf(envelope), envelope)) {
      this.#report({
        rule: "what is set aside because it cannot be read cannot",
        device: device.name,
        found: `reflected ${reflectedId}, which is as it was written`,
        expected: "the handler"
      })
    }
    // Its nonce is recorded with it: it does not come to the handler any more, even if the device dies before it says so.
    device.fates.set(nonce, { failures: 0, isHandled: false, isSetAside: "Yes", isAcked: false })
  }

  #quarantined(device: Device, { id, reason, reflectedId }: Quarantined): void {
    const kept = device.kept.get(id)
    if (kept !== undefined) device.untold.delete(kept.nonce)
    let receipt = device.receipts.get(reflectedId)
    while (receipt !== undefined && receipt.nonce !== kept?.nonce) receipt = receipt.before
    // Of device infos and shared data, which are no messages, those are kept whose nonce was used before.
    const isAsItCame = receipt !== undefined || reason === "NonceReused"
    if (kept?.reflectedId !== reflectedId || !isAsItCame) {
      this.#report({
        rule: "what is told to be in quarantine is kept there",
        device: device.name,
        found: `reflected ${reflectedId} as ${id}`,
        expected: kept === undefined ? "nothing told, as nothing is kept" : `reflected ${kept.reflectedId}, as it came`
      })
    }
    if (receipt === undefined) return
    if (reason === "Undecryptable" && kept !== undefined) {
      if (this.#opens(device.name, kept.envelope)) {
        this.#report({
          rule: "what is set aside because it does not open does not",
          device: device.name,
          found: `reflected ${reflectedId}, which opens`,
          expected: "the handler"
        })
      }
      device.unopened.add(receipt.nonce)
    }
    const fate = device.fates.get(receipt.nonce)
    if (fate !== undefined && fate.failures >= tries) fate.isSetAside = "Yes"
  }

  #find(device: Device, { reflectedId, timestamp }: ReflectedMessage): Receipt | undefined {
    let receipt = device.receipts.get(reflectedId)
    while (receipt !== undefined && receipt.timestamp !== timestamp) receipt = receipt.before
    return receipt
  }
}

const isDone = (fate: Fate): boolean => fate.isHandled || fate.isSetAside !== "No" || fate.isAcked

/**
 * The rules of a device that gets messages.
 *
 * @category oracles
 * @since 0.1.0
 */
export const reflectedHandling: OracleMaker = {
  name: "handling",
  make: (report, schedule) => new ReflectedHandling(report, schedule)
}
