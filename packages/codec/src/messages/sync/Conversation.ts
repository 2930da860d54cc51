/**
 * How a conversation stands in the list: what contacts, groups and distribution lists have in common.
 *
 * @since 0.1.0
 */
import * as Protobuf from "../../Protobuf.ts"

/**
 * Where a conversation stands in the list of conversations (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ConversationVisibility = Protobuf.openEnum("d2d_sync.ConversationVisibility", {
  /** Among the others. */
  NORMAL: 0,
  /** Kept at the top. */
  PINNED: 2,
  /** Put away. */
  ARCHIVED: 1
})

/**
 * A number of {@link ConversationVisibility}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ConversationVisibility = number

/**
 * Whether a conversation is protected from onlookers (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ConversationCategory = Protobuf.openEnum("d2d_sync.ConversationCategory", {
  DEFAULT: 0,
  PROTECTED: 1
})

/**
 * A number of {@link ConversationCategory}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ConversationCategory = number
