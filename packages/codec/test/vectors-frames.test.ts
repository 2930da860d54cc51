import { assert, describe, it } from "@effect/vitest"
import { Equal, Result } from "effect"
import { type ClientFrame, decodeClientFrame, encodeClientFrame } from "../src/ClientFrame.ts"
import { containerInfo } from "../src/Container.ts"
import { DecodeError } from "../src/DecodeError.ts"
import { clientFrames, serverFrames } from "../src/frames/index.ts"
import { decodeServerFrame, encodeServerFrame, type ServerFrame } from "../src/ServerFrame.ts"
import {
  bytes,
  failed,
  type Fields,
  fieldsOf,
  frameBytes,
  type FrameVector,
  frameVector,
  hex,
  mentioned,
  sha256,
  succeeded,
  vectors
} from "./frame-vectors.ts"

const valid = vectors.frames.filter((vector) => vector.valid)
const invalid = vectors.frames.filter((vector) => !vector.valid)

type Decoded = Result.Result<ClientFrame | ServerFrame, DecodeError>

const decode = (vector: FrameVector, input = frameBytes(vector)): Decoded =>
  vector.direction === "c2s" ? decodeClientFrame(input) : decodeServerFrame(input)

/** Decodes as the side that never gets such a frame. */
const decodeBackwards = (vector: FrameVector, input = frameBytes(vector)): Decoded =>
  vector.direction === "c2s" ? decodeServerFrame(input) : decodeClientFrame(input)

/** What the codec writes for what it has read. */
const rewrite = (vector: FrameVector, input = frameBytes(vector)): Uint8Array =>
  vector.direction === "c2s"
    ? encodeClientFrame(succeeded(decodeClientFrame(input)))
    : encodeServerFrame(succeeded(decodeServerFrame(input)))

/** Frames that are written in another way than ours, and what ours is. */
const rewritten: Readonly<Record<string, string>> = {
  "reflect-long-header": frameVector("reflect").hex!,
  "reflect-nonzero-reserved": frameVector("reflect").hex!,
  "reflect-ack-trailing-bytes": frameVector("reflect-ack-trailing-bytes").hex!.slice(0, -4),
  "reflected-nonzero-reserved": frameVector("reflected").hex!,
  "container-nonzero-reserved": "20000000",
  "dry-with-unknown-field": "20000000",
  "server-hello-unknown-fields": frameVector("server-hello-canonical").hex!,
  ...Object.fromEntries(
    valid.flatMap(({ canonicalPayloadHex, id, type }) =>
      canonicalPayloadHex === undefined ? [] : [[id, `${type.slice(2)}000000${canonicalPayloadHex}`]]
    )
  )
}

const errors: Readonly<Record<string, Partial<DecodeError>>> = {
  "reflect-short-header": { kind: "HeaderLength", within: "reflect", field: "header-length", offset: 4, found: "7" },
  "reflect-ack-truncated": { kind: "Truncated", within: "reflect-ack", field: "timestamp", offset: 12 },
  "reflected-truncated": { kind: "Truncated", within: "reflected", field: "timestamp", offset: 12 },
  "container-client-type-from-server": { kind: "WrongDirection", within: "container", field: "type", offset: 0 },
  "container-too-short-3": { kind: "FrameTooShort", within: "container", offset: 3 },
  "server-hello-short-esk": { kind: "FieldLength", within: "d2m.ServerHello", field: "esk", offset: 4 },
  "transaction-ended-garbage": { kind: "Malformed", within: "d2m.TransactionEnded", offset: 4 }
}

it("the vectors are all there", () => {
  assert.strictEqual(vectors.frames.length, 53)
  assert.strictEqual(Object.keys(rewritten).length, 17)
  assert.deepStrictEqual(invalid.map(({ id }) => id).toSorted(), Object.keys(errors).toSorted())
})

