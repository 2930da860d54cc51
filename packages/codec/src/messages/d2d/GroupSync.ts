/**
 * Changes of groups.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"
import * as Sync from "../Sync.ts"

/**
 * What has become of a member of a group (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const GroupSyncUpdateMemberStateChange = Protobuf.openEnum("d2d.GroupSync.Update.MemberStateChange", {
  ADDED: 0,
  /** Removed from the group by its creator. */
  KICKED: 1,
  /** Gone of their own accord. */
  LEFT: 2
})

/**
 * A number of {@link GroupSyncUpdateMemberStateChange}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type GroupSyncUpdateMemberStateChange = number

/**
 * A group was made (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSyncCreate extends Schema.Opaque<GroupSyncCreate>()(
  Protobuf.message("d2d.GroupSync.Create", "A group was made", {
    group: Protobuf.embed(Sync.Group, 1, "The whole group")
  })
) {}

/**
 * A group has changed (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSyncUpdate extends Schema.Opaque<GroupSyncUpdate>()(
  Protobuf.message("d2d.GroupSync.Update", "A group has changed", {
    group: Protobuf.embed(Sync.Group, 1, "Which group, and what has changed"),
    memberStateChanges: Protobuf.mapByString(
      Protobuf.enumeration(
        GroupSyncUpdateMemberStateChange,
        2,
        "Who joined or went and how, by identity of 8 characters"
      )
    )
  })
) {}

/**
 * A group was deleted (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSyncDelete extends Schema.Opaque<GroupSyncDelete>()(
  Protobuf.message("d2d.GroupSync.Delete", "A group was deleted", {
    groupIdentity: Protobuf.embed(Common.GroupIdentity, 1, "Which group it was")
  })
) {}

/**
 * What was done to a group (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSync extends Schema.Opaque<GroupSync>()(
  Protobuf.message("d2d.GroupSync", "What was done to a group", {
    action: Protobuf.oneof("What was done", {
      create: Protobuf.embed(GroupSyncCreate, 1, "It was made"),
      update: Protobuf.embed(GroupSyncUpdate, 2, "It was changed"),
      delete: Protobuf.embed(GroupSyncDelete, 3, "It was deleted")
    })
  })
) {}
