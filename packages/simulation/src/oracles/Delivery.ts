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
 * altered does not open any more, and what its sender has garbled cannot be read: who keeps that in quarantine, under the nonce of
 * a message, is not owed it.
 *
 * What programs reflect is judged alike, by what `ProgramMessages` knows it by. Of a program it is not known whether it starts
 * a device again that it has stopped: one that is off is asked for nothing.
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
import { ProgramMessages } from "./ProgramMessages.ts"
import { Specs } from "./Specs.ts"

/** How often a handler is tried before a message is set aside (decision 20). */
const tries = 3

/** What a message is known by: its number in a workload, and what `ProgramMessages` says in a program. */
type Id = number | string

interface Slot {
  readonly name: string
  readonly group: number
  /** Whether it may go away while no device is connected. */
  readonly isFleeting: boolean
  /** Since when it has been there for certain, in ms; `Infinity` while it may not be. */
  since: number
  isOff: boolean
  readonly owed: Set<Id>
  readonly seen: Set<Id>
  readonly handled: Set<Id>
  readonly failures: Map<Id, number>
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
  readonly #refused = new Set<Id>()
  /** Whether a program has asked for something. */
  #isProgram = false
  readonly #programs = new ProgramMessages()
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
      "ProgramAsked",
      "ProgramAnswered",
      "Handling",
      "Handled",
      "Kept"
    ],
    (event) => {
      switch (event._tag) {
        case "DeviceSent":
          return this.#sealed(event.device, event.frame)
        case "MediatorReceived":
          this.#programs.named(event.device, event.frame.deviceId)
          if (this.#evicts) this.#newcomer(event.device, event.frame)
          return
        case "MediatorSent":
          return this.#registered(event.device, event.at, event.frame.deviceSlotState === DeviceSlotState.NEW)
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
          this.#switched(event.device, event.change)
          // No connection outlives its mediator.
          if (event.change === "Crashed") for (const { name } of this.#slots.values()) this.#absent(name)
          return
        case "Asked":
          if (event.operation._tag === "Drop") this.#doubt(event.operation.target)
          if (event.firstMessage > 0) this.#askedAt.set(event.call, event.at)
          return
        case "Answered":
          return this.#answered(event)
        case "ProgramAsked":
          this.#isProgram = true
          if (event.ask._tag !== "Drop") this.#programs.asked(event)
          else for (const name of this.#programs.devicesOf(event.ask.deviceId)) this.#doubt(name)
          return
        case "ProgramAnswered": {
          const outcome = this.#programs.answered(event)
          if (outcome?.isPromised === true) this.#promised(event.device, outcome.ids, outcome.askedAt)
          else if (outcome !== undefined) this.#refuse(event.device, outcome.ids)
          return
        }
        case "Handling":
          return this.#handling(event.device, event.messages)
        case "Handled":
          return this.#handled(event.device, event.messages, event.outcome)
        case "Kept":
          if (event.reason === "Undecryptable" || event.reason === "Malformed")
            this.#unopened(event.device, nonceOf(event.envelope))
          return
      }
    },
    { DeviceSent: ["Reflect"], MediatorReceived: ["ClientHello"], MediatorSent: ["ServerInfo"] }
  )

  readonly owes = (): string | undefined => {
    for (const { isOff, name, owed } of this.#slots.values()) {
      if (owed.size === 0 || (isOff && this.#isProgram)) continue
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
        isOff: false,
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
    const ids = Array.from({ length: operation.count }, (_, at) => firstMessage + at)
    if (answer._tag === "Done") return this.#promised(device, ids, askedAt)
    if (operation._tag === "Transaction" && wasNotCommitted(answer)) this.#refuse(device, ids)
  }

  #switched(device: string, change: Extract<WorldEvent, { readonly _tag: "Machine" }>["change"]): void {
    const slot = this.#slots.get(device)
    if (slot === undefined) return
    if (change === "Started") slot.isOff = false
    else if (change === "Crashed" || change === "Stopped") slot.isOff = true
  }

  #promised(device: string, ids: ReadonlyArray<Id>, askedAt: number): void {
    const sender = this.#slots.get(ownerOf(device))
    for (const slot of this.#slots.values()) {
      if (slot === sender || slot.group !== sender?.group || slot.since >= askedAt) continue
      for (const id of ids) if (!slot.handled.has(id)) slot.owed.add(id)
    }
  }

  #sealed(device: string, frame: ReflectFrame): void {
    const id = this.#open(device, frame)
    if (typeof id === "number") this.#boxes.set(nonceOf(frame.envelope), id)
  }

  #unopened(device: string, nonce: number): void {
    const slot = this.#slots.get(ownerOf(device))
    if (slot === undefined) return
    const id = this.#boxes.get(nonce)
    // Which message of a program it was is not known.
    if (id === undefined) return doubt(slot)
    slot.handled.add(id)
    slot.owed.delete(id)
  }

  #refuse(device: string, ids: ReadonlyArray<Id>): void {
    for (const id of ids) {
      this.#refused.add(id)
      for (const slot of this.#slots.values()) if (slot.seen.has(id)) this.#ghost(slot.name, id, device)
    }
  }

  #ghost(device: string, id: Id, sender?: string): void {
    this.#report({
      rule: "nothing of a transaction that was not committed is ever seen",
      device,
      found: `message ${id}${sender === undefined ? "" : ` of ${sender}`}`,
      expected: "nothing of it"
    })
  }

  #handling(device: string, messages: ReadonlyArray<ReflectedMessage>): void {
    const slot = this.#slots.get(ownerOf(device))
    for (const message of messages) {
      this.#seesOne(device, slot, messageIdOf(message.content))
      if (this.#isProgram) this.#seesOne(device, slot, this.#programs.idOf(message))
    }
  }

  #seesOne(device: string, slot: Slot | undefined, id: Id | undefined): void {
    if (id === undefined) return
    slot?.seen.add(id)
    if (this.#refused.has(id)) this.#ghost(device, id)
  }

  #handled(device: string, messages: ReadonlyArray<ReflectedMessage>, outcome: string): void {
    const slot = this.#slots.get(ownerOf(device))
    if (slot === undefined || outcome === "Interrupted") return
    for (const message of messages) {
      this.#handledOne(slot, messageIdOf(message.content), outcome)
      if (this.#isProgram) this.#handledOne(slot, this.#programs.idOf(message), outcome)
    }
  }

  #handledOne(slot: Slot, id: Id | undefined, outcome: string): void {
    if (id === undefined) return
    if (outcome !== "Done") {
      const failures = (slot.failures.get(id) ?? 0) + 1
      slot.failures.set(id, failures)
      // Set aside in plain sight: that is all a device can do with what its application will not take.
      if (failures < tries) return
    }
    slot.handled.add(id)
    slot.owed.delete(id)
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
