/**
 * The protocol's cryptography as one synchronous service: keys, boxes, challenge and nonce hashes (PROTOCOL B).
 *
 * Owns every check of length and point, so that an implementation supplies only `CryptoPrimitives`. It has no
 * randomness of its own: nonces and secrets come in from the caller.
 *
 * @since 0.1.0
 */
import { utf8ToBytes } from "@noble/hashes/utils.js"
import { Context, Layer, Redacted, Result, Schema } from "effect"
import type { Box } from "./Box.ts"
import type { CryptoPrimitives } from "./CryptoPrimitives.ts"
import {
  type BoxKey,
  type BoxUse,
  deriveDeviceGroupKeys,
  type DeviceGroupKey,
  type DeviceGroupKeys,
  type GroupId,
  secretKey,
  type SecretKey
} from "./DeviceGroupKey.ts"
import { Limits } from "./Limits.ts"
import { tweetNacl } from "./TweetNacl.ts"

/**
 * A box that cannot be opened: shorter than its 40 bytes of overhead, or sealed with another key, or altered.
 *
 * @category errors
 * @since 0.1.0
 */
export class BoxError extends Schema.TaggedError<BoxError>()("BoxError", {
  reason: Schema.Literals(["TooShort", "Forged"]),
  /** The length of the box in bytes. */
  length: Schema.Int
}) {
  override get message(): string {
    return this.reason === "TooShort"
      ? `a box is at least ${Limits.boxOverhead} bytes long, found ${this.length}`
      : `a box of ${this.length} bytes does not open with this key`
  }
}

/**
 * The server's ephemeral key is a point of low order: everyone would know the shared secret (decision 27).
 *
 * @category errors
 * @since 0.1.0
 */
export class LowOrderPoint extends Schema.TaggedError<LowOrderPoint>()("LowOrderPoint", {}) {
  override get message(): string {
    return "the server's ephemeral key is a point of low order"
  }
}

/**
 * ESK: the X25519 key pair that a mediator makes for one connection (PROTOCOL B2).
 *
 * @category models
 * @since 0.1.0
 */
export interface EphemeralKey {
  readonly secret: SecretKey<"esk">
  /** 32 bytes, sent in ServerHello. */
  readonly public: Uint8Array
}

/**
 * What the protocol asks of cryptography. All synchronous; a wrong length in an argument of the caller's own making
 * (nonce, secret, target) throws a `RangeError`, and nothing that a peer sends makes a method throw.
 *
 * @category services
 * @since 0.1.0
 */
export class Crypto extends Context.Service<
  Crypto,
  {
    /** Derives the six keys of a device group, its id and its URL prefixes (PROTOCOL B1). */
    readonly deriveKeys: (dgk: DeviceGroupKey) => DeviceGroupKeys

    /**
     * Seals into a fresh box: nonce(24) ‖ tag(16) ‖ ciphertext, 40 bytes longer than `plain` (PROTOCOL B3). Its type has
     * the use of the key, and the fields of frames ask for theirs.
     */
    readonly seal: <Use extends BoxUse>(key: BoxKey<Use>, nonce: Uint8Array, plain: Uint8Array) => Box<Use>

    /**
     * Seals into `target` from `offset` on, as `seal` does without the allocation. A `plain` that is already at
     * `target[offset + 40…]` is sealed in place; the nonce must lie outside the target. Which key belongs there, no type
     * says.
     */
    readonly sealInto: (key: BoxKey, nonce: Uint8Array, plain: Uint8Array, target: Uint8Array, offset: number) => void

    /**
     * Opens a box with a key of its use: one that was sealed, or is a field of a frame, or what `Box.make` says it is.
     * The plaintext is the caller's own memory and shares none with the box (PROTOCOL B3).
     */
    readonly open: <Use extends BoxUse>(key: BoxKey<Use>, box: Box<NoInfer<Use>>) => Result.Result<Uint8Array, BoxError>

    /** Makes the ephemeral key pair of a connection from 32 random bytes, which are copied. */
    readonly ephemeralKey: (secret: Uint8Array) => EphemeralKey

    /**
     * The client's answer to a ServerHello: nonce(24) ‖ box of the challenge between DGPK and ESK, 72 bytes
     * (PROTOCOL B2). `esk` and `challenge` are 32 bytes each, as a decoded ServerHello has them.
     */
    readonly answerChallenge: (
      keys: Pick<DeviceGroupKeys, "dgpk">,
      hello: { readonly esk: Uint8Array; readonly challenge: Uint8Array },
      nonce: Uint8Array
    ) => Result.Result<Uint8Array, LowOrderPoint>

    /**
     * Whether a response proves that the client holds the DGPK behind `groupId` (PROTOCOL B2). Compares in constant
     * time; a response that is not 72 bytes, and a group id that is not 32 or of low order, prove nothing.
     */
    readonly verifyResponse: (
      groupId: GroupId,
      esk: EphemeralKey,
      challenge: Uint8Array,
      response: Uint8Array
    ) => boolean

    /** The form in which nonces are stored and handed on: HMAC-SHA-256(key = own identity, nonce) (decision 23). */
    readonly hashNonce: (identity: string, nonce: Uint8Array) => Uint8Array

    /** SHA-256, 32 bytes. */
    readonly sha256: (bytes: Uint8Array) => Uint8Array
  }
