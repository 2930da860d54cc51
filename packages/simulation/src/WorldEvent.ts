/**
 * Everything that can be seen of a world from outside: frames, connections, what applications ask and are told, faults.
 *
 * Owns the vocabulary that oracles judge and stories are told in. Nothing here comes from inside the client or the
 * mediator: a frame is seen at the four places of its way, everything else at a public face.
 *
 * ```text
 *   device ──DeviceSent──► network ──MediatorReceived──► mediator
 *   device ◄─DeviceReceived── network ◄──MediatorSent── mediator
 * ```
 *
 * @since 0.1.0
 */
import type { ConnectionState, Content, DeviceEvent, QuarantineReason, ReflectedMessage, Resume } from "@d2m/client"
import type { ClientFrame, ServerFrame } from "@d2m/codec"
import type { Operation } from "./Operation.ts"
import type { DeviceSpec } from "./Schedule.ts"

/**
 * When and with whom something happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  /** Kernel time, in ms since 1970 with fractions. */
  readonly at: number
  /** The device's name. */
  readonly device: string
}

/**
 * On which connection something happened; connections are numbered from 1 over the whole world.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionPlace extends Place {
  readonly connection: number
}

/**
 * A message on its way; `frame` is absent when it is none.
 *
 * @category models
 * @since 0.1.0
 */
export interface FrameSeen<F> extends ConnectionPlace {
  readonly message: Uint8Array | string
  readonly frame: F | undefined
}

/**
 * What a server answers in the place of a WebSocket: a status of HTTP, and for how long it wants to be left alone, in ms, 0
 * when it does not say.
 *
 * @category models
 * @since 0.1.0
 */
export interface UpgradeRefusal {
  readonly status: number
  readonly retryAfter: number
}

/**
 * Which of its lives a device is in: 1 until it is restarted for the first time.
 *
 * @category models
 * @since 0.1.0
 */
export interface LifePlace extends Place {
  readonly life: number
}

/**
 * Which chat session something is about: that of a connection, which it may outlive.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatPlace extends LifePlace {
  readonly connection: number
}

/**
 * Which operation something is about. `firstMessage` is the `messageId` of the first of its `count` messages, whose ids
 * follow each other; 0 where it has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallPlace extends LifePlace {
  /** Numbered from 1 over the whole world. */
  readonly call: number
  readonly operation: Operation
  readonly firstMessage: number
}

/**
 * What a handler is given. `isReplay`: the application has asked for a message of its quarantine again.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchPlace extends LifePlace {
  readonly messages: ReadonlyArray<ReflectedMessage>
  readonly isReplay: boolean
}

/**
 * One entry of a list of devices as an application was given it. `description` is all that the device says of itself, absent
 * where that cannot be told; `slotExpiration` a `DeviceSlotExpirationPolicy`; `since` in ms since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListedDevice {
  readonly deviceId: bigint
  readonly description: string | undefined
  readonly slotExpiration: number
  /** Absent when the mediator does not say. */
  readonly connection: { readonly isConnected: boolean; readonly since: number } | undefined
}

/**
 * What an application was given that had asked for it: the devices, in the order in which they came, or the version of the
 * shared data, absent when there is none.
 *
 * @category models
 * @since 0.1.0
 */
export type Told =
  | { readonly _tag: "Devices"; readonly devices: ReadonlyArray<ListedDevice> }
  | { readonly _tag: "SharedData"; readonly version: number | undefined }

/**
 * Contents that were given back, by the ids of their messages and in their order; `undefined` is one that has none.
 *
 * @category models
 * @since 0.1.0
 */
export type HandedBack = ReadonlyArray<number | undefined>

/**
 * How an operation came out, without anything that differs between engines.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  /** `timestamps` are the mediator's, of the reflects that were promised, in order. */
  | { readonly _tag: "Done"; readonly timestamps: ReadonlyArray<number>; readonly told?: Told }
  /**
   * By the tag of its error; `committed` says what a `TransactionLost` says, `lockHeld` what a `PreconditionFailed`, and
   * `unacked` what a `DeviceStopped`.
   */
  | {
      readonly _tag: "Failed"
      readonly error: string
      readonly committed?: "no" | "unknown"
      readonly lockHeld?: boolean
      readonly unacked?: HandedBack
    }

/**
 * What a program asks a device for that no workload knows of: its contents are its own. `call` of a `TransactionReflect` is
 * that of its `Transaction`, whose `scope` is a `D2d.TransactionScopeScope`.
 *
 * @category models
 * @since 0.1.0
 */
export type ProgramAsk =
  | { readonly _tag: "Reflect"; readonly contents: ReadonlyArray<Content> }
  | { readonly _tag: "Ephemeral"; readonly contents: ReadonlyArray<Content> }
  | { readonly _tag: "Transaction"; readonly scope: number }
  | { readonly _tag: "TransactionReflect"; readonly contents: ReadonlyArray<Content>; readonly call: number }
  | { readonly _tag: "Drop"; readonly deviceId: bigint }

