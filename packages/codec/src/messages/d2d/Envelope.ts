/**
 * What a reflected message holds once its box is open.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import { ContactSync, DistributionListSync, MdmParameterSync, SettingsSync, UserProfileSync } from "./DataSync.ts"
import { GroupSync } from "./GroupSync.ts"
import { IncomingMessage, IncomingMessageUpdate, OutgoingMessage, OutgoingMessageUpdate } from "./Messages.ts"

/**
 * Versions of the protocol between devices, high byte major, low byte minor (PROTOCOL A5).
 *
 * @category enums
 * @since 0.1.0
 */
export const ProtocolVersion = Protobuf.openEnum("d2d.ProtocolVersion", {
  /** The sender says nothing, which means V0.1. */
  UNSPECIFIED: 0,
  /** Groups follow from reflected chat messages, as far as they can. */
  V0_1: 1,
  /** Groups have a sync of their own, and follow from reflected chat messages where it is missing. */
  V0_2: 2,
  /** Groups have a sync of their own only. */
  V0_3: 3
})

/**
 * A number of {@link ProtocolVersion}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ProtocolVersion = number

/**
 * What a reflected message holds once its box is open, made with DGRK (PROTOCOL A5, d2d; B1).
 *
 * Encoded it is at most `Limits.plainEnvelope` bytes, padding included.
 *
 * @category messages
 * @since 0.1.0
 */
export class Envelope extends Schema.Opaque<Envelope>()(
  Protobuf.message("d2d.Envelope", "What one device tells the others", {
    padding: Protobuf.bytes(1, "Any bytes, to hide the length; ignored"),
    content: Protobuf.oneof("What happened", {
      outgoingMessage: Protobuf.embed(OutgoingMessage, 2, "The device sends a chat message"),
      incomingMessage: Protobuf.embed(IncomingMessage, 4, "The device received a chat message"),
      userProfileSync: Protobuf.embed(UserProfileSync, 5, "The user's profile changed"),
      contactSync: Protobuf.embed(ContactSync, 6, "A contact was added or changed"),
      groupSync: Protobuf.embed(GroupSync, 7, "A group was made, changed or deleted"),
      distributionListSync: Protobuf.embed(DistributionListSync, 8, "A distribution list was made, changed or deleted"),
      settingsSync: Protobuf.embed(SettingsSync, 9, "Settings changed"),
      outgoingMessageUpdate: Protobuf.embed(OutgoingMessageUpdate, 10, "Something became of outgoing messages"),
      incomingMessageUpdate: Protobuf.embed(IncomingMessageUpdate, 11, "Something became of incoming messages"),
      mdmParameterSync: Protobuf.embed(MdmParameterSync, 12, "Device management parameters changed")
    }),
    protocolVersion: Protobuf.uint32(
      3,
      "Version between devices: high byte major, low byte minor; 0 from senders that say none, for V0.1"
    ),
    deviceId: Protobuf.fixed64(13, "Id of the device that reflects")
  })
) {}
