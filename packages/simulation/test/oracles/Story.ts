/**
 * Event sequences by hand: what a witness would have seen of a world that never was.
 *
 * A story is told line by line, as a world would show it; at the end it says which rules an oracle saw broken. Devices are
 * named `phone`, `desktop`, `tablet` with the ids 1, 2, 3.
 */
import { assert } from "@effect/vitest"
import type { ConnectionState, QuarantineReason, ReflectedMessage } from "@d2m/client"
import {
  Box,
  type ClientFrame,
  D2d,
  type DeviceId,
  encodeMessage,
  encodeClientFrame,
  encodeServerFrame,
  ReflectedId,
  type ReflectId,
  type ServerFrame,
  type Timestamp
} from "@d2m/codec"
import {
  type Answer,
  calm,
  type Conditions,
  messageOf,
  type Operation,
  type OracleMaker,
  plainDevice,
  type ProgramAsk,
  type Schedule,
  type ScheduledFault,
  type ScheduledOperation,
  type WorldEvent
} from "../../src/index.ts"
import { cryptoOf, deviceGroupKeyOf } from "../../src/World.ts"

export const ids = { phone: 1n, desktop: 2n, tablet: 3n } as const
export type Name = keyof typeof ids

export const start = 1_767_225_600_000

/** Live since so many ms after the start, with so many reflects that have no ack. */
export const live = (
  state: {
    readonly since?: number
    readonly dry?: boolean
    readonly leader?: boolean
    readonly pending?: number
  } = {}
): ConnectionState => ({
  _tag: "Live",
  since: start + (state.since ?? 0),
  dry: state.dry ?? false,
  leader: state.leader ?? false,
  queued: 0,
  maxDeviceSlots: 8,
  pendingReflects: state.pending ?? 0
})

/** An envelope that no other has: its nonce is made of `n`. */
export const envelope = (n: number, length = 100): Uint8Array => {
  const bytes = new Uint8Array(length).fill(n & 0xff)
  new DataView(bytes.buffer).setUint32(0, n, true)
  return bytes
}

const scheduleOf = (
  conditions: Partial<Conditions>,
  faults: ReadonlyArray<ScheduledFault>,
  operations: ReadonlyArray<ScheduledOperation>
): Schedule => ({
  version: 1,
  seed: 1,
  duration: 60_000,
  conditions: { ...calm, ...conditions },
  devices: Object.keys(ids).map((name) => plainDevice(name)),
  operations,
  faults
})

export interface Hello {
  readonly existing?: boolean
  readonly volatile?: boolean
  readonly dropLeastRecent?: boolean
  readonly info?: Box<"dgdik">
  /** The shared data that ServerInfo has. */
  readonly shared?: Box<"dgsddk">
  /** How long after its ServerHello it comes, in ms. */
  readonly after?: number
}

/** What of a ServerInfo is not the usual. */
export interface ServerInfoParts {
  readonly slots?: number
  readonly time?: number
  readonly shared?: Box<"dgsddk">
}

const crypto = cryptoOf("bulk")
const { dgdik, dgrk, dgsddk } = crypto.deriveKeys(deviceGroupKeyOf(0))
const padding = new Uint8Array(0)

/** What a device says of itself, boxed under a nonce that is made of `nonce`. */
export const infoBox = (label: string, nonce: number): Box<"dgdik"> =>
  crypto.seal(dgdik, envelope(nonce, 24), encodeMessage(D2d.DeviceInfo, D2d.DeviceInfo.make({ padding, label })))

/** The shared data of a group, boxed under a nonce that is made of `nonce`. */
export const sharedBox = (version: number, nonce: number): Box<"dgsddk"> =>
  crypto.seal(dgsddk, envelope(nonce, 24), encodeMessage(D2d.SharedDeviceData, { padding, version }))

/** A message as it is reflected: boxed with the group's key, under a nonce that is made of `nonce`. */
export const boxed = (messageId: number, nonce = messageId): Box<"dgrk"> => {
  const { content } = message(0, messageId)
  const plain = encodeMessage(D2d.Envelope, {
    padding,
    content: content!,
    deviceId: 1n,
    protocolVersion: 0
  })
  return crypto.seal(dgrk, envelope(nonce, 24), plain)
}

