/**
 * From one application to the others: what was promised is seen, what was lost is not.
 *
 * Owns the rules that a user of the protocol cares for (decisions 11, 12, 22), judged by message ids and without a look at
 * what the mediator makes of them: a reflect that an application was told of, and a transaction that it was told to be committed,
 * reach the application of every device that had its slot all the time since; nothing of a transaction that was not
 * committed is ever seen.
 *
 * A slot that may have been dropped, or may have expired, is owed nothing from before the next ServerInfo, whatever that
 * says: a registration whose own ServerInfo was lost lies between perhaps. What such slots get is judged at the mediator. A
 * twin has the same slot as its device, and is owed nothing if it has found that itself. What a mediator that misbehaves has
 * altered does not open any more: who keeps that in quarantine, under the nonce of a message, is not owed it.
 *
 * @since 0.1.0
 */
import type { ReflectedMessage } from "@d2m/client"
import { type ClientFrame, CloseCode, DeviceSlotsExhaustedPolicy, DeviceSlotState } from "@d2m/codec"
import { ownerOf } from "../Names.ts"
import type { Oracle, OracleMaker, Report } from "../Oracle.ts"
import { type DeviceSpec, largestGroup, type Schedule } from "../Schedule.ts"
import { messageIdOf } from "../Application.ts"
import { only, type Answer, type WorldEvent } from "../WorldEvent.ts"
import { type BoxOpener, boxOpener, type ReflectFrame } from "./Boxes.ts"
import { nonceOf } from "./Envelopes.ts"
import { type Numbers, numbersOf } from "./mediator/Model.ts"
import { Specs } from "./Specs.ts"

/** How often a handler is tried before a message is set aside (decision 20). */
const tries = 3

interface Slot {
  readonly name: string
  readonly group: number
  /** Whether it may go away while no device is connected. */
  readonly isFleeting: boolean
  /** Since when it has been there for certain, in ms; `Infinity` while it may not be. */
  since: number
  readonly owed: Set<number>
  readonly seen: Set<number>
  readonly handled: Set<number>
  readonly failures: Map<number, number>
}

const doubt = (slot: Slot): void => {
  slot.since = Infinity
  slot.owed.clear()
}

class Delivery implements Oracle {
  readonly #report: Report
  readonly #slots = new Map<string, Slot>()
  readonly #askedAt = new Map<number, number>()
  /** Messages of transactions that were not committed. */
  readonly #refused = new Set<number>()
  readonly #numbers: Numbers
  readonly #mayOverflow: boolean
  #evicts = false
  /** Devices that may take anybody's place, and have not been told yet what became of that. */
  readonly #newcomers = new Set<string>()
  readonly #specs: Specs
  readonly #open: BoxOpener
  /** The messages that boxes were sealed for, by nonce. */
  readonly #boxes = new Map<number, number>()

  constructor(report: Report, schedule: Schedule) {
    const { conditions, devices } = schedule
    this.#report = report
    this.#specs = new Specs(schedule)
    this.#open = boxOpener(schedule, this.#specs)
    this.#numbers = numbersOf(conditions)
    const { queueBytes, queueMessages } = conditions.mediator
    this.#mayOverflow = queueMessages !== undefined || queueBytes !== undefined
    this.#takePart(devices)
  }

  readonly see = only(
    [
      "DeviceSent",
      "MediatorReceived",
      "MediatorSent",
      "MediatorClosed",
      "MediatorLost",
      "Machine",
      "Asked",
      "Answered",
      "Handling",
      "Handled",
      "Kept"
    ],
    (event) => {
      switch (event._tag) {
        case "DeviceSent":
          if (event.frame?._tag === "Reflect") this.#sealed(event.device, event.frame)
          return
        case "MediatorReceived":
          if (this.#evicts && event.frame?._tag === "ClientHello") this.#newcomer(event.device, event.frame)
          return
        case "MediatorSent":
          if (event.frame?._tag === "ServerInfo") {
            this.#registered(event.device, event.at, event.frame.deviceSlotState === DeviceSlotState.NEW)
          }
          return
        case "MediatorClosed":
          this.#seen(event.device)
          if (event.code === CloseCode.Dropped || event.code === CloseCode.QueueLimit) return this.#doubt(event.device)
          return this.#absent(event.device)
        case "MediatorLost":
          this.#seen(event.device)
          return this.#absent(event.device)
        case "Machine":
          this.#specs.see(event)
          if (event.spec !== undefined && !this.#slots.has(ownerOf(event.device))) this.#takePart([event.spec])
          // No connection outlives its mediator.
          if (event.change === "Crashed") for (const { name } of this.#slots.values()) this.#absent(name)
          return
        case "Asked":
          if (event.operation._tag === "Drop") this.#doubt(event.operation.target)
          if (event.firstMessage > 0) this.#askedAt.set(event.call, event.at)
          return
        case "Answered":
          return this.#answered(event)
        case "Handling":
          return this.#handling(event.device, event.messages)
        case "Handled":
          return this.#handled(event.device, event.messages, event.outcome)
        case "Kept":
          if (event.reason === "Undecryptable") this.#unopened(event.device, nonceOf(event.envelope))
          return
      }
    }
  )

  readonly owes = (): string | undefined => {
    for (const { name, owed } of this.#slots.values()) {
      if (owed.size === 0) continue
      const [first] = owed
      return `${name} has not seen message ${first}`
    }
    return undefined
  }

  #takePart(specs: ReadonlyArray<DeviceSpec>): void {
    for (const { expiration, group, name } of specs) {
      this.#slots.set(name, {
        name,
        group,
        isFleeting: expiration === "Volatile" || this.#mayOverflow,
        since: Infinity,
        owed: new Set(),
        seen: new Set(),
        handled: new Set(),
        failures: new Map()
      })
    }
    this.#evicts = this.#numbers.maxDeviceSlots < largestGroup([...this.#slots.values()])
  }

