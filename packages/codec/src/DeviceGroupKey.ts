/**
 * The secret a device group shares and the keys that follow from it.
 *
 * Owns the key types, each `Redacted` and labelled with its use, and the derivation of PROTOCOL B1. The algorithms come
 * from `CryptoPrimitives`; sealing, opening and the challenge belong to `Crypto`.
 *
 * @since 0.1.0
 */
import { Redacted, Result, Schema } from "effect"
import type { CryptoPrimitives } from "./CryptoPrimitives.ts"
import { Limits } from "./Limits.ts"

/**
 * A 32-byte secret that knows its use.
 *
 * The label is part of the type, so that one key cannot be handed in where another is asked for, nor for a `Box` of
 * another use; and it is all that printing the key shows: `<redacted:dgrk>`. Only the constructors of this module make one.
 *
 * @category models
 * @since 0.1.0
 */
export type SecretKey<Use extends string> = Redacted.Redacted<Uint8Array> & { readonly label: Use }

/**
 * The uses of the keys that seal boxes (PROTOCOL B1).
 *
 * - `dgrk` seals the `Envelope` of reflect and reflected
 * - `dgdik` seals the `DeviceInfo` of ClientHello and DevicesInfo
 * - `dgsddk` seals the `SharedDeviceData` of SetSharedDeviceData and ServerInfo
 * - `dgtsk` seals the `TransactionScope` of BeginTransaction, TransactionRejected and TransactionEnded
 * - `dghek` belongs to the exchange of history, which runs outside the mediator
 *
 * @category models
 * @since 0.1.0
 */
export type BoxUse = "dgrk" | "dgdik" | "dgsddk" | "dgtsk" | "dghek"

/**
 * A secretbox key: of one use, or of any.
 *
 * @category models
 * @since 0.1.0
 */
export type BoxKey<Use extends BoxUse = BoxUse> = SecretKey<Use>

/**
 * DGK: the 32 bytes from which everything that a device group shares is derived.
 *
 * @category models
 * @since 0.1.0
 */
export type DeviceGroupKey = SecretKey<"dgk">

/**
 * The 32-byte X25519 public key of DGPK. It names the device group in the URL and is no secret.
 *
 * @category models
 * @since 0.1.0
 */
export type GroupId = Uint8Array

/**
 * All that a device group derives from its DGK (PROTOCOL B1).
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceGroupKeys {
  /** DGPK, the X25519 secret that answers the mediator's challenge. */
  readonly dgpk: SecretKey<"dgpk">
  readonly dgrk: BoxKey<"dgrk">
  readonly dgdik: BoxKey<"dgdik">
  readonly dgsddk: BoxKey<"dgsddk">
  readonly dgtsk: BoxKey<"dgtsk">
  readonly dghek: BoxKey<"dghek">
  /** The public half of DGPK. */
  readonly groupId: GroupId
  /** The first 4 bits of the group id: one lowercase hex digit. */
  readonly prefix4: string
  /** The first 8 bits of the group id: two lowercase hex digits. */
  readonly prefix8: string
}

/**
 * A key has not 32 bytes. Carries the length only.
 *
 * @category errors
 * @since 0.1.0
 */
export class KeyLength extends Schema.TaggedError<KeyLength>()("KeyLength", {
  use: Schema.String,
  expected: Schema.Int,
  found: Schema.Int
}) {
  override get message(): string {
    return `${this.use} is ${this.expected} bytes long, found ${this.found}`
  }
}

/**
 * Wraps the 32 bytes of a secret of a given use. The bytes are copied, so that a key may be made from a view of a
 * frame.
 *
 * @category constructors
 * @since 0.1.0
 */
export const secretKey = <const Use extends string>(
  use: Use,
  bytes: Uint8Array
): Result.Result<SecretKey<Use>, KeyLength> =>
  bytes.length === Limits.key
    ? Result.succeed(Redacted.make(new Uint8Array(bytes), { label: use }) as SecretKey<Use>)
    : Result.fail(new KeyLength({ use, expected: Limits.key, found: bytes.length }))

/**
 * Makes device group keys.
 *
 * `fromBytes` is for bytes from outside; `make` is for bytes known to be 32 and throws a `KeyLength` otherwise. Both
 * copy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const DeviceGroupKey = {
  fromBytes: (bytes: Uint8Array): Result.Result<DeviceGroupKey, KeyLength> => secretKey("dgk", bytes),
  make: (bytes: Uint8Array): DeviceGroupKey => Result.getOrThrow(secretKey("dgk", bytes))
}

/**
 * Makes a box key without a device group, for tools and tests. Copies; throws a `KeyLength` unless there are 32 bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const BoxKey = {
  make: <const Use extends BoxUse>(use: Use, bytes: Uint8Array): BoxKey<Use> => Result.getOrThrow(secretKey(use, bytes))
}

/**
 * The first 4 bits of a group id as one lowercase hex digit (PROTOCOL A1).
 *
 * @category getters
 * @since 0.1.0
 */
export const deviceGroupIdPrefix4 = (groupId: GroupId): string => deviceGroupIdPrefix8(groupId).slice(0, 1)

/**
 * The first 8 bits of a group id as two lowercase hex digits, zero padded (PROTOCOL A1).
 *
 * @category getters
 * @since 0.1.0
 */
export const deviceGroupIdPrefix8 = (groupId: GroupId): string => (groupId[0] ?? 0).toString(16).padStart(2, "0")

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

const padded16 = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length > 16) throw new RangeError(`a salt or personal is at most 16 bytes long, found ${bytes.length}`)
  const block = new Uint8Array(16)
  block.set(bytes)
  return block
}

/**
 * The protocol's key derivation: 32 bytes of BLAKE2b over the empty message, keyed, with salt and personal (PROTOCOL
 * B1).
 *
 * Salt and personal are at most 16 bytes and padded with zeros on the right; a longer one throws a `RangeError`.
 *
 * @category derivation
 * @since 0.1.0
 */
export const deriveKey = (
  primitives: Pick<CryptoPrimitives, "blake2b">,
  key: Redacted.Redacted<Uint8Array>,
  salt: Uint8Array,
  personal: Uint8Array
): Redacted.Redacted<Uint8Array> =>
  Redacted.make(primitives.blake2b(Redacted.value(key), padded16(salt), padded16(personal)))

const personal = ascii("3ma-mdev")

/**
 * Derives the six keys of a device group, its id and its URL prefixes (PROTOCOL B1).
 *
 * @category derivation
 * @since 0.1.0
 */
export const deriveDeviceGroupKeys = (
  primitives: Pick<CryptoPrimitives, "blake2b" | "x25519Public">,
  dgk: DeviceGroupKey
): DeviceGroupKeys => {
  const derive = <const Use extends string>(use: Use, tag: string): SecretKey<Use> =>
    Result.getOrThrow(secretKey(use, Redacted.value(deriveKey(primitives, dgk, ascii(tag), personal))))
  const dgpk = derive("dgpk", "p")
  const groupId = primitives.x25519Public(Redacted.value(dgpk))
  return {
    dgpk,
    dgrk: derive("dgrk", "r"),
    dgdik: derive("dgdik", "di"),
    dgsddk: derive("dgsddk", "sdd"),
    dgtsk: derive("dgtsk", "ts"),
    dghek: derive("dghek", "he"),
    groupId,
    prefix4: deviceGroupIdPrefix4(groupId),
    prefix8: deviceGroupIdPrefix8(groupId)
  }
}