/**
 * Which of the things that a program asks for something is about; `call` is numbered like those of `Asked`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProgramCallPlace extends LifePlace {
  readonly call: number
  readonly ask: ProgramAsk
}

/**
 * One thing that was seen.
 *
 * - `DeviceSent` handed to the socket · `MediatorReceived` handed to the mediator · `MediatorSent` handed to the network by
 *   the mediator · `DeviceReceived` read by the device
 * - `Dialed` a connection is asked for · `DialFailed` there will be none, by a `refusal` of the server where one has come ·
 *   `Opened` there is one, at both ends
 * - `MediatorClosed` the mediator closes with a code · `DeviceClosed` the device does, 1000 when it just lets go
 * - `MediatorLost` the mediator is told that a connection is over · `DeviceLost` the device is, with this code
 * - `Handling` the handler is given messages · `Handled` it has ended
 * - `Asked` an application asks a device for something · `Answered` how that came out
 * - `ProgramAsked` a program asks a device to reflect, for a transaction, or to drop a device; all else is `Asked` ·
 *   `ProgramAnswered` how that came out; what a crash has interrupted, and is asked for again, is not answered
 * - `Checked` an application has told a transaction whether its precondition holds · `Entered` its body begins; both of the
 *   call with that number, and only where there is a precondition; the body of a program's without one is `isUnconditional`
 * - `HandedBack` a device that was stopped has given back what was never acked
 * - `StateChanged` and `Happened` what a device says of itself · `UserAnswered` what its user does about it
 * - `Kept` the disk of a device has a message in quarantine, as it came, under a number of its own
 * - `ChatBegun` the chat handler of a device is called for a connection · `ChatListens` it asks for the next message of the chat
 *   server · `ChatHeard` it is given one · `ChatOver` it has ended: `Ended` before or after its connection, by itself
 * - `ChatClosed` the chat handler of a device has reported a close-error of the chat server
 * - `Machine` a device or the mediator (`mediator`) starts, pauses, resumes, crashes, or stops in an orderly way
 * - `Fault` one begins or ends; `Fired` when it has acted
 * - `Phase` of the run: `Safety` with faults, `Liveness` when they are over
 *
 * @category models
 * @since 0.1.0
 */
export type WorldEvent =
  | (FrameSeen<ClientFrame> & { readonly _tag: "DeviceSent" })
  | (FrameSeen<ClientFrame> & { readonly _tag: "MediatorReceived" })
  /** `buffered`: bytes that were sent before and have not been taken by the device yet. */
  | (FrameSeen<ServerFrame> & { readonly _tag: "MediatorSent"; readonly buffered: number })
  | (FrameSeen<ServerFrame> & { readonly _tag: "DeviceReceived" })
  | (Place & { readonly _tag: "Dialed" })
  | (Place & { readonly _tag: "DialFailed"; readonly why: string; readonly refusal?: UpgradeRefusal })
  | (ConnectionPlace & { readonly _tag: "Opened" })
  | (ConnectionPlace & { readonly _tag: "MediatorClosed"; readonly code: number; readonly reason: string })
  | (ConnectionPlace & { readonly _tag: "DeviceClosed"; readonly code: number })
  | (ConnectionPlace & { readonly _tag: "MediatorLost" })
  | (ConnectionPlace & { readonly _tag: "DeviceLost"; readonly code: number })
  | (BatchPlace & { readonly _tag: "Handling" })
  | (BatchPlace & {
      readonly _tag: "Handled"
      readonly outcome: "Done" | "Failed" | "Died" | "Interrupted"
    })
  | (CallPlace & { readonly _tag: "Asked" })
  | (CallPlace & { readonly _tag: "Answered"; readonly answer: Answer })
  | (ProgramCallPlace & { readonly _tag: "ProgramAsked" })
  | (ProgramCallPlace & { readonly _tag: "ProgramAnswered"; readonly answer: Answer })
  | (LifePlace & { readonly _tag: "Checked"; readonly call: number; readonly holds: boolean })
  | (LifePlace & { readonly _tag: "Entered"; readonly call: number; readonly isUnconditional?: true })
  | (LifePlace & { readonly _tag: "HandedBack"; readonly unacked: HandedBack })
  | (LifePlace & { readonly _tag: "StateChanged"; readonly state: ConnectionState })
  | (LifePlace & { readonly _tag: "Happened"; readonly event: DeviceEvent })
  | (LifePlace & { readonly _tag: "UserAnswered"; readonly reason: string; readonly answer: Resume["_tag"] })
  | (LifePlace & {
      readonly _tag: "Kept"
      readonly id: number
      readonly reflectedId: number
      readonly envelope: Uint8Array
      readonly reason: QuarantineReason
    })
  | (ChatPlace & { readonly _tag: "ChatBegun" })
  | (ChatPlace & { readonly _tag: "ChatListens" })
  | (ChatPlace & { readonly _tag: "ChatHeard"; readonly message: Uint8Array })
  | (ChatPlace & { readonly _tag: "ChatOver"; readonly outcome: "Ended" | "CloseError" | "Died" | "Interrupted" })
  | (LifePlace & { readonly _tag: "ChatClosed"; readonly canReconnect: boolean })
  | (LifePlace & {
      readonly _tag: "Machine"
      readonly change: "Started" | "Paused" | "Resumed" | "Crashed" | "Stopped"
      /** Whether what was on its disk is gone. */
      readonly withoutStorage?: boolean
      /** Of what was being written when it crashed, how much has reached the disk. */
      readonly writes?: { readonly kept: number; readonly lost: number }
      /** What the clock of one that starts shows too much, in ms. */
      readonly skew?: number
      /** What a device is that starts: a world may have others than its schedule. */
      readonly spec?: DeviceSpec
    })
  | {
      readonly _tag: "Fault"
      readonly at: number
      readonly kind: string
      /** What sets it apart from others of its kind, where something does. */
      readonly detail?: string | undefined
      readonly phase: "Begun" | "Fired" | "Ended"
      readonly device: string | undefined
    }
  | { readonly _tag: "Phase"; readonly at: number; readonly phase: "Safety" | "Liveness" | "Over" }

