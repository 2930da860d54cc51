/**
 * What the user shows of themselves: name, picture, linked addresses.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"
import { WorkAvailabilityStatus } from "./Work.ts"

/**
 * Who gets to see the user's profile picture (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileProfilePictureShareWith extends Schema.Opaque<UserProfileProfilePictureShareWith>()(
  Protobuf.message("d2d_sync.UserProfile.ProfilePictureShareWith", "Who gets to see the user's profile picture", {
    policy: Protobuf.oneof("Whom the picture is shared with", {
      nobody: Protobuf.embed(Common.Unit, 1, "Nobody sees the picture"),
      everyone: Protobuf.embed(Common.Unit, 2, "Everyone the user writes to sees the picture"),
      allowList: Protobuf.embed(Common.Identities, 3, "Only these people see the picture")
    })
  })
) {}

/**
 * A phone number or an e-mail address that leads to the user's identity (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileIdentityLinksIdentityLink extends Schema.Opaque<UserProfileIdentityLinksIdentityLink>()(
  Protobuf.message(
    "d2d_sync.UserProfile.IdentityLinks.IdentityLink",
    "A phone number or an e-mail address that leads to the user's identity",
    {
      type: Protobuf.oneof("What the identity is linked with", {
        phoneNumber: Protobuf.string(1, "Linked phone number"),
        email: Protobuf.string(2, "Linked e-mail address")
      }),
      description: Protobuf.string(3, "Free text about the link")
    }
  )
) {}

/**
 * Everything the user's identity is linked with (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileIdentityLinks extends Schema.Opaque<UserProfileIdentityLinks>()(
  Protobuf.message("d2d_sync.UserProfile.IdentityLinks", "Everything the user's identity is linked with", {
    links: Protobuf.repeated(
      Protobuf.embed(UserProfileIdentityLinksIdentityLink, 1, "The linked phone numbers and e-mail addresses")
    )
  })
) {}

/**
 * The user's profile; in an update, what is absent has not changed (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfile extends Schema.Opaque<UserProfile>()(
  Protobuf.message("d2d_sync.UserProfile", "The user's profile", {
    nickname: Protobuf.optional(
      Protobuf.string(1, "Name the user goes by; present and empty when there is none any more")
    ),
    profilePicture: Protobuf.embed(Common.DeltaImage, 2, "The user's picture"),
    profilePictureShareWith: Protobuf.embed(UserProfileProfilePictureShareWith, 3, "Who gets to see the picture"),
    identityLinks: Protobuf.embed(UserProfileIdentityLinks, 4, "Phone numbers and e-mail addresses of the user"),
    workAvailabilityStatus: Protobuf.embed(WorkAvailabilityStatus, 5, "Whether the user can be reached for work")
  })
) {}