/** What a device of the group has sealed, under a nonce that is made of `nonce`, and that is no message inside. */
export const garbled = (nonce: number): Box<"dgrk"> => crypto.seal(dgrk, envelope(nonce, 24), Uint8Array.of(0x0a, 0x7f))

/** A sequence of events under way. */
export class Story {
  /** Milliseconds since the story began. */
  time = 0
  readonly broken: Array<string> = []
  /** The number of what was asked for last. */
  lastCall = 0
  readonly #oracle: ReturnType<OracleMaker["make"]>
  #connections = 0
  #calls = 0

  constructor(
    maker: OracleMaker,
    conditions: Partial<Conditions> = {},
    faults: ReadonlyArray<ScheduledFault> = [],
    operations: ReadonlyArray<ScheduledOperation> = []
  ) {
    this.#oracle = maker.make(({ rule }) => void this.broken.push(rule), scheduleOf(conditions, faults, operations))
  }

  /** Lets time pass. */
  wait(millis: number): this {
    this.time += millis
    return this
  }

  tell(event: WorldEvent): this {
    this.#oracle.see(event)
    return this
  }

  /** What the oracle says is owed. */
  get owed(): string | undefined {
    return this.#oracle.owes?.()
  }

  /** The rules that were broken, once the present instant is over. */
  end(): ReadonlyArray<string> {
    this.time += 1
    this.tell({ _tag: "Phase", at: start + this.time, phase: "Over" })
    return this.broken
  }

  place(device: string) {
    return { at: start + this.time, device }
  }

