/**
 * A fault that acts on single frames, in force on one direction.
 *
 * Owns which messages it picks and what becomes of them. When they arrive is `LinkDirection`'s.
 *
 * @since 0.1.0
 */
import { type ClientFrame, decodeClientFrame, type DecodeError, decodeServerFrame, type ServerFrame } from "@d2m/codec"
import { Result } from "effect"
import type { Direction, Fault, FrameFault } from "./Fault.ts"
import { rewritten } from "./FaultFunctions.ts"

/** What travels; text messages are strings. */
export type Message = Uint8Array | string

/** A frame fault in force, with what it has seen. */
export interface FrameRule {
  readonly fault: FrameFault
  seen: number
}

/** The rule of a fault that acts on single frames; nothing for any other. */
export const frameRule = (fault: Fault): FrameRule | undefined => {
  switch (fault._tag) {
    case "Drop":
    case "Duplicate":
    case "Garble":
    case "Delay":
    case "Rewrite":
      return { fault, seen: 0 }
    default:
      return undefined
  }
}

const tagOf = (direction: Direction, message: Message): string | undefined => {
  if (typeof message === "string") return undefined
  const decode: (bytes: Uint8Array) => Result.Result<ClientFrame | ServerFrame, DecodeError> =
    direction === "up" ? decodeClientFrame : decodeServerFrame
  return Result.getOrUndefined(decode(message))?._tag
}

/** Whether the fault makes a difference to a message. */
const bites = (fault: FrameFault, message: Message): boolean => {
  switch (fault._tag) {
    case "Garble":
      return typeof message !== "string" && (fault.at ?? 0) < message.length
    case "Rewrite":
      return typeof message !== "string"
    default:
      return true
  }
}

/** Whether the rule picks this message; counts it. */
export const picks = (rule: FrameRule, message: Message): boolean => {
  const { fault } = rule
  const { direction, match = {} } = fault
  if (!bites(fault, message)) return false
  if (match.frame !== undefined && tagOf(direction, message) !== match.frame) return false
  const index = rule.seen++ - (match.skip ?? 0)
  return index >= 0 && index < (match.count ?? Infinity)
}

/**
 * What becomes of a picked message; it is the same message when only its time changes. Fails with the reason to close with
 * when the function of a `Rewrite` does.
 */
export const alteredBy = (fault: FrameFault, message: Message): Result.Result<ReadonlyArray<Message>, string> => {
  switch (fault._tag) {
    case "Drop":
      return Result.succeed([])
    case "Duplicate":
      return Result.succeed([message, message])
    case "Garble": {
      if (typeof message === "string") return Result.succeed([message])
      const garbled = Uint8Array.from(message)
      const at = fault.at ?? garbled.length - 1
      if (at in garbled) garbled[at]! ^= 0xff
      return Result.succeed([garbled])
    }
    case "Delay":
      return Result.succeed([message])
    case "Rewrite":
      return typeof message === "string" ? Result.succeed([message]) : rewritten(fault, message)
  }
}
