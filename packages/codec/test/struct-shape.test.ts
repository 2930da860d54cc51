import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { DecodeError } from "../src/DecodeError.ts"
import { type NumberField, structDecoder, structWriter } from "../src/StructShape.ts"

const types = ["u16", "u32", "u64", "u32", "u16", "u64"] as const
const sizes = { u16: 2, u32: 4, u64: 8 }

/** So many fields, each behind the other, from byte 6 on. */
const fieldsOf = (count: number): ReadonlyArray<NumberField> => {
  let at = 6
  return Array.from({ length: count }, (_, index) => {
    const type = types[index]!
    const field = { key: `field${index}`, at, type }
    at += sizes[type]
    return field
  })
}

const broken = new DecodeError({ kind: "Truncated", within: "x", offset: 0, expected: "more", found: "less" })

describe("structs of any number of fields", () => {
  for (const rest of [undefined, "tail"]) {
    for (let count = 0; count <= 6; count++) {
      it(`${count} fields ${rest === undefined ? "and no rest" : "and a rest"}`, () => {
        const fields = fieldsOf(count)
        const last = fields.at(-1)
        const headerEnd = last === undefined ? 6 : last.at + sizes[last.type]
        const frame = Uint8Array.from({ length: headerEnd + 5 }, (_, index) => 0xf0 + index)
        const view = new DataView(frame.buffer)
        const expected: Record<string, unknown> = { _tag: "Some" }
        for (const { at, key, type } of fields) {
          expected[key] =
            type === "u16"
              ? view.getUint16(at, true)
              : type === "u32"
                ? view.getUint32(at, true)
                : view.getBigUint64(at, true)
        }
        if (rest !== undefined) expected[rest] = frame.slice(headerEnd)

        const decode = structDecoder("Some", fields, rest, { headerEnd, lengthAt: -1, error: () => broken })
        assert.deepStrictEqual(decode(frame), Result.succeed(expected))
        assert.deepStrictEqual(decode(frame.subarray(0, headerEnd - 1)), Result.fail(broken))

        const written = new Uint8Array(headerEnd)
        structWriter(fields, rest !== undefined)(written, expected)
        assert.deepStrictEqual(written.subarray(6), frame.subarray(6, headerEnd))
        assert.deepStrictEqual(written.subarray(0, 6), new Uint8Array(6))
      })

      it(`${count} fields ${rest === undefined ? "and no rest" : "and a rest"}, behind a header of any length`, () => {
        const fields = fieldsOf(count)
        const last = fields.at(-1)
        const headerEnd = last === undefined ? 6 : last.at + sizes[last.type]
        const decode = structDecoder("Some", fields, rest, { headerEnd, lengthAt: 4, error: () => broken })
        const frame = new Uint8Array(headerEnd + 10)
        for (let length = 0; length < 256; length++) {
          frame[4] = length
          const result = decode(frame)
          const fits = 4 + length >= headerEnd && 4 + length <= frame.length
          assert.strictEqual(Result.isSuccess(result), fits, `${length}`)
          if (!fits || rest === undefined || Result.isFailure(result)) continue
          assert.strictEqual((result.success[rest] as Uint8Array).byteOffset, 4 + length)
        }
      })
    }
  }
})
