/**
 * The frames of transactions: begin, commit, their acks, rejected, ended.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { transactionScopeBox } from "../Box.ts"
import { protobufFrame } from "../Container.ts"
import * as Protobuf from "../Protobuf.ts"

const encryptedScope = (number: number) =>
  Protobuf.box(number, "d2d.TransactionScope boxed with DGTSK; opaque to the mediator", transactionScopeBox)

/**
 * Asks for the group's lock (0x40).
 *
 * @category frames
 * @since 0.1.0
 */
export class BeginTransaction extends Schema.Opaque<BeginTransaction>()(
  protobufFrame(
    "BeginTransaction",
    {
      type: 0x40,
      direction: "client-to-server",
      meaning: "Asks for the group's lock"
    },
    {
      encryptedScope: encryptedScope(1),
      ttl: Protobuf.uint32(2, "Seconds after which the mediator takes the lock back; 0 for the longest it allows")
    }
  )
) {}

/**
 * The sender of BeginTransaction holds the lock (0x41).
 *
 * @category frames
 * @since 0.1.0
 */
export class BeginTransactionAck extends Schema.Opaque<BeginTransactionAck>()(
  protobufFrame(
    "BeginTransactionAck",
    {
      type: 0x41,
      direction: "server-to-client",
      meaning: "This device holds the lock"
    },
    {}
  )
) {}

/**
 * Makes everything reflected in the transaction visible and gives the lock back (0x42).
 *
 * @category frames
 * @since 0.1.0
 */
export class CommitTransaction extends Schema.Opaque<CommitTransaction>()(
  protobufFrame(
    "CommitTransaction",
    {
      type: 0x42,
      direction: "client-to-server",
      meaning: "Makes everything reflected in the transaction visible and gives the lock back"
    },
    {}
  )
) {}

/**
 * The transaction is stored for all other slots: the promise (0x43).
 *
 * @category frames
 * @since 0.1.0
 */
export class CommitTransactionAck extends Schema.Opaque<CommitTransactionAck>()(
  protobufFrame(
    "CommitTransactionAck",
    {
      type: 0x43,
      direction: "server-to-client",
      meaning: "The transaction is stored for all other devices"
    },
    {}
  )
) {}

/**
 * Another device holds the lock (0x44).
 *
 * @category frames
 * @since 0.1.0
 */
export class TransactionRejected extends Schema.Opaque<TransactionRejected>()(
  protobufFrame(
    "TransactionRejected",
    {
      type: 0x44,
      direction: "server-to-client",
      meaning: "Another device holds the lock; wait for TransactionEnded"
    },
    {
      deviceId: Protobuf.deviceId(1, "Id of the device that holds the lock"),
      encryptedScope: encryptedScope(2)
    }
  )
) {}

/**
 * A transaction of another device is over, committed or not (0x45).
 *
 * @category frames
 * @since 0.1.0
 */
export class TransactionEnded extends Schema.Opaque<TransactionEnded>()(
  protobufFrame(
    "TransactionEnded",
    {
      type: 0x45,
      direction: "server-to-client",
      meaning: "A transaction of another device is over, committed or not"
    },
    {
      deviceId: Protobuf.deviceId(1, "Id of the device that held the lock"),
      encryptedScope: encryptedScope(2)
    }
  )
) {}
