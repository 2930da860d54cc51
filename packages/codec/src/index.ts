/**
 * The wire of D2M: frames, messages, keys, boxes, close codes and limits.
 *
 * Pure: no clock, no randomness, no IO.
 *
 * @since 0.1.0
 */
export {
  Box,
  type BoxInfo,
  type BoxSchema,
  challengeBox,
  deviceInfoBox,
  envelopeBox,
  sharedDeviceDataBox,
  transactionScopeBox
} from "./Box.ts"
export * from "./ClientFrame.ts"
export * from "./ClientUrlInfo.ts"
export * from "./CloseCode.ts"
export * from "./Crypto.ts"
export * from "./CryptoPrimitives.ts"
export * from "./DecodeError.ts"
export * from "./DeviceGroupKey.ts"
export { EncodeError } from "./EncodeError.ts"
export * from "./frames/Devices.ts"
export * from "./frames/Handshake.ts"
export * from "./frames/Reflection.ts"
export * from "./frames/Transactions.ts"
export * from "./frames/Unknown.ts"
export * from "./Limits.ts"
export * from "./MediatorUrl.ts"
export * from "./Millis.ts"
export * from "./Padding.ts"
export { decodeMessage, encodeMessage, encodeMessageResult } from "./ProtobufCodec.ts"
export * from "./ReflectInPlace.ts"
export * from "./Scalars.ts"
export * from "./ServerFrame.ts"
export * from "./TweetNacl.ts"
export * as Common from "./messages/Common.ts"
export * as D2d from "./messages/D2d.ts"
export * as D2dJoin from "./messages/D2dJoin.ts"
export * as Sync from "./messages/Sync.ts"
export * as Protobuf from "./Protobuf.ts"
