import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { DecodeError } from "../src/DecodeError.ts"
import * as D2d from "../src/messages/D2d.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { bytes, failed, type Fields, fieldsOf, hex, mentioned, succeeded, vectors } from "./frame-vectors.ts"

const emptyMdmSync: Fields = { mdmParameterSync: { update: { parameters: {} } } }

/** What stands in a plaintext and not, or not so, in the record. */
const stands: Readonly<Record<string, Fields>> = {
  // The record has its keys in camel case, that of the map too, which is data: the bytes say `th_nickname`.
  "mdm-parameter-sync": {
    mdmParameterSync: {
      update: { parameters: { externalParameters: { th_nickname: { stringValue: "x" } }, parameterPrecedence: 1 } }
    }
  },
  "with-protocol-version-0_3": emptyMdmSync,
  "with-unknown-fields": emptyMdmSync,
  "padding-255": emptyMdmSync
}

/** Plaintexts that are written in another way than ours, and what ours is. */
const rewritten: Readonly<Record<string, string>> = {
  "with-protocol-version-0_3": "180362040a020a00690807060504030201",
  "with-unknown-fields": "62040a020a00690807060504030201",
  "transaction-scope-explicit-zero": ""
}

const scopes = vectors.encrypted.filter(({ message }) => message !== "single raw byte (NOT protobuf)")
const rawBytes = vectors.encrypted.filter(({ message }) => message === "single raw byte (NOT protobuf)")

it("the vectors are all there", () => {
  assert.deepStrictEqual([vectors.envelopes.length, scopes.length, rawBytes.length], [12, 16, 4])
})

describe("envelopes", () => {
  for (const vector of vectors.envelopes) {
    it(`${vector.id}: decodes to the recorded fields`, () => {
      const { content, unknown: _, ...rest } = vector.fields
      const stated = { ...rest, ...stands[vector.id], ...(content === null ? {} : { content: content! }) }
      const decoded = fieldsOf(succeeded(decodeMessage(D2d.Envelope, bytes(vector.plaintext))))
      assert.deepStrictEqual(mentioned(decoded, stated), stated)
      assert.strictEqual("content" in decoded, content !== null)
    })

    it(`${vector.id}: is written as ${vector.id in rewritten ? "ours" : "it was"}`, () => {
      const envelope = succeeded(decodeMessage(D2d.Envelope, bytes(vector.plaintext)))
      assert.strictEqual(hex(encodeMessage(D2d.Envelope, envelope)), rewritten[vector.id] ?? vector.plaintext)
    })
  }
})

describe("device infos, shared device data and scopes", () => {
  const schemas = {
    "d2d.DeviceInfo": D2d.DeviceInfo,
    "d2d.SharedDeviceData": D2d.SharedDeviceData,
    "d2d.TransactionScope": D2d.TransactionScope
  }

  for (const vector of scopes) {
    const schema = schemas[vector.message as keyof typeof schemas]

    it(`${vector.id}: decodes to the recorded fields`, () => {
      const decoded = fieldsOf(succeeded(decodeMessage(schema, bytes(vector.plaintext))))
      assert.deepStrictEqual(mentioned(decoded, vector.fields), vector.fields)
    })

    it(`${vector.id}: is written as ${vector.id in rewritten ? "ours" : "it was"}`, () => {
      const decoded = succeeded(decodeMessage(schema, bytes(vector.plaintext)))
      assert.strictEqual(hex(encodeMessage(schema, decoded)), rewritten[vector.id] ?? vector.plaintext)
    })
  }

  for (const vector of rawBytes) {
    it(`${vector.id}: is no TransactionScope, and says so`, () => {
      const error = failed(decodeMessage(D2d.TransactionScope, bytes(vector.plaintext)))
      assert.deepInclude(error, { kind: "Malformed", within: "d2d.TransactionScope", offset: 0 })
    })
  }
})

describe("damaged envelopes", () => {
  it("each beginning, and each with one byte changed, decodes or fails with a DecodeError", () => {
    for (const { id, plaintext } of vectors.envelopes) {
      const input = bytes(plaintext)
      const check = (damaged: Uint8Array) => {
        const result = decodeMessage(D2d.Envelope, damaged)
        if (Result.isSuccess(result)) {
          const again = encodeMessage(D2d.Envelope, result.success)
          const twice = encodeMessage(D2d.Envelope, succeeded(decodeMessage(D2d.Envelope, again)))
          if (Buffer.compare(again, twice) !== 0) assert.fail(`${id} ${hex(damaged)}`)
        } else if (!(result.failure instanceof DecodeError) || result.failure.offset > damaged.length) {
          assert.fail(`${id} ${hex(damaged)}: ${String(result.failure)}`)
        }
      }
      for (let length = 0; length < input.length; length++) check(input.subarray(0, length))
      for (let at = 0; at < input.length; at++) {
        const original = input[at]!
        for (let value = 0; value < 256; value++) {
          input[at] = value
          check(input)
        }
        input[at] = original
      }
    }
  })
})
