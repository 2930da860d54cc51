/**
 * What can go wrong between a device and its mediator, as data.
 *
 * Owns the vocabulary of injected faults. Which frames they pick is `FrameRule`'s, carrying them out the link's.
 *
 * @since 0.1.0
 */
import { type ClientFrame, clientFrameTypes, isSendable, Limits, type ServerFrame, serverFrameTypes } from "@d2m/codec"
import { Data, Schema, type Types } from "effect"

/**
 * Which way a frame travels: `up` to the mediator, `down` to the device.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "up" | "down"

/**
 * Picks frames out of one direction. `Frame` are the kinds of frames that travel in it.
 *
 * Frames are counted from when the fault is put in force: over all connections of a link, but on a served mediator anew on
 * each, as there each connection is given faults of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface FrameMatch<Frame extends string = ClientFrame["_tag"] | ServerFrame["_tag"]> {
  /** Only frames of this kind; any message if absent. */
  readonly frame?: Frame
  /** Let so many pass first: 0 if absent. */
  readonly skip?: number
  /** Then pick so many: all if absent. */
  readonly count?: number
}

/** The frames that a fault picks: kinds of frames only among those of one direction, all messages if there is no `match`. */
type PickedFrames =
  | { readonly direction: "up"; readonly match?: FrameMatch<ClientFrame["_tag"]> }
  | { readonly direction: "down"; readonly match?: FrameMatch<ServerFrame["_tag"]> }

/** A fault with this tag for the frames of one direction. */
type OfFrames<Tag extends string, Details = {}> = Types.Simplify<{ readonly _tag: Tag } & PickedFrames & Details>

/**
 * Something that goes wrong.
 *
 * A fault that names frames or a direction lasts until the scope it was injected in closes; `Cut` and `Close` happen at
 * once.
 *
 * - `Cut`: the network is gone; both sides see 1006 and what was under way is lost (over a socket, TCP is reset)
 * - `Close`: the socket is closed with a code that the mediator knows nothing of: any that a close frame can carry
 * - `NoClosingHandshake`: when the mediator closes, the device sees 1006 instead of the code
 * - `Unreachable`: dialing fails; an open connection is not touched
 * - `Stall`: nothing moves in a direction, as on a half-open connection; it moves on afterwards
 * - `Slow`: a direction carries no more than so many bytes a second, above 0: a slow reader, a bad network
 * - `Drop`: the picked frames vanish
 * - `Duplicate`: the picked frames arrive twice
 * - `Garble`: one byte of the picked frames is inverted, the last one unless `at` says which; it never picks a frame that
 *   has no such byte
 * - `Delay`: the picked frames arrive `millis` later; the ones behind them wait unless they `overtake`
 * - `Rewrite`: the picked frames are replaced by whatever the function makes of them; strings are text messages. When it
 *   throws or returns anything else, the connection is closed with 1011 and the reason
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | { readonly _tag: "Cut" }
  | { readonly _tag: "Close"; readonly code: number; readonly reason?: string }
  | { readonly _tag: "NoClosingHandshake" }
  | { readonly _tag: "Unreachable" }
  | { readonly _tag: "Stall"; readonly direction: Direction }
  | { readonly _tag: "Slow"; readonly direction: Direction; readonly bytesPerSecond: number }
  | OfFrames<"Drop">
  | OfFrames<"Duplicate">
  | OfFrames<"Garble", { readonly at?: number }>
  | OfFrames<"Delay", { readonly millis: number; readonly overtake?: boolean }>
  | OfFrames<"Rewrite", { readonly with: (message: Uint8Array) => ReadonlyArray<Uint8Array | string> }>

/**
 * Makes faults: `Fault.Cut()`, `Fault.Drop({ direction: "down", match: { frame: "ReflectAck" } })`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Fault = Data.taggedEnum<Fault>()

/**
 * The faults that act on single frames.
 *
 * @category models
 * @since 0.1.0
 */
export type FrameFault = Extract<Fault, { readonly _tag: "Drop" | "Duplicate" | "Garble" | "Delay" | "Rewrite" }>

/**
 * A fault that could not be injected.
 *
 * - `NotConnected`: the device has no connection that is registered; faults that hold from a connection's opening on, and
 *   so in its handshake, are options of a link and of the WebSocket server
 * - `Unsupported`: it cannot happen to an open connection (`Unreachable`), or its transport cannot do it
 * - `Invalid`: with a number, text or name in it with which it could never happen
 *
 * @category errors
 * @since 0.1.0
 */
export class InjectError extends Schema.TaggedError<InjectError>()("InjectError", {
  reason: Schema.Literals(["NotConnected", "Unsupported", "Invalid"]),
  fault: Schema.String,
  /** Of an invalid one: what is wrong with it. */
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    switch (this.reason) {
      case "NotConnected":
        return `the device has no registered connection, so ${this.fault} cannot happen to it`
      case "Unsupported":
        return `${this.fault} cannot happen to an open connection of this kind`
      case "Invalid":
        return `${this.fault} cannot happen: ${this.detail}`
    }
  }
}

const frameTypes: Readonly<Record<Direction, ReadonlyMap<string, number>>> = {
  up: clientFrameTypes,
  down: serverFrameTypes
}

const invalidMatch = (direction: Direction, { count = 1, frame, skip = 0 }: FrameMatch): string | undefined => {
  if (frame !== undefined && frame !== "Unknown" && !frameTypes[direction].has(frame)) {
    return `frame must be a kind of frame that travels ${direction}, and is ${frame}`
  }
  if (!(skip >= 0)) return `skip must not be below 0, and is ${skip}`
  return count >= 1 ? undefined : `count must be at least 1, and is ${count}`
}

const invalidDirection = (direction: Direction): string | undefined =>
  direction === "up" || direction === "down" ? undefined : "direction must be up or down"

/** What is wrong with where it happens. */
const invalidPlace = (fault: Fault): string | undefined => {
  if (!("direction" in fault)) return undefined
  const match = "match" in fault ? fault.match : undefined
  return invalidDirection(fault.direction) ?? (match && invalidMatch(fault.direction, match))
}

const invalidDetail = (fault: Fault): string | undefined => {
  switch (fault._tag) {
    case "Slow":
      return fault.bytesPerSecond > 0 ? undefined : `bytesPerSecond must be above 0, and is ${fault.bytesPerSecond}`
    case "Delay":
      if (fault.millis >= 0 && fault.millis < Infinity) return undefined
      return `millis must be finite and not below 0, and is ${fault.millis}`
    case "Garble":
      if (fault.at === undefined || (Number.isInteger(fault.at) && fault.at >= 0)) return undefined
      return `at must be an index, and is ${fault.at}`
    case "Close":
      if (!isSendable(fault.code)) return `code must be one that a close frame can carry, and is ${fault.code}`
      if (new TextEncoder().encode(fault.reason).length <= Limits.closeReason) return undefined
      return `reason must have at most ${Limits.closeReason} bytes`
    case "Rewrite":
      return typeof fault.with === "function" ? undefined : `with must be a function, and is a ${typeof fault.with}`
    case "Cut":
    case "NoClosingHandshake":
    case "Unreachable":
    case "Stall":
    case "Drop":
    case "Duplicate":
      return undefined
    // Of those who have no types: a fault that is none would never happen.
    default:
      return "it is none of the faults"
  }
}

/** Why a fault cannot happen on any connection, if so. */
export const invalidFault = (fault: Fault): InjectError | undefined => {
  const detail = invalidDetail(fault) ?? invalidPlace(fault)
  return detail === undefined ? undefined : new InjectError({ reason: "Invalid", fault: fault._tag, detail })
}
