/**
 * A number for a whole run, so that two runs can be told apart without keeping either.
 *
 * Owns which parts of an event count: its kind, its time to 2^-32 ms, whom it is about, and what tells one of its kind from
 * another. Of messages on their way, the length, the first 48 bytes and the last 8 do; of those that a handler is given,
 * all that the mediator has said of them; of states the tag and how many reflects are pending; of answers whether and how
 * they failed, and what was told. Nothing counts that an engine decides (fiber ids, stack traces, the order of keys). What is left out shows in
 * what it leads to; event by event, runs are compared by their traces (`Divergence`).
 *
 * @since 0.1.0
 */
import type { Answer, BatchPlace, EventKind, HandedBack, Told, WorldEvent } from "./WorldEvent.ts"

const numbers: Readonly<Record<EventKind, number>> = {
  DeviceSent: 1,
  MediatorReceived: 2,
  MediatorSent: 3,
  DeviceReceived: 4,
  Dialed: 5,
  DialFailed: 6,
  Opened: 7,
  MediatorClosed: 8,
  DeviceClosed: 9,
  MediatorLost: 10,
  DeviceLost: 11,
  Handling: 12,
  Handled: 13,
  Asked: 14,
  Answered: 15,
  StateChanged: 16,
  Happened: 17,
  UserAnswered: 18,
  Machine: 19,
  Fault: 20,
  Phase: 21,
  ChatClosed: 22,
  Kept: 23,
  Checked: 24,
  Entered: 25,
  HandedBack: 26,
  ProgramAsked: 27,
  ProgramAnswered: 28,
  ChatBegun: 29,
  ChatListens: 30,
  ChatHeard: 31,
  ChatOver: 32
}

/** All kinds of events. */
export const eventKinds = Object.keys(numbers) as ReadonlyArray<EventKind>

/** A running hash over events, of 64 bits. */
export class Digest {
  #high = 0x811c9dc5
  #low = 0x2545f491
  readonly #names = new Map<string, number>()

  get hex(): string {
    return (this.#high >>> 0).toString(16).padStart(8, "0") + (this.#low >>> 0).toString(16).padStart(8, "0")
  }

  add(event: WorldEvent): void {
    this.#mix(numbers[event._tag])
    // Times are sums of ms and fractions with 32 bits: the same on every engine.
    this.#mix(Math.floor(event.at % 0x1_0000_0000))
    this.#mix(Math.floor((event.at % 1) * 0x1_0000_0000))
    const { device } = event as { readonly device?: string | undefined }
    if (device !== undefined) this.#mix(this.#nameOf(device))
    switch (event._tag) {
      case "DeviceSent":
      case "MediatorReceived":
      case "MediatorSent":
      case "DeviceReceived":
        this.#mix(event.connection)
        return this.#mixMessage(event.message)
      case "Opened":
      case "MediatorLost":
      case "ChatBegun":
      case "ChatListens":
        return this.#mix(event.connection)
      case "ChatHeard":
        this.#mix(event.connection)
        return this.#mixMessage(event.message)
      case "ChatOver":
        this.#mix(event.connection)
        return this.#mixText(event.outcome)
      case "MediatorClosed":
      case "DeviceClosed":
      case "DeviceLost":
        this.#mix(event.connection)
        return this.#mix(event.code)
      case "DialFailed":
        return this.#mixText(event.why)
      case "Handling":
        return this.#mixBatch(event)
      case "Handled":
        this.#mixBatch(event)
        return this.#mixText(event.outcome)
      case "Asked":
        this.#mix(event.call)
        return this.#mixText(event.operation._tag)
      case "Answered":
        this.#mix(event.call)
        return this.#mixAnswer(event.answer)
      case "ProgramAsked":
        this.#mix(event.call)
        return this.#mixText(event.ask._tag)
      case "ProgramAnswered":
        this.#mix(event.call)
        return this.#mixAnswer(event.answer)
      case "Checked":
        this.#mix(event.call)
        return this.#mix(event.holds ? 1 : 0)
      case "Entered":
        return this.#mix(event.call)
      case "HandedBack":
        return this.#mixUnacked(event.unacked)
      case "StateChanged":
        this.#mixText(event.state._tag)
        return this.#mix("pendingReflects" in event.state ? event.state.pendingReflects : 0)
      case "Happened":
        return this.#mixText(event.event._tag)
      case "Kept":
        return this.#mix(event.id)
      case "ChatClosed":
        return this.#mix(event.canReconnect ? 1 : 0)
      case "UserAnswered":
        return this.#mixText(event.answer)
      case "Machine":
        return this.#mixText(event.change)
      case "Fault":
        this.#mixText(event.kind)
        return this.#mixText(event.phase)
      case "Phase":
        return this.#mixText(event.phase)
      case "Dialed":
        return
    }
  }

  #mix(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193) ^ (this.#low >>> 7)
    this.#low = (Math.imul(this.#low ^ word, 0x9e3779b1) + (this.#high >>> 3)) | 0
  }

  /** A number of up to 64 bits, of which a double keeps the first 53. */
  #mixWide(number: bigint | number): void {
    const double = Number(number)
    this.#mix(double)
    this.#mix(double / 0x1_0000_0000)
  }

  #mixBatch({ isReplay, messages }: BatchPlace): void {
    this.#mix(isReplay ? -messages.length : messages.length)
    for (const { ephemeral, reflectedId, sender, timestamp } of messages) {
      this.#mix(reflectedId)
      this.#mixWide(timestamp)
      this.#mixWide(sender)
      this.#mix(ephemeral ? 1 : 0)
    }
  }

  #mixAnswer(answer: Answer): void {
    if (answer._tag === "Done") {
      this.#mixText("Done")
      if (answer.told !== undefined) this.#mixTold(answer.told)
      return
    }
    this.#mixText(answer.error)
    if (answer.committed !== undefined) this.#mixText(answer.committed)
    if (answer.lockHeld !== undefined) this.#mix(answer.lockHeld ? 1 : 0)
    if (answer.unacked !== undefined) this.#mixUnacked(answer.unacked)
  }

  #mixTold(told: Told): void {
    if (told._tag === "SharedData") return this.#mix(told.version ?? -1)
    this.#mix(told.devices.length)
    for (const { connection, description, deviceId, slotExpiration } of told.devices) {
      this.#mixWide(deviceId)
      this.#mixText(description ?? "")
      this.#mix(slotExpiration)
      if (connection === undefined) continue
      this.#mix(connection.isConnected ? 1 : 0)
      this.#mixWide(connection.since)
    }
  }

  #mixUnacked(unacked: HandedBack): void {
    this.#mix(unacked.length)
    for (const id of unacked) this.#mix(id ?? -1)
  }

  #mixText(text: string): void {
    this.#mix(this.#nameOf(text))
  }

  /** The few texts of a run are numbered as they come up. */
  #nameOf(text: string): number {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    let word = text.length
    for (let at = 0; at < text.length; at++) word = Math.imul(word ^ text.charCodeAt(at), 0x01000193)
    this.#names.set(text, word)
    return word
  }

  /** Length, head and tail: header, ids and nonce of a frame, and the end of its box. */
  #mixMessage(message: Uint8Array | string): void {
    if (typeof message === "string") return this.#mixText(message)
    const { length } = message
    this.#mix(length)
    const head = Math.min(length, 48)
    for (let at = 0; at + 4 <= head; at += 4) {
      this.#mix(message[at]! | (message[at + 1]! << 8) | (message[at + 2]! << 16) | (message[at + 3]! << 24))
    }
    for (let at = Math.max(head & ~3, length - 8); at < length; at++) this.#mix(message[at]!)
  }
}