describe("frames that are right", () => {
  for (const vector of valid) {
    const input = frameBytes(vector)

    it(`${vector.id}: the bytes are the ones that were recorded`, () => {
      assert.strictEqual(input.length, vector.length)
      assert.strictEqual(sha256(input), vector.sha256)
      assert.strictEqual(input[0], Number(vector.type))
    })

    it(`${vector.id}: decodes to the recorded fields`, () => {
      const frame = succeeded(decode(vector))
      const { envelopeLength, ...fields } = vector.fields
      const stated: Record<string, Fields[string]> = fields
      const decoded = fieldsOf(frame)
      if (envelopeLength !== undefined) {
        assert.strictEqual((decoded["envelopeHex"] as string).length, 2 * (envelopeLength as number))
        assert.match(decoded["envelopeHex"] as string, /^0+$/)
        stated["envelopeHex"] = decoded["envelopeHex"]!
      }
      if (frame._tag === "Unknown") stated["type"] = Number(vector.type)
      assert.deepStrictEqual(mentioned(decoded, stated), stated)
      const declared = [...clientFrames, ...serverFrames].map((schema) => containerInfo(schema)!)
      assert.strictEqual(declared.find(({ name }) => name === vector.name)?.type ?? 0x7f, input[0])
    })

    it(`${vector.id}: is written as ${vector.id in rewritten ? "ours" : "it was"}`, () => {
      const ours = rewritten[vector.id]
      assert.strictEqual(hex(rewrite(vector)), ours ?? hex(input))
      if (ours !== undefined) assert.notStrictEqual(ours, hex(input))
    })

    it(`${vector.id}: is refused in the other direction`, () => {
      const result = decodeBackwards(vector)
      if (vector.name === "proxy" || vector.name === "unknown") succeeded(result)
      else {
        const error = failed(result)
        assert.strictEqual(error.kind, "WrongDirection")
        assert.strictEqual(error.found, `${vector.type} (${vector.name})`)
      }
    })
  }
})

describe("frames that are wrong", () => {
  for (const vector of invalid) {
    it(`${vector.id}: says what is wrong and where`, () => {
      const input = frameBytes(vector)
      assert.strictEqual(sha256(input), vector.sha256)
      const error = failed(decode(vector))
      assert.deepInclude(error, errors[vector.id]!)
      assert.strictEqual(error.field, errors[vector.id]!.field)
    })

    it(`${vector.id}: says the same of equal bytes`, () => {
      const [one, other] = [failed(decode(vector)), failed(decode(vector))]
      assert.notStrictEqual(one, other)
      assert.deepStrictEqual(one, other)
      assert.isTrue(Equal.equals(one, other))
    })
  }
})

/** What must hold for any bytes whatsoever. Says whether they could be decoded. */
const decodesOrFails = (vector: FrameVector, input: Uint8Array): boolean => {
  const result = decode(vector, input)
  if (Result.isSuccess(result)) return true
  const { failure } = result
  if (!(failure instanceof DecodeError) || failure.offset < 0 || failure.offset > input.length) {
    assert.fail(`${vector.id} ${hex(input)}: ${String(failure)}`)
  }
  return false
}

/** What can be decoded is written so that it decodes again, to what is written the same. */
const check = (vector: FrameVector, input: Uint8Array): void => {
  if (!decodesOrFails(vector, input)) return
  const again = rewrite(vector, input)
  const twice = rewrite(vector, again)
  if (Buffer.compare(again, twice) !== 0) assert.fail(`${vector.id} ${hex(input)}: ${hex(again)} then ${hex(twice)}`)
}

const bits: ReadonlySet<number> = new Set([1, 2, 4, 8, 16, 32, 64, 128])

describe("damaged frames", () => {
  const small = vectors.frames.filter((vector) => vector.build === undefined)

  it("each beginning of a frame decodes or fails with a DecodeError", () => {
    for (const vector of small) {
      const input = frameBytes(vector)
      for (let length = 0; length < input.length; length++) check(vector, input.subarray(0, length))
    }
  })

  it("each frame with one byte changed decodes or fails with a DecodeError", () => {
    for (const vector of small) {
      const input = frameBytes(vector)
      for (let at = 0; at < input.length; at++) {
        const original = input[at]!
        for (let value = 0; value < 256; value++) {
          input[at] = value
          // Writing is the dear part: one change of each bit will do.
          if (bits.has(value ^ original)) check(vector, input)
          else decodesOrFails(vector, input)
        }
        input[at] = original
      }
    }
  })

  it("each frame with a byte too many or too few decodes or fails with a DecodeError", () => {
    for (const vector of small) {
      const input = [...frameBytes(vector)]
      for (let at = 0; at < input.length; at++) {
        check(vector, Uint8Array.from(input.toSpliced(at, 1)))
        check(vector, Uint8Array.from(input.toSpliced(at, 0, 0x0a)))
      }
    }
  })

  it("an error tells nothing of the bytes", () => {
    const marker = "c0ffeec0ffeec0ffee"
    const cut = bytes(`45000000122a${marker}`)
    for (const input of [cut, bytes(`10000000120a${marker}00`), bytes(`45000000${"ff".repeat(6)}${marker}`)]) {
      const error = failed(decodeServerFrame(input))
      assert.notMatch(JSON.stringify(error) + error.message + String(error), /c0ffee|192,255|À/i)
    }
  })
})
