/**
 * The parts of a box, and what is inside when its key is at hand (PROTOCOL B3).
 *
 * Owns the split into nonce, tag and ciphertext. Keys stay with the caller, who hands in a function that opens; a map
 * holds the plaintext, so it is as secret as that.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import { Box, type BoxInfo } from "../Box.ts"
import type { BoxError, Crypto } from "../Crypto.ts"
import type { DeviceGroupKeys } from "../DeviceGroupKey.ts"
import { Limits } from "../Limits.ts"
import type { ByteField, ByteMap, Role } from "./ByteMap.ts"

/**
 * Opens a box whose key is at hand; says `undefined` of one whose key is not.
 *
 * @category models
 * @since 0.1.0
 */
export type Opener = (box: BoxInfo, sealed: Uint8Array) => Result.Result<Uint8Array, BoxError> | undefined

/**
 * Opens what the keys of a device group open: all but the answer to the challenge, which needs the mediator's key too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openWith =
  (crypto: Pick<Crypto["Service"], "open">, keys: DeviceGroupKeys): Opener =>
  ({ key }, sealed) =>
    key === "dgpk" ? undefined : crypto.open(keys[key], Box.make(key, sealed))

/** A field of `bytes[offset…end]`. */
export const fieldOf = (
  bytes: Uint8Array,
  offset: number,
  end: number,
  field: Pick<ByteField, "name" | "type" | "meaning"> & { readonly role: Role } & Partial<ByteField>
): ByteField => ({ fields: [], ...field, offset, length: end - offset, bytes: bytes.subarray(offset, end) })

const keyName = ({ key }: BoxInfo): string => (key === "dgpk" ? "DGPK and ESK" : key.toUpperCase())

/** The three parts of the box at `bytes[offset…end]`, or nothing when it is too short to have them. */
export const boxFields = (
  bytes: Uint8Array,
  offset: number,
  end: number,
  box: BoxInfo,
  open: Opener | undefined,
  plaintext: (box: BoxInfo, bytes: Uint8Array) => ByteMap
): ReadonlyArray<ByteField> => {
  if (end - offset < Limits.boxOverhead) return []
  const mac = offset + Limits.nonce
  const ciphertext = offset + Limits.boxOverhead
  const opened = open?.(box, bytes.subarray(offset, end))
  return [
    fieldOf(bytes, offset, mac, {
      role: "nonce",
      name: "nonce",
      type: "bytes",
      value: bytes.subarray(offset, mac),
      meaning: "Random number of this box, never used twice with the same key"
    }),
    fieldOf(bytes, mac, ciphertext, {
      role: "mac",
      name: "tag",
      type: "bytes",
      value: bytes.subarray(mac, ciphertext),
      meaning: "Poly1305 tag: shows that the box was sealed with the key and not changed since"
    }),
    fieldOf(bytes, ciphertext, end, {
      role: "ciphertext",
      name: "ciphertext",
      type: "bytes",
      value: bytes.subarray(ciphertext, end),
      meaning: `${box.holds === "challenge" ? "The challenge" : box.holds}, encrypted with XSalsa20 and ${keyName(box)}`,
      box,
      ...(opened === undefined ? {} : { opened: Result.map(opened, (plain) => plaintext(box, plain)) })
    })
  ]
}

/** What is remarkable about a field that should be a box. */
export const boxNote = (length: number): { readonly note?: string } =>
  length === 0 || length >= Limits.boxOverhead
    ? {}
    : { note: `No box: the shortest has ${Limits.boxOverhead} bytes, nonce and tag` }
