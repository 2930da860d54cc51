/**
 * Declares that a byte field holds a box: which key opens it and what is inside (PROTOCOL B1, B3).
 *
 * Owns the vocabulary only. Fields carry it as a part of their wire annotation; opening is `Crypto`'s.
 *
 * @since 0.1.0
 */
import type { BoxUse } from "./DeviceGroupKey.ts"

/**
 * What is said of a byte field that holds a box: nonce(24) ‖ tag(16) ‖ ciphertext.
 *
 * @category models
 * @since 0.1.0
 */
export interface Box {
  /** The key that seals it; `dgpk` stands for the key that DGPK and ESK agree on (PROTOCOL B2). */
  readonly key: BoxUse | "dgpk"
  /** The full protobuf name of the message inside, or `challenge`: the 32 bytes of a ServerHello. */
  readonly holds: string
}

/**
 * The d2d.Envelope of reflect and reflected.
 *
 * @category boxes
 * @since 0.1.0
 */
export const envelopeBox: Box = { key: "dgrk", holds: "d2d.Envelope" }

/**
 * The d2d.DeviceInfo of ClientHello and DevicesInfo.
 *
 * @category boxes
 * @since 0.1.0
 */
export const deviceInfoBox: Box = { key: "dgdik", holds: "d2d.DeviceInfo" }

/**
 * The d2d.SharedDeviceData of SetSharedDeviceData and ServerInfo.
 *
 * @category boxes
 * @since 0.1.0
 */
export const sharedDeviceDataBox: Box = { key: "dgsddk", holds: "d2d.SharedDeviceData" }

/**
 * The d2d.TransactionScope of BeginTransaction, TransactionRejected and TransactionEnded.
 *
 * @category boxes
 * @since 0.1.0
 */
export const transactionScopeBox: Box = { key: "dgtsk", holds: "d2d.TransactionScope" }

/**
 * The client's answer to the challenge in ClientHello.
 *
 * @category boxes
 * @since 0.1.0
 */
export const challengeBox: Box = { key: "dgpk", holds: "challenge" }
