/**
 * Lays the fields of a struct into an object, and back.
 *
 * Owns what makes the hot frames as quick as code written for them alone: one text for each number of fields. Engines
 * collect what they learn about property names and calls by source text; a loop over the fields of any struct would
 * learn nothing and take three times as long. No two of the hot frames have the same number of fields, so each has a
 * text to itself; a frame that comes to share one stays right and becomes slower. Properties are stored one by one:
 * literals with computed names are slow until they are optimised, and again whenever they are not.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import type { DecodeError } from "./DecodeError.ts"
import { containerHeaderLength } from "./Struct.ts"
import { reads, viewFrom, type Write, writes } from "./StructBytes.ts"

/** A number at an offset of the frame. */
export interface NumberField {
  readonly key: string
  readonly at: number
  readonly type: "u16" | "u32" | "u64"
}

/** What a frame must be for its fields to be read. */
export interface Bounds {
  /** How long the frame is at least. */
  readonly headerEnd: number
  /** Where the byte stands that says how many bytes precede the rest, or -1. */
  readonly lengthAt: number
  /** What is wrong with a frame that is out of bounds. */
  readonly error: (frame: Uint8Array) => DecodeError
}

type Struct = Record<string, unknown>
type Decode = (frame: Uint8Array) => Result.Result<Struct, DecodeError>

const unused: NumberField = { key: "", at: 0, type: "u16" }

/** Where the rest of a frame begins, or -1 when the frame is out of bounds. */
const startOf = (frame: Uint8Array, headerEnd: number, lengthAt: number): number => {
  const { length } = frame
  if (length < headerEnd) return -1
  if (lengthAt < 0) return headerEnd
  const start = containerHeaderLength + frame[lengthAt]!
  return start < headerEnd || start > length ? -1 : start
}

/** Reads numbers, and the bytes behind them when `rest` names the field that holds them. */
export const structDecoder = (
  tag: string,
  fields: ReadonlyArray<NumberField>,
  rest: string | undefined,
  { error, headerEnd, lengthAt }: Bounds
): Decode => {
  const [{ at: a, key: keyA, type: typeA } = unused, second = unused, third = unused] = fields
  const { at: b, key: keyB, type: typeB } = second
  const { at: c, key: keyC, type: typeC } = third
  const readA = reads[typeA]
  const readB = reads[typeB]
  const readC = reads[typeC]
  if (rest === undefined) {
    switch (fields.length) {
      case 1:
        return (frame) => {
          if (startOf(frame, headerEnd, lengthAt) < 0) return Result.fail(error(frame))
          const value: Struct = {}
          value["_tag"] = tag
          value[keyA] = readA(frame, a)
          return Result.succeed(value)
        }
      case 2:
        return (frame) => {
          if (startOf(frame, headerEnd, lengthAt) < 0) return Result.fail(error(frame))
          const value: Struct = {}
          value["_tag"] = tag
          value[keyA] = readA(frame, a)
          value[keyB] = readB(frame, b)
          return Result.succeed(value)
        }
    }
  } else {
    switch (fields.length) {
      case 2:
        return (frame) => {
          const start = startOf(frame, headerEnd, lengthAt)
          if (start < 0) return Result.fail(error(frame))
          const value: Struct = {}
          value["_tag"] = tag
          value[keyA] = readA(frame, a)
          value[keyB] = readB(frame, b)
          value[rest] = viewFrom(frame, start)
          return Result.succeed(value)
        }
      case 3:
        return (frame) => {
          const start = startOf(frame, headerEnd, lengthAt)
          if (start < 0) return Result.fail(error(frame))
          const value: Struct = {}
          value["_tag"] = tag
          value[keyA] = readA(frame, a)
          value[keyB] = readB(frame, b)
          value[keyC] = readC(frame, c)
          value[rest] = viewFrom(frame, start)
          return Result.succeed(value)
        }
    }
  }
  return (frame) => {
    const start = startOf(frame, headerEnd, lengthAt)
    if (start < 0) return Result.fail(error(frame))
    const value: Struct = {}
    value["_tag"] = tag
    for (const { at, key, type } of fields) value[key] = reads[type](frame, at)
    if (rest !== undefined) value[rest] = viewFrom(frame, start)
    return Result.succeed(value)
  }
}

/** Writes the numbers of an object; `hasRest` tells frames of equal number apart. */
export const structWriter = (
  fields: ReadonlyArray<NumberField>,
  hasRest: boolean
): ((frame: Uint8Array, value: Struct) => void) => {
  const [{ at: a, key: keyA, type: typeA } = unused, second = unused, third = unused] = fields
  const { at: b, key: keyB, type: typeB } = second
  const { at: c, key: keyC, type: typeC } = third
  const writeA: Write = writes[typeA]
  const writeB: Write = writes[typeB]
  const writeC: Write = writes[typeC]
  switch (fields.length) {
    case 1:
      return (frame, value) => writeA(frame, a, value[keyA] as never)
    case 2:
      return hasRest
        ? (frame, value) => {
            writeA(frame, a, value[keyA] as never)
            writeB(frame, b, value[keyB] as never)
          }
        : (frame, value) => {
            writeA(frame, a, value[keyA] as never)
            writeB(frame, b, value[keyB] as never)
          }
    case 3:
      return (frame, value) => {
        writeA(frame, a, value[keyA] as never)
        writeB(frame, b, value[keyB] as never)
        writeC(frame, c, value[keyC] as never)
      }
  }
  return (frame, value) => {
    for (const { at, key, type } of fields) {
      const write: Write = writes[type]
      write(frame, at, value[key] as never)
    }
  }
}
