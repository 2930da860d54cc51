/**
 * The entries of `vectors.json` that concern frames and messages, and the form in which it writes decoded fields.
 */
import { assert } from "@effect/vitest"
import { Result } from "effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { DecodeError } from "../src/DecodeError.ts"

type Json = string | number | null | ReadonlyArray<Json> | { readonly [key: string]: Json }

export interface Fields {
  readonly [key: string]: Json
}

export interface FrameVector {
  readonly id: string
  readonly direction: "c2s" | "s2c"
  readonly type: string
  readonly name: string
  readonly length: number
  readonly hex?: string
  readonly build?: { readonly prefixHex: string; readonly fillByte: string; readonly totalLength: number }
  readonly sha256: string
  readonly fields: Fields
  readonly valid: boolean
  readonly canonicalPayloadHex?: string
}

export interface MessageVector {
  readonly id: string
  readonly message?: string
  readonly plaintext: string
  readonly fields: Fields
}

interface Vectors {
  readonly frames: ReadonlyArray<FrameVector>
  readonly envelopes: ReadonlyArray<MessageVector>
  readonly encrypted: ReadonlyArray<MessageVector & { readonly message: string }>
}

export const vectors: Vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"))

export const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

export const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex")

export const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex")

/** The bytes of a frame, built when they are too many to be written down. */
export const frameBytes = (vector: FrameVector): Uint8Array => {
  if (vector.build === undefined) return bytes(vector.hex!)
  const built = new Uint8Array(vector.build.totalLength).fill(Number.parseInt(vector.build.fillByte, 16))
  built.set(bytes(vector.build.prefixHex))
  return built
}

export const frameVector = (id: string): FrameVector => {
  const found = vectors.frames.find((entry) => entry.id === id)
  if (found === undefined) throw new RangeError(`no frame ${id} in vectors.json`)
  return found
}

export const succeeded = <A>(result: Result.Result<A, DecodeError>): A =>
  Result.isSuccess(result) ? result.success : assert.fail(result.failure.message)

export const failed = <A>(result: Result.Result<A, DecodeError>): DecodeError => {
  if (Result.isSuccess(result)) return assert.fail("decoded")
  assert.instanceOf(result.failure, DecodeError)
  return result.failure
}

const noEntries: Json = Object.freeze({})

const isOneof = (value: object): value is { readonly _tag: string; readonly value: unknown } =>
  "_tag" in value && "value" in value

const jsonOf = (value: unknown): Json => {
  if (typeof value === "bigint") return String(value)
  if (typeof value === "string" || typeof value === "number") return value
  if (value instanceof Uint8Array) return hex(value)
  if (Array.isArray(value)) return value.map(jsonOf)
  if (value instanceof Map) {
    return value.size === 0
      ? noEntries
      : Object.fromEntries([...value].map(([key, entry]) => [String(key), jsonOf(entry)]))
  }
  return fieldsOf(value as object)
}

/**
 * A decoded value as `vectors.json` writes it: 64-bit numbers in decimal, bytes in hex under `…Hex`, the chosen member
 * of a oneof under its own name, that of an envelope also named under `content`.
 */
export const fieldsOf = (decoded: object): Fields => {
  const fields: Record<string, Json> = {}
  for (const [key, value] of Object.entries(decoded)) {
    if (key === "_tag") continue
    if (value instanceof Uint8Array) fields[`${key}Hex`] = hex(value)
    else if (typeof value === "object" && isOneof(value)) {
      if (key === "content") fields[key] = value._tag
      fields[value._tag] = jsonOf(value.value)
    } else fields[key] = jsonOf(value)
  }
  return fields
}

const isDefault = (value: Json): boolean =>
  value === 0 || value === "" || value === "0" || value === noEntries || (Array.isArray(value) && value.length === 0)

/** Leaves defaults out of what was decoded where the vector does not mention them. */
export const mentioned = (decoded: Json, stated: Json | undefined): Json => {
  if (typeof decoded !== "object" || decoded === null || typeof stated !== "object" || stated === null) return decoded
  if (Array.isArray(decoded)) {
    return decoded.map((item, index) => mentioned(item, (stated as ReadonlyArray<Json>)[index]))
  }
  return Object.fromEntries(
    Object.entries(decoded).flatMap(([key, value]) => {
      const counterpart = (stated as Fields)[key]
      return counterpart === undefined && isDefault(value) ? [] : [[key, mentioned(value, counterpart)]]
    })
  )
}
