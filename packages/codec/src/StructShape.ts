/**
 * Lays the fields of a struct into an object, and back.
 *
 * Owns what makes the hot frames as quick as code written for them alone: one text for each number of fields. Engines
 * collect what they learn about property names and calls by source text; a loop over the fields of any struct would
 * learn nothing and take three times as long. No two of the hot frames have the same number of fields, so each has a
 * text to itself; a frame that comes to share one stays right and becomes slower.
 *
 * @since 0.1.0
 */
import { reads, viewFrom, type Write, writes } from "./StructBytes.ts"

/** A number at an offset of the frame. */
export interface NumberField {
  readonly key: string
  readonly at: number
  readonly type: "u16" | "u32" | "u64"
}

type Struct = Record<string, unknown>

const unused: NumberField = { key: "", at: 0, type: "u16" }

/**
 * Reads numbers, and the bytes from `start` on when `rest` names the field that holds them. All offsets have been
 * checked.
 */
export const structReader = (
  tag: string,
  fields: ReadonlyArray<NumberField>,
  rest: string | undefined
): ((frame: Uint8Array, start: number) => Struct) => {
  const [{ at: a, key: keyA, type: typeA } = unused, second = unused, third = unused] = fields
  const { at: b, key: keyB, type: typeB } = second
  const { at: c, key: keyC, type: typeC } = third
  const readA = reads[typeA]
  const readB = reads[typeB]
  const readC = reads[typeC]
  if (rest === undefined) {
    switch (fields.length) {
      case 1:
        return (frame) => ({ _tag: tag, [keyA]: readA(frame, a) })
      case 2:
        return (frame) => ({ _tag: tag, [keyA]: readA(frame, a), [keyB]: readB(frame, b) })
    }
  } else {
    switch (fields.length) {
      case 0:
        return (frame, start) => ({ _tag: tag, [rest]: viewFrom(frame, start) })
      case 2:
        return (frame, start) => ({
          _tag: tag,
          [keyA]: readA(frame, a),
          [keyB]: readB(frame, b),
          [rest]: viewFrom(frame, start)
        })
      case 3:
        return (frame, start) => ({
          _tag: tag,
          [keyA]: readA(frame, a),
          [keyB]: readB(frame, b),
          [keyC]: readC(frame, c),
          [rest]: viewFrom(frame, start)
        })
    }
  }
  return (frame, start) => {
    const value: Struct = { _tag: tag }
    for (const { at, key, type } of fields) value[key] = reads[type](frame, at)
    if (rest !== undefined) value[rest] = viewFrom(frame, start)
    return value
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