  open(device: string): Line {
    const line = new Line(this, device, ++this.#connections)
    this.tell({ _tag: "Dialed", ...this.place(device) })
    this.tell({ _tag: "Opened", ...line.place() })
    return line
  }

  /** A connection past ServerInfo and Dry, seen from both ends. */
  live(device: Name, hello: Hello = {}, queued = 0): Line {
    const line = this.open(device).greet(hello)
    line.info(hello.existing === true, queued, hello.shared === undefined ? {} : { shared: hello.shared })
    return queued > 0 ? line : line.say({ _tag: "ReflectionQueueDry" })
  }

  machine(device: string, change: "Started" | "Paused" | "Resumed" | "Crashed" | "Stopped", life = 1): this {
    return this.tell({ _tag: "Machine", ...this.place(device), life, change })
  }

  fault(kind: string, phase: "Begun" | "Fired" | "Ended", device?: string): this {
    return this.tell({ _tag: "Fault", at: start + this.time, kind, detail: undefined, phase, device })
  }

  state(device: string, state: ConnectionState, life = 1): this {
    return this.tell({ _tag: "StateChanged", ...this.place(device), life, state })
  }

  ask(device: string, operation: Operation, firstMessage = 0, life = 1): (answer: Answer) => this {
    const call = { life, call: ++this.#calls, operation, firstMessage }
    this.lastCall = call.call
    this.tell({ _tag: "Asked", ...this.place(device), ...call })
    return (answer) => this.tell({ _tag: "Answered", ...this.place(device), ...call, answer })
  }

  /** A program asks for something. */
  program(device: string, ask: ProgramAsk): (answer: Answer) => this {
    const call = { life: 1, call: ++this.#calls, ask }
    this.lastCall = call.call
    this.tell({ _tag: "ProgramAsked", ...this.place(device), ...call })
    return (answer) => this.tell({ _tag: "ProgramAnswered", ...this.place(device), ...call, answer })
  }

  /** The body of a program's transaction begins that has no precondition. */
  begun(device: string, call: number): this {
    return this.tell({ _tag: "Entered", ...this.place(device), life: 1, call, isUnconditional: true })
  }

  /** A transaction asks for its precondition. */
  checked(device: string, holds: boolean, call = this.lastCall): this {
    return this.tell({ _tag: "Checked", ...this.place(device), life: 1, call, holds })
  }

  /** The body of a transaction begins. */
  entered(device: string, call = this.lastCall): this {
    return this.tell({ _tag: "Entered", ...this.place(device), life: 1, call })
  }

  /** The device has stopped, and gives back messages. */
  handedBack(device: string, unacked: ReadonlyArray<number | undefined>): this {
    return this.tell({ _tag: "HandedBack", ...this.place(device), life: 1, unacked })
  }

  /** The handler is given messages. */
  handling(device: string, messages: ReadonlyArray<ReflectedMessage>): this {
    return this.tell({ _tag: "Handling", ...this.place(device), life: 1, messages, isReplay: false })
  }

  /** The handler ends. */
  handled(
    device: string,
    messages: ReadonlyArray<ReflectedMessage>,
    outcome: "Done" | "Failed" | "Died" | "Interrupted" = "Done"
  ): this {
    return this.tell({ _tag: "Handled", ...this.place(device), life: 1, messages, isReplay: false, outcome })
  }

  /** The handler is given messages, and ends. */
  handle(
    device: string,
    messages: ReadonlyArray<ReflectedMessage>,
    outcome?: "Done" | "Failed" | "Died" | "Interrupted"
  ): this {
    return this.handling(device, messages).handled(device, messages, outcome)
  }

  /** A chat handler begins, or listens. */
  chat(line: Line, _tag: "ChatBegun" | "ChatListens"): this {
    return this.tell({ _tag, ...line.place(), life: 1 })
  }

  /** A chat handler is given a message. */
  heard(line: Line, message: Uint8Array): this {
    return this.tell({ _tag: "ChatHeard", ...line.place(), life: 1, message })
  }

  /** A chat handler ends. */
  chatOver(line: Line, outcome: "Ended" | "CloseError" | "Died" | "Interrupted" = "Ended"): this {
    return this.tell({ _tag: "ChatOver", ...line.place(), life: 1, outcome })
  }

  /** The device keeps a message that failed, and says so. */
  quarantined(device: string, reflectedId: number): this {
    return this.kept(device, reflectedId).quarantineTold(device, reflectedId)
  }

  /** The disk of the device has a message in quarantine. */
  kept(
    device: string,
    reflectedId: number,
    box = envelope(reflectedId),
    reason: QuarantineReason = "HandlerFailed"
  ): this {
    return this.tell({ _tag: "Kept", ...this.place(device), life: 1, id: 1, reflectedId, envelope: box, reason })
  }

  /** The device says that it keeps a message that failed. */
  quarantineTold(device: string, reflectedId: number, reason: QuarantineReason = "HandlerFailed"): this {
    const event = {
      _tag: "Quarantined",
      id: 1,
      reflectedId: ReflectedId.make(reflectedId),
      reason,
      detail: ""
    } as const
    return this.tell({ _tag: "Happened", ...this.place(device), life: 1, event })
  }
}

/** One connection of a story. */
export class Line {
  readonly story: Story
  readonly device: string
  readonly connection: number
  /** Bytes that the mediator has sent and the device has not got yet. */
  #buffered = 0

  constructor(story: Story, device: string, connection: number) {
    this.story = story
    this.device = device
    this.connection = connection
  }

  place() {
    return { ...this.story.place(this.device), connection: this.connection }
  }

  /** The device sends a frame, and the mediator gets it. */
  hear(frame: ClientFrame): this {
    return this.write(frame).arrive(frame)
  }

  /** The device sends a frame. */
  write(frame: ClientFrame): this {
    this.story.tell({ _tag: "DeviceSent", ...this.place(), message: encodeClientFrame(frame), frame })
    return this
  }

  /** The mediator gets a frame. */
  arrive(frame: ClientFrame): this {
    this.story.tell({ _tag: "MediatorReceived", ...this.place(), message: encodeClientFrame(frame), frame })
    return this
  }

  /** The mediator sends a frame, and the device gets it. */
  say(frame: ServerFrame): this {
    return this.send(frame).read(frame)
  }

  /** The mediator sends a frame. */
  send(frame: ServerFrame): this {
    const message = encodeServerFrame(frame)
    this.story.tell({ _tag: "MediatorSent", ...this.place(), message, frame, buffered: this.#buffered })
    this.#buffered += message.length
    return this
  }

  /** The device gets a frame. */
  read(frame: ServerFrame): this {
    const message = encodeServerFrame(frame)
    this.#buffered -= message.length
    this.story.tell({ _tag: "DeviceReceived", ...this.place(), message, frame })
    return this
  }

  greet({
    after = 0,
    dropLeastRecent = false,
    existing = false,
    info = Box.make("dgdik", new Uint8Array(50)),
    volatile = false
  }: Hello = {}): this {
    this.say({ _tag: "ServerHello", version: 0, esk: new Uint8Array(32), challenge: new Uint8Array(32) })
    this.story.wait(after)
    return this.hear({
      _tag: "ClientHello",
      version: 0,
      response: new Uint8Array(72),
      deviceId: ids[this.device.split("'")[0] as Name] as DeviceId,
      deviceSlotsExhaustedPolicy: dropLeastRecent ? 1 : 0,
      deviceSlotExpirationPolicy: volatile ? 0 : 1,
      encryptedDeviceInfo: info,
      expectedDeviceSlotState: existing ? 1 : 0
    })
  }

  info(existing: boolean, queued = 0, more: ServerInfoParts = {}): this {
    return this.say({
      _tag: "ServerInfo",
      maxDeviceSlots: more.slots ?? 8,
      deviceSlotState: existing ? 1 : 0,
      encryptedSharedDeviceData: more.shared ?? Box.make("dgsddk", new Uint8Array(0)),
      currentTime: BigInt(Math.floor(start + (more.time ?? this.story.time))),
      reflectionQueueLength: queued
    })
  }

  reflect(reflectId: number, box: Uint8Array, flags = 0): this {
    return this.hear({ _tag: "Reflect", flags, reflectId: reflectId as ReflectId, envelope: Box.make("dgrk", box) })
  }

  ack(reflectId: number, at = this.story.time): this {
    return this.say({
      _tag: "ReflectAck",
      reflectId: reflectId as ReflectId,
      timestamp: BigInt(start + at) as Timestamp
    })
  }

  reflected(id: number, box: Uint8Array, at = this.story.time, flags = 0): this {
    return this.say({
      _tag: "Reflected",
      flags,
      reflectedId: id as ReflectedId,
      timestamp: BigInt(start + at) as Timestamp,
      envelope: Box.make("dgrk", box)
    })
  }

  reflectedAck(id: number): this {
    return this.hear({ _tag: "ReflectedAck", reflectedId: id as ReflectedId })
  }

  begin(ttl = 0, scope = 1): this {
    return this.hear({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", envelope(scope, 42)), ttl })
  }

  /** The device gets so many messages of the chat server, of a byte each. */
  chats(count: number): this {
    for (let at = 0; at < count; at++) this.say({ _tag: "Proxy", data: new Uint8Array(1) })
    return this
  }

  /** The mediator closes, and the device learns of it. */
  close(code: number): this {
    this.story.tell({ _tag: "MediatorClosed", ...this.place(), code, reason: "" })
    return this.lose(code)
  }

  /** The device learns that the connection is over. */
  lose(code: number): this {
    this.story.tell({ _tag: "DeviceLost", ...this.place(), code })
    return this
  }

  /** The device closes, and the mediator learns of it. */
  hangUp(code = 1000): this {
    this.story.tell({ _tag: "DeviceClosed", ...this.place(), code })
    return this.gone()
  }

  /** The mediator learns that the connection is over. */
  gone(): this {
    this.story.tell({ _tag: "MediatorLost", ...this.place() })
    return this
  }
}

/** A message as a handler gets it. */
export const message = (reflectedId: number, messageId: number, at = 0, ephemeral = false): ReflectedMessage => ({
  content: messageOf(messageId, 10),
  sender: 1n as DeviceId,
  timestamp: BigInt(start + at) as Timestamp,
  reflectedId: reflectedId as ReflectedId,
  ephemeral,
  protocolVersion: 0
})

/** Promised, with acks of these times in ms. */
export const promised = (...times: ReadonlyArray<number>): Answer => ({
  _tag: "Done",
  timestamps: times.map((time) => start + time)
})

/** What an oracle makes of stories of a phone that is live: nothing wrong, or one rule that is broken. */
export const judgesPhone = (begun: () => Story) => {
  const told = (tell: (story: Story, phone: Line) => unknown): ReadonlyArray<string> => {
    const story = begun().machine("phone", "Started")
    tell(story, story.live("phone"))
    return story.end()
  }
  return {
    right: (tell: (story: Story, phone: Line) => unknown): void => assert.deepStrictEqual(told(tell), []),
    breaks: (rule: string, tell: (story: Story, phone: Line) => unknown): void =>
      assert.deepStrictEqual(told(tell), [rule])
  }
}
