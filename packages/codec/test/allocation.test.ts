import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { decodeClientFrame } from "../src/ClientFrame.ts"
import type { DecodeError } from "../src/DecodeError.ts"
import { fieldsOf, type MessageSchema } from "../src/Protobuf.ts"
import { decodeServerFrame } from "../src/ServerFrame.ts"
import { declared } from "./declared.ts"
import { bytes, failed } from "./frame-vectors.ts"
import { concat, tag, varint } from "./wire-bytes.ts"

const constructors = [
  "ArrayBuffer",
  "SharedArrayBuffer",
  "Uint8Array",
  "Uint16Array",
  "Uint32Array",
  "DataView",
  "Array"
]
const methods = ["alloc", "allocUnsafe", "allocUnsafeSlow", "from", "concat"] as const

/**
 * The largest number that anything which makes memory was told while `run` ran: a length, or the length of what was to
 * be copied. Constructors are replaced by ones that note it.
 */
const largestAllocation = (run: () => void): number => {
  let largest = 0
  const note = (args: ReadonlyArray<unknown>): void => {
    // A view of memory that is already there allocates nothing.
    if (args[0] instanceof ArrayBuffer) return
    for (const arg of args) {
      if (typeof arg === "number") largest = Math.max(largest, arg)
      else if (typeof arg === "object" && arg !== null && "length" in arg)
        largest = Math.max(largest, Number(arg.length))
    }
  }
  const undo: Array<() => void> = []
  const scope = globalThis as unknown as Record<string, new (...args: Array<unknown>) => object>
  for (const name of constructors) {
    const original = scope[name]!
    scope[name] = new Proxy(original, {
      construct: (target, args: Array<unknown>, newTarget) => {
        note(args)
        return Reflect.construct(target, args, newTarget === scope[name] ? target : newTarget) as object
      }
    })
    undo.push(() => (scope[name] = original))
  }
  const buffers = Buffer as unknown as Record<string, (...args: Array<unknown>) => unknown>
  for (const name of methods) {
    const original = buffers[name]!
    buffers[name] = (...args) => {
      note(args)
      return original.apply(Buffer, args)
    }
    undo.push(() => (buffers[name] = original))
  }
  try {
    run()
  } finally {
    for (const restore of undo) restore()
  }
  return largest
}

const lengths = [2n ** 16n, 2n ** 20n, 2n ** 28n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 64n - 1n]

/** The numbers of the fields that say how long they are. */
const delimitedNumbers = (schema: MessageSchema): ReadonlyArray<number> =>
  fieldsOf(schema).flatMap(([, field]) => {
    if (field.label === "oneof") {
      return Object.values(field.cases).flatMap(({ element, number }) =>
        ["string", "bytes", "message"].includes(element.type) ? [number] : []
      )
    }
    return field.label === "map" || ["string", "bytes", "message"].includes(field.element.type) ? [field.number] : []
  })

/** Every field of every message that says how long it is, with a length that is not there behind it. */
const boasts = declared.flatMap(({ decode, name, schema }) =>
  [...delimitedNumbers(schema), 99].flatMap((number) =>
    lengths.map((length) => ({ decode, name, input: concat(tag(number, 2), varint(length), [1, 2, 3]) }))
  )
)

describe("a length that an input tells", () => {
  it("is noticed by these tests when something believes it", () => {
    assert.strictEqual(
      largestAllocation(() => void new Uint8Array(70_000)),
      70_000
    )
    assert.strictEqual(
      largestAllocation(() => void Array.from({ length: 80_000 })),
      80_000
    )
    assert.strictEqual(
      largestAllocation(() => void Buffer.allocUnsafe(90_000)),
      90_000
    )
    assert.strictEqual(
      largestAllocation(() => void new Uint8Array(new ArrayBuffer(8), 0, 4)),
      8
    )
  })

  it("is never allocated", () => {
    assert.isAbove(boasts.length, 1500)
    for (const { decode, input, name } of boasts) {
      decode(input)
      const largest = largestAllocation(() => void decode(input))
      // What is left to an input of 20 bytes is the frame around it, and scratch space.
      assert.isBelow(largest, 64, `${name} ${Buffer.from(input).toString("hex")}`)
    }
  })

  it("costs no memory: not in buffers, and on the heap what an error takes", () => {
    const before = process.memoryUsage()
    const results = boasts.map(({ decode, input }) => decode(input))
    const after = process.memoryUsage()
    assert.isTrue(results.every(Result.isFailure))
    // Inputs of frames are copied behind a header here, which is what the buffers are.
    assert.isBelow(after.arrayBuffers - before.arrayBuffers, 200 * boasts.length)
    assert.isBelow(after.heapUsed - before.heapUsed, 20_000 * boasts.length)
  })

  it("is refused, where it is, in what it is", () => {
    for (const { decode, input, name } of boasts) {
      const error = failed(decode(input))
      assert.include(["Truncated", "Malformed"], error.kind, name)
      assert.isAtMost(error.offset, input.length + 4)
    }
  })

  it("does not matter in a struct either: the header ends where the frame does", () => {
    const headers: ReadonlyArray<readonly [(frame: Uint8Array) => Result.Result<unknown, DecodeError>, string]> = [
      [decodeClientFrame, "80000000ff000000000000ff"],
      [decodeServerFrame, "82000000ff0000000000000000000000000000ff"]
    ]
    for (const [decode, header] of headers) {
      const input = bytes(header)
      decode(input)
      assert.isBelow(
        largestAllocation(() => void decode(input)),
        64
      )
      assert.strictEqual(failed(decode(input)).kind, "HeaderLength")
    }
  })

  it("and a number of entries is only ever as large as the entries take bytes", () => {
    // The most values that fit into a frame: two bytes each.
    const empties = new Uint8Array(65_532).map((_, at) => (at % 2 === 0 ? 0x0a : 0))
    for (const { decode, name } of declared) {
      if (!["d2m.DevicesInfo", "d2d.OutgoingMessageUpdate", "common.Identities"].includes(name)) continue
      const largest = largestAllocation(() => void decode(empties))
      assert.isAtMost(largest, 65_536, name)
    }
  })
})
