/**
 * The frames by who sends them.
 *
 * @since 0.1.0
 */
import { DevicesInfo, DropDevice, DropDeviceAck, GetDevicesInfo, SetSharedDeviceData } from "./Devices.ts"
import { ClientHello, ServerHello, ServerInfo } from "./Handshake.ts"
import {
  Proxy,
  Reflect,
  ReflectAck,
  Reflected,
  ReflectedAck,
  ReflectionQueueDry,
  RolePromotedToLeader
} from "./Reflection.ts"
import {
  BeginTransaction,
  BeginTransactionAck,
  CommitTransaction,
  CommitTransactionAck,
  TransactionEnded,
  TransactionRejected
} from "./Transactions.ts"

/**
 * All frames that a client sends, without `Unknown`, by type.
 *
 * @category frames
 * @since 0.1.0
 */
export const clientFrames = [
  Proxy,
  ClientHello,
  GetDevicesInfo,
  DropDevice,
  SetSharedDeviceData,
  BeginTransaction,
  CommitTransaction,
  Reflect,
  ReflectedAck
] as const

/**
 * All frames that the mediator sends, without `Unknown`, by type.
 *
 * @category frames
 * @since 0.1.0
 */
export const serverFrames = [
  Proxy,
  ServerHello,
  ServerInfo,
  ReflectionQueueDry,
  RolePromotedToLeader,
  DevicesInfo,
  DropDeviceAck,
  BeginTransactionAck,
  CommitTransactionAck,
  TransactionRejected,
  TransactionEnded,
  ReflectAck,
  Reflected
] as const