>()("@d2m/codec/Crypto") {
  /** tweetnacl and @noble/hashes: runs everywhere. */
  static readonly layer: Layer.Layer<Crypto> = Layer.sync(Crypto, () => makeCrypto(tweetNacl))
}

const expectLength = (what: string, bytes: Uint8Array, length: number): void => {
  if (bytes.length !== length) throw new RangeError(`${what} is ${length} bytes long, found ${bytes.length}`)
}

const zeroPoint = new Uint8Array(Limits.key)

/**
 * Builds the service on a set of primitives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCrypto = (primitives: CryptoPrimitives): Crypto["Service"] => {
  const { equals, hmacSha256, hsalsa20, secretboxOpen, secretboxSeal, sha256, x25519, x25519Public } = primitives

  const sealed = (key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array => {
    expectLength("a nonce", nonce, Limits.nonce)
    const box = new Uint8Array(Limits.boxOverhead + plain.length)
    secretboxSeal(key, nonce, plain, box, 0)
    return box
  }

  /** The NaCl box precomputation, or `undefined` for a public key of low order. */
  const sharedKey = (secret: SecretKey<"dgpk" | "esk">, publicKey: Uint8Array): Uint8Array | undefined => {
    const point = x25519(Redacted.value(secret), publicKey)
    return equals(point, zeroPoint) ? undefined : hsalsa20(point)
  }

  // A device hashes every nonce under one identity: its own.
  let hashedIdentity: string | undefined
  let hashOfIdentity: (data: Uint8Array) => Uint8Array = sha256

  return {
    deriveKeys: (dgk) => deriveDeviceGroupKeys(primitives, dgk),

    seal: <Use extends BoxUse>(key: BoxKey<Use>, nonce: Uint8Array, plain: Uint8Array) =>
      sealed(Redacted.value(key), nonce, plain) as Box<Use>,

    sealInto: (key, nonce, plain, target, offset) => {
      expectLength("a nonce", nonce, Limits.nonce)
      const room = target.length - offset - Limits.boxOverhead
      if (!Number.isInteger(offset) || offset < 0 || room < plain.length) {
        throw new RangeError(`a box of ${plain.length + Limits.boxOverhead} bytes does not fit at ${offset}`)
      }
      secretboxSeal(Redacted.value(key), nonce, plain, target, offset)
    },

    open: (key, box) => {
      if (box.length < Limits.boxOverhead) {
        return Result.fail(new BoxError({ reason: "TooShort", length: box.length }))
      }
      const plain = secretboxOpen(Redacted.value(key), box)
      return plain === undefined
        ? Result.fail(new BoxError({ reason: "Forged", length: box.length }))
        : Result.succeed(plain)
    },

    ephemeralKey: (secret) => {
      expectLength("an ephemeral secret", secret, Limits.key)
      return { secret: Result.getOrThrow(secretKey("esk", secret)), public: x25519Public(secret) }
    },

    answerChallenge: (keys, hello, nonce) => {
      expectLength("an ephemeral key", hello.esk, Limits.key)
      expectLength("a challenge", hello.challenge, Limits.challenge)
      const shared = sharedKey(keys.dgpk, hello.esk)
      return shared === undefined
        ? Result.fail(new LowOrderPoint({}))
        : Result.succeed(sealed(shared, nonce, hello.challenge))
    },

    verifyResponse: (groupId, esk, challenge, response) => {
      if (groupId.length !== Limits.key || response.length !== Limits.response) return false
      const shared = sharedKey(esk.secret, groupId)
      if (shared === undefined) return false
      const answer = secretboxOpen(shared, response)
      return answer !== undefined && equals(answer, challenge)
    },

    hashNonce: (identity, nonce) => {
      if (identity !== hashedIdentity) {
        hashOfIdentity = hmacSha256(utf8ToBytes(identity))
        hashedIdentity = identity
      }
      return hashOfIdentity(nonce)
    },

    sha256
  }
}
