/**
 * From an open connection to a session: version, challenge, slot, clock.
 * Owns the order of the handshake, its checks as pure functions, and the reference that swaps it (PROTOCOL C1, decisions 4,
 * 24, 25).
 * Leaves the deadline to the connection and what follows from a failure to `ReconnectVerdict`.
 *
 * ```text
 *   ServerHello ──► negotiate ──► answer challenge ──► slot: Registering ──► ClientHello
 *   ServerInfo  ──► check slot state ──► slot: Existing ──► check clock ──► Session
 * ```
 */
import {
  type Box,
  type ClientHello,
  Crypto,
  type DeviceGroupKeys,
  type DeviceId,
  DeviceSlotState,
  Limits,
  type ServerInfo
} from "@d2m/codec"
import { Clock, Context, Effect, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import {
  ClockSkew,
  type ConnectionEnd,
  ProtocolViolation,
  SlotContradiction,
  UnsupportedVersion
} from "./ConnectionEnd.ts"
import { DeviceStore, type SlotExpectation } from "./DeviceStore.ts"
import type { Link, MediatorFrame } from "./Link.ts"
import { makeSession, type Session } from "./Session.ts"

/**
 * The protocol versions that a device accepts, both included.
 *
 * @category models
 * @since 0.1.0
 */
export interface VersionRange {
  readonly minimum: number
  readonly maximum: number
}

/**
 * What a device says of itself in its ClientHello, and what it insists on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hello {
  readonly deviceId: DeviceId
  readonly keys: Pick<DeviceGroupKeys, "dgpk">
  readonly versions: VersionRange
  /** `d2d.DeviceInfo` boxed with DGDIK, fresh for this connection. */
  readonly encryptedDeviceInfo: Box<"dgdik">
  /** What becomes of this device when it is new and all slots are taken: `DeviceSlotsExhaustedPolicy`. */
  readonly slotsExhausted: number
  /** How long its slot outlives its connection: `DeviceSlotExpirationPolicy`. */
  readonly slotExpiration: number
  /** How far the mediator's clock may be off, in milliseconds; `Infinity` for any. */
  readonly clockTolerance: number
}

/**
 * The version to speak with a mediator that offers `offered` as its highest (decision 4).
 *
 * @category combinators
 * @since 0.1.0
 */
export const negotiateVersion = (versions: VersionRange, offered: number): Result.Result<number, UnsupportedVersion> =>
  offered < versions.minimum
    ? Result.fail(new UnsupportedVersion({ ...versions, offered }))
    : Result.succeed(Math.min(versions.maximum, offered))

/**
 * The slot state that a ClientHello expects.
 *
 * @category combinators
 * @since 0.1.0
 */
export const expectedSlotState = (slot: SlotExpectation): number =>
  slot === "Existing" ? DeviceSlotState.EXISTING : DeviceSlotState.NEW

/**
 * Whether a ServerInfo names the slot state that the ClientHello expected (decision 25).
 *
 * @category combinators
 * @since 0.1.0
 */
export const checkSlotState = (
  slot: SlotExpectation,
  info: Pick<ServerInfo, "deviceSlotState">
): SlotContradiction | undefined =>
  info.deviceSlotState === expectedSlotState(slot)
    ? undefined
    : new SlotContradiction({ expected: slot === "Existing" ? "Existing" : "New", found: info.deviceSlotState })

/**
 * Whether a ServerInfo's time is near enough to the device's; times in milliseconds (decision 24).
 *
 * @category combinators
 * @since 0.1.0
 */
export const checkClock = (
  now: number,
  tolerance: number,
  info: Pick<ServerInfo, "currentTime">
): ClockSkew | undefined => {
  const skew = Number(info.currentTime - BigInt(Math.floor(now)))
  return Math.abs(skew) > tolerance ? new ClockSkew({ skew, limit: tolerance }) : undefined
}

/**
 * The ClientHello of a device that speaks `version` and remembers `slot`.
 *
 * @internal
 */
export const clientHello = (
  hello: Omit<Hello, "keys" | "versions" | "clockTolerance">,
  version: number,
  response: Uint8Array,
  slot: SlotExpectation
): ClientHello => ({
  _tag: "ClientHello",
  version,
  response,
  deviceId: hello.deviceId,
  deviceSlotsExhaustedPolicy: hello.slotsExhausted,
  deviceSlotExpirationPolicy: hello.slotExpiration,
  encryptedDeviceInfo: hello.encryptedDeviceInfo,
  expectedDeviceSlotState: expectedSlotState(slot)
})

const expectFrame = Effect.fnUntraced(function* <Tag extends MediatorFrame["_tag"]>(link: Link, tag: Tag) {
  const frame = yield* link.next
  if (frame._tag !== tag) return yield* new ProtocolViolation({ expected: tag, found: frame._tag })
  return frame as Extract<MediatorFrame, { readonly _tag: Tag }>
})

/** A write that fails leaves the last word to the reader, which knows why. */
const lastWord = (link: Link): Effect.Effect<never, ConnectionEnd> =>
  Effect.raceFirst(Effect.forever(link.next), link.broken)

/**
 * Makes a session of a connection that was just opened.
 *
 * Persists the slot expectation as `Registering` before the first ClientHello leaves, and as `Existing` once ServerInfo
 * has agreed to it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const handshake: (
  link: Link,
  hello: Hello
) => Effect.Effect<Session, ConnectionEnd, Crypto | SecureRandom.SecureRandom | DeviceStore> = Effect.fnUntraced(
  function* (link, hello) {
    const crypto = yield* Crypto
    const random = yield* SecureRandom.SecureRandom
    const store = yield* DeviceStore

    const offer = yield* expectFrame(link, "ServerHello")
    const version = yield* Effect.fromResult(negotiateVersion(hello.versions, offer.version))
    const nonce = yield* random.randomBytes(Limits.nonce)
    const response = yield* Effect.fromResult(crypto.answerChallenge(hello.keys, offer, nonce)).pipe(
      Effect.mapError(
        () => new ProtocolViolation({ expected: "a usable ephemeral key", found: "a point of low order" })
      )
    )
    const slot = yield* store.slot
    if (slot === "New") yield* store.setSlot("Registering")
    yield* Effect.catch(link.send([clientHello(hello, version, response, slot)]), () => lastWord(link))

    const info = yield* expectFrame(link, "ServerInfo")
    const contradiction = checkSlotState(slot, info)
    if (contradiction !== undefined) return yield* contradiction
    if (slot !== "Existing") yield* store.setSlot("Existing")
    const skew = checkClock(yield* Clock.currentTimeMillis, hello.clockTolerance, info)
    if (skew !== undefined) return yield* skew
    return makeSession(link, info)
  }
)

/**
 * How connections are made into sessions; {@link handshake} unless another is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const Handshake = Context.Reference<typeof handshake>("@d2m/client/Handshake", {
  defaultValue: () => handshake
})
