/**
 * One device of a D2M group as Effect services: handshake, reflection, transactions, devices, chat proxy, reconnect.
 *
 * Runs anywhere Effect runs; what needs Node is in `@d2m/client/node`.
 *
 * @since 0.1.0
 */
export { Capacities, Deadlines, defaultCapacities, defaultDeadlines } from "./Bounds.ts"
export { ChatClosed, type ChatDuplex, ChatEnd } from "./ChatProxy.ts"
export * from "./ConnectionEnd.ts"
export { ConnectionState, type ConnectionStateView } from "./ConnectionState.ts"
export { Device, makeDevice } from "./Device.ts"
export { type BlobRejection } from "./DeviceBlob.ts"
export { type DeviceDescription } from "./DeviceDescription.ts"
export { DeviceEvent } from "./DeviceEvent.ts"
export { type DeviceHandlers } from "./DeviceHandlers.ts"
export { DeviceObserver } from "./DeviceObserver.ts"
export { type DeviceOptions } from "./DeviceOptions.ts"
export * from "./DeviceOptionsError.ts"
export { type DeviceEntry, type DeviceError, type SharedData } from "./Devices.ts"
export { Content, type ContentError, EnvelopeTooLarge, InvalidContent, type ReflectedMessage } from "./Envelope.ts"
export { HandlerError, HandlerPolicy } from "./Handler.ts"
export {
  checkClock,
  checkSlotState,
  expectedSlotState,
  Handshake,
  handshake,
  type Hello,
  negotiateVersion,
  type VersionRange
} from "./Handshake.ts"
export * from "./KeepAlive.ts"
export { type Link, type LinkFrame, type MediatorFrame, openLink } from "./Link.ts"
export { NotLive } from "./LiveConnection.ts"
export { layerSpans } from "./observe/DeviceSpans.ts"
export { layerMetrics } from "./observe/Metrics.ts"
export { MessageNotReplayable, type Quarantine } from "./Quarantine.ts"
export { failuresAfter, type LinearBackoff, linearBackoff, ReconnectPolicy } from "./ReconnectPolicy.ts"
export * from "./ReconnectVerdict.ts"
export * from "./ReflectError.ts"
export * from "./ReflectionLedger.ts"
export { type Session, type SessionFrame, type SessionServerFrame } from "./Session.ts"
export { type Provisional, Transaction, type TransactionOptions } from "./Transaction.ts"
export * from "./TransactionError.ts"
export * from "./UserQuestion.ts"
export {
  type BlobSource,
  defaultQuarantineCapacity,
  DeviceStore,
  type LatestBlob,
  makeDeviceStoreMemory,
  type QuarantineEntry,
  QuarantineFull,
  type QuarantineReason,
  sentBlobsKept,
  type SlotExpectation,
  DeviceStoreError
} from "./DeviceStore.ts"
export {
  CertificateRejected,
  Closed,
  type ClosedBy,
  InvalidPinRule,
  InvalidUrl,
  NoPinFor,
  type OpenError,
  openFailed,
  OpenTimeout,
  PinMismatch,
  PlaintextRefused,
  readEnded,
  TlsFailed,
  TransportError,
  transportError,
  Unreachable,
  UpgradeRefused,
  writeFailed
} from "./TransportError.ts"
export * from "./WebSocketPing.ts"
export { layerWebSocket, makeWebSocket, type WebSocketOptions } from "./WebSocketTransport.ts"