/**
 * The kinds of events.
 *
 * @category models
 * @since 0.1.0
 */
export type EventKind = WorldEvent["_tag"]

interface FrameOf {
  readonly DeviceSent: ClientFrame
  readonly MediatorReceived: ClientFrame
  readonly MediatorSent: ServerFrame
  readonly DeviceReceived: ServerFrame
}

/**
 * Frames by their tags, for kinds of events that carry one.
 *
 * @category models
 * @since 0.1.0
 */
export type FrameTags = { readonly [Kind in keyof FrameOf]?: ReadonlyArray<FrameOf[Kind]["_tag"]> }

/**
 * Whoever looks on: an oracle, a trace, a story, a counter. Called in the order of events, synchronously; for all of them, or
 * for those of its `kinds` (see {@link only}), and of these, where `frames` names some for a kind, for no other frames.
 *
 * @category models
 * @since 0.1.0
 */
export interface Witness {
  (event: WorldEvent): void
  readonly kinds?: ReadonlyArray<EventKind>
  readonly frames?: FrameTags
}

/**
 * Whether a witness looks at a frame of a kind of event.
 *
 * @internal
 */
export const looksAt = (witness: Witness, kind: keyof FrameTags, frame: string | undefined): boolean => {
  const tags: ReadonlyArray<string | undefined> | undefined = witness.frames?.[kind]
  return tags === undefined || tags.includes(frame)
}

/** A witness that looks at some events alone, and what it was given for them. */
interface Only extends Witness {
  readonly given: Witness
}

type Seen<Kind extends EventKind, Tags extends FrameTags> = Kind extends keyof FrameOf & keyof Tags
  ? Extract<WorldEvent, { readonly _tag: Kind }> & {
      readonly frame: Extract<FrameOf[Kind], { readonly _tag: (Tags[Kind] & ReadonlyArray<string>)[number] }>
    }
  : Extract<WorldEvent, { readonly _tag: Kind }>

/**
 * A witness for events of some kinds alone, and where `frames` names some for a kind, of these for no other frames; what it
 * does about any other does not compile.
 *
 * **Example** (An oracle that counts what is handled)
 *
 * ```ts
 * import { only, type OracleMaker } from "@d2m/simulation"
 *
 * export const atMost = (limit: number): OracleMaker => ({
 *   name: "at most",
 *   make: (report) => {
 *     let handled = 0
 *     return {
 *       see: only(["Handled"], ({ device, messages }) => {
 *         handled += messages.length
 *         if (handled <= limit) return
 *         report({ rule: "little is handled", device, found: `${handled} messages`, expected: `at most ${limit}` })
 *       })
 *     }
 *   }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const only = <const Kind extends EventKind, const Tags extends FrameTags = {}>(
  kinds: ReadonlyArray<Kind>,
  see: (event: Seen<Kind, Tags>) => void,
  frames?: Tags
): Witness => {
  const given = see as Witness
  const witness: Only = Object.assign(
    (event: WorldEvent) => {
      if (!("frame" in event) || looksAt(witness, event._tag, event.frame?._tag)) given(event)
    },
    { kinds, given, ...(frames === undefined ? {} : { frames }) }
  )
  return witness
}

/**
 * What a witness does, for whoever has looked at its `kinds` and `frames` already: one call less for each event.
 *
 * @internal
 */
export const directly = (witness: Witness): Witness => ("given" in witness ? (witness as Only).given : witness)
