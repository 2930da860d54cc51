/**
 * Boxes by the use of their key, and which field holds which: the key that opens it and what is inside (PROTOCOL B1, B3).
 *
 * Owns the type and the vocabulary only. Fields carry it as a part of their wire annotation; sealing and opening are
 * `Crypto`'s.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import type { BoxUse } from "./DeviceGroupKey.ts"

declare const boxUse: unique symbol

/**
 * The bytes of a box that a key of one use seals: nonce(24) ‖ tag(16) ‖ ciphertext.
 *
 * The use is part of the type alone: it says where the box was sealed or which field it was read from, so that only the
 * key of that use is taken to open it. What a peer sent may be anything, and a field may be empty.
 *
 * @category models
 * @since 0.1.0
 */
export type Box<Use extends BoxUse = BoxUse> = Uint8Array & { readonly [boxUse]: Use }

/**
 * Takes bytes for a box: one that was kept where types do not reach, or that a test made up. Neither looks at them nor
 * copies; a part of a box is bytes again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Box = {
  make: <const Use extends BoxUse>(_use: Use, bytes: Uint8Array): Box<Use> => bytes as Box<Use>
}

/**
 * The schema of a field that holds a box; to it any bytes are one.
 *
 * @category schemas
 * @since 0.1.0
 */
export interface BoxSchema<Use extends BoxUse> extends Schema.instanceOf<Box<Use>> {
  readonly Rebuild: BoxSchema<Use>
}

/** @internal */
export const boxSchema = <Use extends BoxUse>(): BoxSchema<Use> => Schema.Uint8Array as unknown as BoxSchema<Use>

/**
 * What is said of a byte field that holds a box.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoxInfo<Key extends BoxUse | "dgpk" = BoxUse | "dgpk"> {
  /** The use of the key that seals it; `dgpk` stands for the key that DGPK and ESK agree on (PROTOCOL B2). */
  readonly key: Key
  /** The full protobuf name of the message inside, or `challenge`: the 32 bytes of a ServerHello. */
  readonly holds: string
}

/**
 * The d2d.Envelope of reflect and reflected.
 *
 * @category boxes
 * @since 0.1.0
 */
export const envelopeBox: BoxInfo<"dgrk"> = { key: "dgrk", holds: "d2d.Envelope" }

/**
 * The d2d.DeviceInfo of ClientHello and DevicesInfo.
 *
 * @category boxes
 * @since 0.1.0
 */
export const deviceInfoBox: BoxInfo<"dgdik"> = { key: "dgdik", holds: "d2d.DeviceInfo" }

/**
 * The d2d.SharedDeviceData of SetSharedDeviceData and ServerInfo.
 *
 * @category boxes
 * @since 0.1.0
 */
export const sharedDeviceDataBox: BoxInfo<"dgsddk"> = { key: "dgsddk", holds: "d2d.SharedDeviceData" }

/**
 * The d2d.TransactionScope of BeginTransaction, TransactionRejected and TransactionEnded.
 *
 * @category boxes
 * @since 0.1.0
 */
export const transactionScopeBox: BoxInfo<"dgtsk"> = { key: "dgtsk", holds: "d2d.TransactionScope" }

/**
 * The client's answer to the challenge in ClientHello.
 *
 * @category boxes
 * @since 0.1.0
 */
export const challengeBox: BoxInfo<"dgpk"> = { key: "dgpk", holds: "challenge" }
