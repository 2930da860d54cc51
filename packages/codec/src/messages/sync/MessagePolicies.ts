/**
 * What the user tells the senders of messages: policies that settings hold and contacts override.
 *
 * @since 0.1.0
 */
import * as Protobuf from "../../Protobuf.ts"

/**
 * Whether a sender learns that a message was read (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ReadReceiptPolicy = Protobuf.openEnum("d2d_sync.ReadReceiptPolicy", {
  SEND_READ_RECEIPT: 0,
  DONT_SEND_READ_RECEIPT: 1
})

/**
 * A number of {@link ReadReceiptPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ReadReceiptPolicy = number

/**
 * Whether the other side sees that the user is typing (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const TypingIndicatorPolicy = Protobuf.openEnum("d2d_sync.TypingIndicatorPolicy", {
  SEND_TYPING_INDICATOR: 0,
  DONT_SEND_TYPING_INDICATOR: 1
})

/**
 * A number of {@link TypingIndicatorPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type TypingIndicatorPolicy = number