  #registered(device: string, at: number, isNew: boolean): void {
    const slot = this.#slots.get(ownerOf(device))
    if (slot === undefined) return
    this.#seen(device)
    if (isNew) doubt(slot)
    // A twin that finds a new slot may leave it to a device that has been put out of the group, and stays away.
    if (slot.since === Infinity && device === slot.name) slot.since = at
  }

  /** Whoever registers where there may be no slot left may take anybody's place, whether it is told of its own or not. */
  #newcomer(device: string, hello: Extract<ClientFrame, { readonly _tag: "ClientHello" }>): void {
    const isNew = hello.expectedDeviceSlotState === DeviceSlotState.NEW
    if (!isNew || hello.deviceSlotsExhaustedPolicy !== DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT) return
    this.#newcomers.add(device)
    this.#oust(device)
  }

  /** It takes the mediator time to register a newcomer: who has found a slot since may have lost it again. */
  #seen(device: string): void {
    if (this.#newcomers.delete(device)) this.#oust(device)
  }

  #oust(device: string): void {
    const own = this.#slots.get(ownerOf(device))
    for (const slot of this.#slots.values()) if (slot !== own && slot.group === own?.group) doubt(slot)
  }

  #doubt(device: string): void {
    const slot = this.#slots.get(ownerOf(device))
    if (slot !== undefined) doubt(slot)
  }

  #absent(device: string): void {
    const slot = this.#slots.get(ownerOf(device))
    if (slot?.isFleeting === true) doubt(slot)
  }

  #answered({
    answer,
    call,
    device,
    firstMessage,
    operation
  }: Extract<WorldEvent, { readonly _tag: "Answered" }>): void {
    const askedAt = this.#askedAt.get(call)
    this.#askedAt.delete(call)
    if (askedAt === undefined || (operation._tag !== "Reflect" && operation._tag !== "Transaction")) return
    const end = firstMessage + operation.count
    if (answer._tag === "Done") return this.#promised(device, firstMessage, end, askedAt)
    if (operation._tag === "Transaction" && wasNotCommitted(answer)) this.#refuse(device, firstMessage, end)
  }

  #promised(device: string, from: number, end: number, askedAt: number): void {
    const sender = this.#slots.get(ownerOf(device))
    for (const slot of this.#slots.values()) {
      if (slot === sender || slot.group !== sender?.group || slot.since >= askedAt) continue
      for (let id = from; id < end; id++) if (!slot.handled.has(id)) slot.owed.add(id)
    }
  }

  #sealed(device: string, frame: ReflectFrame): void {
    const id = this.#open(device, frame)
    if (typeof id === "number") this.#boxes.set(nonceOf(frame.envelope), id)
  }

  #unopened(device: string, nonce: number): void {
    const slot = this.#slots.get(ownerOf(device))
    const id = this.#boxes.get(nonce)
    if (slot === undefined || id === undefined) return
    slot.handled.add(id)
    slot.owed.delete(id)
  }

  #refuse(device: string, from: number, end: number): void {
    for (let id = from; id < end; id++) {
      this.#refused.add(id)
      for (const slot of this.#slots.values()) if (slot.seen.has(id)) this.#ghost(slot.name, id, device)
    }
  }

  #ghost(device: string, id: number, sender?: string): void {
    this.#report({
      rule: "nothing of a transaction that was not committed is ever seen",
      device,
      found: `message ${id}${sender === undefined ? "" : ` of ${sender}`}`,
      expected: "nothing of it"
    })
  }

  #handling(device: string, messages: ReadonlyArray<ReflectedMessage>): void {
    const slot = this.#slots.get(ownerOf(device))
    for (const { content } of messages) {
      const id = messageIdOf(content)
      if (id === undefined) continue
      slot?.seen.add(id)
      if (this.#refused.has(id)) this.#ghost(device, id)
    }
  }

  #handled(device: string, messages: ReadonlyArray<ReflectedMessage>, outcome: string): void {
    const slot = this.#slots.get(ownerOf(device))
    if (slot === undefined || outcome === "Interrupted") return
    for (const { content } of messages) {
      const id = messageIdOf(content)
      if (id === undefined) continue
      if (outcome === "Done") {
        slot.handled.add(id)
        slot.owed.delete(id)
        continue
      }
      const failures = (slot.failures.get(id) ?? 0) + 1
      slot.failures.set(id, failures)
      // Set aside in plain sight: that is all a device can do with what its application will not take.
      if (failures < tries) continue
      slot.handled.add(id)
      slot.owed.delete(id)
    }
  }
}

/** Whether an application was told for certain that nothing of its transaction will be seen. */
const wasNotCommitted = (answer: Extract<Answer, { readonly _tag: "Failed" }>): boolean =>
  answer.error === "BodyFailed" || answer.error === "PreconditionFailed" || answer.committed === "no"

/**
 * From one application to the others.
 *
 * @category oracles
 * @since 0.1.0
 */
export const delivery: OracleMaker = {
  name: "delivery",
  make: (report, schedule) => new Delivery(report, schedule)
}
