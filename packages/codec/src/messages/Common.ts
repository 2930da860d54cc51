/**
 * The messages that several protocols share: package `common`.
 *
 * Owns pictures, blobs, group identities and the numbers of chat message types; what they are used for is said where
 * they are used.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../Protobuf.ts"

/**
 * File format of a picture (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ImageType = Protobuf.openEnum("common.Image.Type", {
  JPEG: 0
})

/**
 * A number of {@link ImageType}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ImageType = number

/**
 * Bits of a feature mask: what the client of a contact can receive (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const CspFeatureMaskFlag = Protobuf.openEnum("common.CspFeatureMaskFlag", {
  NONE: 0,
  VOICE_MESSAGE_SUPPORT: 1,
  GROUP_SUPPORT: 2,
  POLL_SUPPORT: 4,
  FILE_MESSAGE_SUPPORT: 8,
  O2O_AUDIO_CALL_SUPPORT: 16,
  O2O_VIDEO_CALL_SUPPORT: 32,
  FORWARD_SECURITY_SUPPORT: 64,
  GROUP_CALL_SUPPORT: 128,
  EDIT_MESSAGE_SUPPORT: 256,
  DELETE_MESSAGE_SUPPORT: 512,
  REACTION_SUPPORT: 1024
})

/**
 * A number of {@link CspFeatureMaskFlag}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type CspFeatureMaskFlag = number

/**
 * What kind of chat message a body is; `GROUP_` ones go to a group (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const CspE2eMessageType = Protobuf.openEnum("common.CspE2eMessageType", {
  /** Stands for an absent type: no message has it. */
  _INVALID_TYPE: 0x00,
  TEXT: 0x01,
  DEPRECATED_IMAGE: 0x02,
  LOCATION: 0x10,
  DEPRECATED_VIDEO: 0x13,
  DEPRECATED_AUDIO: 0x14,
  POLL_SETUP: 0x15,
  POLL_VOTE: 0x16,
  FILE: 0x17,
  CONTACT_SET_PROFILE_PICTURE: 0x18,
  CONTACT_DELETE_PROFILE_PICTURE: 0x19,
  CONTACT_REQUEST_PROFILE_PICTURE: 0x1a,
  GROUP_TEXT: 0x41,
  GROUP_LOCATION: 0x42,
  GROUP_IMAGE: 0x43,
  GROUP_VIDEO: 0x44,
  GROUP_AUDIO: 0x45,
  GROUP_FILE: 0x46,
  GROUP_SETUP: 0x4a,
  GROUP_NAME: 0x4b,
  GROUP_LEAVE: 0x4c,
  GROUP_CALL_START: 0x4f,
  GROUP_SET_PROFILE_PICTURE: 0x50,
  GROUP_SYNC_REQUEST: 0x51,
  GROUP_POLL_SETUP: 0x52,
  GROUP_POLL_VOTE: 0x53,
  GROUP_DELETE_PROFILE_PICTURE: 0x54,
  CALL_OFFER: 0x60,
  CALL_ANSWER: 0x61,
  CALL_ICE_CANDIDATE: 0x62,
  CALL_HANGUP: 0x63,
  CALL_RINGING: 0x64,
  DELIVERY_RECEIPT: 0x80,
  GROUP_DELIVERY_RECEIPT: 0x81,
  REACTION: 0x82,
  GROUP_REACTION: 0x83,
  TYPING_INDICATOR: 0x90,
  EDIT_MESSAGE: 0x91,
  DELETE_MESSAGE: 0x92,
  GROUP_EDIT_MESSAGE: 0x93,
  GROUP_DELETE_MESSAGE: 0x94,
  FORWARD_SECURITY_ENVELOPE: 0xa0,
  EMPTY: 0xfc,
  WORK_SYNC_DELTA: 0xfd,
  WEB_SESSION_RESUME: 0xfe
})

/**
 * A number of {@link CspE2eMessageType}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type CspE2eMessageType = number

/**
 * The value of a choice that says everything by being made (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class Unit extends Schema.Opaque<Unit>()(
  Protobuf.message("common.Unit", "The value of a choice that says everything by being made", {})
) {}

/**
 * Where a file lies on the blob server and what opens it (PROTOCOL A5, common). Holds a secret key.
 *
 * @category messages
 * @since 0.1.0
 */
export class Blob extends Schema.Opaque<Blob>()(
  Protobuf.message("common.Blob", "Where a file lies on the blob server and what opens it", {
    id: Protobuf.bytes(1, "Id of the blob on the blob server"),
    nonce: Protobuf.bytes(2, "Nonce the blob is encrypted with, 24 bytes"),
    key: Protobuf.bytes(3, "Key the blob is encrypted with, 32 bytes"),
    uploadedAt: Protobuf.time(4, "When the blob was uploaded, in milliseconds since 1970")
  })
) {}

/**
 * A blob that comes along itself, not through the blob server (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class BlobData extends Schema.Opaque<BlobData>()(
  Protobuf.message("common.BlobData", "A blob that comes along itself, not through the blob server", {
    id: Protobuf.bytes(1, "Id by which other messages refer to the blob"),
    data: Protobuf.bytes(2, "The bytes of the blob")
  })
) {}

/**
 * A picture (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class Image extends Schema.Opaque<Image>()(
  Protobuf.message("common.Image", "A picture", {
    type: Protobuf.enumeration(ImageType, 1, "File format of the picture"),
    blob: Protobuf.embed(Blob, 2, "Where the picture lies")
  })
) {}

/**
 * Names a group: its id is unique for its creator only (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupIdentity extends Schema.Opaque<GroupIdentity>()(
  Protobuf.message("common.GroupIdentity", "Names a group: its id is unique for its creator only", {
    groupId: Protobuf.fixed64(1, "Id that the creator gave the group"),
    creatorIdentity: Protobuf.string(2, "Identity of the creator, 8 characters")
  })
) {}

/**
 * What has become of a picture; no member means that nothing has (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class DeltaImage extends Schema.Opaque<DeltaImage>()(
  Protobuf.message("common.DeltaImage", "What has become of a picture", {
    image: Protobuf.oneof("Whether there still is a picture", {
      removed: Protobuf.embed(Unit, 1, "There is no picture any more"),
      updated: Protobuf.embed(Image, 2, "This is the picture now")
    })
  })
) {}

/**
 * A stretch of time (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class Timespan extends Schema.Opaque<Timespan>()(
  Protobuf.message("common.Timespan", "A stretch of time", {
    from: Protobuf.time(1, "Start, in milliseconds since 1970"),
    to: Protobuf.time(2, "End, in milliseconds since 1970")
  })
) {}

/**
 * A list of people; an empty one differs from an absent one (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class Identities extends Schema.Opaque<Identities>()(
  Protobuf.message("common.Identities", "A list of people", {
    identities: Protobuf.repeated(Protobuf.string(1, "Identities, 8 characters each"))
  })
) {}

/**
 * Size of a picture or a video (PROTOCOL A5, common).
 *
 * @category messages
 * @since 0.1.0
 */
export class Resolution extends Schema.Opaque<Resolution>()(
  Protobuf.message("common.Resolution", "Size of a picture or a video", {
    width: Protobuf.uint32(1, "Width in pixels"),
    height: Protobuf.uint32(2, "Height in pixels")
  })
) {}
