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

/** What becomes of a picked message; it is the same message when only its time changes. */
export const alteredBy = (fault: FrameFault, message: Message): ReadonlyArray<Message> => {
  switch (fault._tag) {
    case "Drop":
      return []
    case "Duplicate":
      return [message, message]
    case "Garble": {
      if (typeof message === "string") return [message]
      const garbled = Uint8Array.from(message)
      const at = fault.at ?? garbled.length - 1
      if (at in garbled) garbled[at]! ^= 0xff
      return [garbled]
    }
    case "Delay":
      return [message]
    case "Rewrite":
      return typeof message === "string" ? [message] : fault.with(message)
  }
}
