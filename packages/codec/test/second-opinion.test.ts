import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { messageInfo } from "../src/Protobuf.ts"
import { decodeMessage } from "../src/ProtobufCodec.ts"
import { almostMessage, messageSchemas } from "../src/testing.ts"
import { declared } from "./declared.ts"
import { succeeded } from "./frame-vectors.ts"
import {
  comparable,
  decodeWithReflection,
  encodeWithReflection,
  isWrittenOtherwise,
  messageNames
} from "./reflection.ts"

describe("protobufjs, from its own description", () => {
  it("knows the same messages", () => {
    assert.deepStrictEqual(declared.map(({ name }) => name).toSorted(), messageNames.toSorted())
    assert.strictEqual(messageNames.length, 87)
  })

  let same = 0
  let other = 0

  for (const { decode, encode, name, values } of declared) {
    it.prop(
      `reads and writes ${name} as we do`,
      { value: values },
      ({ value }) => {
        const ours = encode(value)
        const theirs = encodeWithReflection(name, value)
        assert.deepStrictEqual(decodeWithReflection(name, ours), comparable(value))
        assert.deepStrictEqual(comparable(succeeded(decode(theirs))), comparable(value))
        if (isWrittenOtherwise(value)) other++
        else {
          same++
          assert.isTrue(Buffer.from(ours).equals(theirs), Buffer.from(ours).toString("hex"))
        }
      },
      { arbitrary: { runs: 60, seed: 3 } }
    )
  }

  it("writes the same bytes, but for some maps", () => {
    assert.isAbove(same, 4500)
    assert.isBelow(other, 0.1 * same)
    assert.isAbove(other, 0)
  })

  it("refuses what we refuse when a message is cut", () => {
    for (const { decode, name } of declared) {
      const cut = Uint8Array.of(0xfa, 0x3f, 5, 1, 2)
      assert.isTrue(Result.isFailure(decode(cut)), name)
      assert.throws(() => decodeWithReflection(name, cut))
    }
  })
})

describe("near misses", () => {
  let read = 0
  let refused = 0

  /** What protobufjs makes of bytes, or how it refuses them. */
  const theirs = (name: string, input: Uint8Array): unknown => {
    try {
      return decodeWithReflection(name, input)
    } catch (cause) {
      return String(cause)
    }
  }

  for (const schema of messageSchemas) {
    const { name } = messageInfo(schema)
    it.prop(
      `of ${name} are read and refused as protobufjs does`,
      { input: almostMessage(schema, { maxBytes: 200 }) },
      ({ input }) => {
        const decoded = decodeMessage(schema, input)
        const other = theirs(name, input)
        // Where groups are nested too deep is up to the reader; protobufjs counts the messages around them too.
        if (other === "Error: max depth exceeded") return
        if (Result.isSuccess(decoded)) {
          read++
          return assert.deepStrictEqual(other, comparable(decoded.success))
        }
        refused++
        // Our own rules: bytes of a fixed length, and no endless varint in a field that nobody knows.
        const { expected, kind } = decoded.failure
        if (kind === "FieldLength" || expected === "a varint of at most 10 bytes") return
        assert.typeOf(other, "string", decoded.failure.message)
      },
      { arbitrary: { runs: 150, seed: 3 } }
    )
  }

  it("were neither all read nor all refused", () => {
    assert.isAbove(read, 3000)
    assert.isAbove(refused, 1000)
  })
})
