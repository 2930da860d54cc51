/**
 * The frames of the handshake: ServerHello, ClientHello, ServerInfo (PROTOCOL A5, C1).
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { challengeBox, deviceInfoBox, sharedDeviceDataBox } from "../Box.ts"
import { protobufFrame } from "../Container.ts"
import * as Protobuf from "../Protobuf.ts"

/**
 * What becomes of a new device when all slots are taken.
 *
 * @category enums
 * @since 0.1.0
 */
export const DeviceSlotsExhaustedPolicy = Protobuf.openEnum("d2m.ClientHello.DeviceSlotsExhaustedPolicy", {
  /** The mediator refuses the new device with 4111. */
  REJECT: 0,
  /** The mediator drops the slot that has been away for the longest. */
  DROP_LEAST_RECENT: 1
})

/**
 * A number of {@link DeviceSlotsExhaustedPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type DeviceSlotsExhaustedPolicy = number

/**
 * How long a slot outlives its connection.
 *
 * @category enums
 * @since 0.1.0
 */
export const DeviceSlotExpirationPolicy = Protobuf.openEnum("d2m.DeviceSlotExpirationPolicy", {
  /** The slot goes some minutes after the device does. */
  VOLATILE: 0,
  /** The slot stays until it is dropped. */
  PERSISTENT: 1
})

/**
 * A number of {@link DeviceSlotExpirationPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type DeviceSlotExpirationPolicy = number

/**
 * Whether the mediator knows a device.
 *
 * @category enums
 * @since 0.1.0
 */
export const DeviceSlotState = Protobuf.openEnum("d2m.DeviceSlotState", {
  /** No slot with this device id. */
  NEW: 0,
  /** A slot with this device id. */
  EXISTING: 1
})

/**
 * A number of {@link DeviceSlotState}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type DeviceSlotState = number

/**
 * Versions of D2M.
 *
 * @category enums
 * @since 0.1.0
 */
export const ProtocolVersion = Protobuf.openEnum("d2m.ProtocolVersion", { V0: 0 })

/**
 * A number of {@link ProtocolVersion}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ProtocolVersion = number

/**
 * The mediator's first frame: the version it can speak and a challenge (0x10).
 *
 * @category frames
 * @since 0.1.0
 */
export class ServerHello extends Schema.Opaque<ServerHello>()(
  protobufFrame(
    "ServerHello",
    {
      type: 0x10,
      direction: "server-to-client",
      meaning: "First frame of the mediator: the version it speaks and the challenge the client must answer"
    },
    {
      version: Protobuf.uint32(1, "Highest protocol version the mediator speaks"),
      esk: Protobuf.fixedBytes(32, 2, "Public key of the mediator's ephemeral X25519 pair of this connection"),
      challenge: Protobuf.fixedBytes(32, 3, "Random bytes that the client proves to have boxed")
    }
  )
) {}

/**
 * The client's answer to ServerHello, with which it asks for its slot (0x11).
 *
 * @category frames
 * @since 0.1.0
 */
export class ClientHello extends Schema.Opaque<ClientHello>()(
  protobufFrame(
    "ClientHello",
    {
      type: 0x11,
      direction: "client-to-server",
      meaning: "Answer to ServerHello: proves the group key and asks for the device's slot"
    },
    {
      version: Protobuf.uint32(1, "Protocol version the client chose"),
      response: Protobuf.fixedBytes(
        72,
        2,
        "Nonce (24 bytes) and box of the challenge (48 bytes), made with DGPK and ESK",
        challengeBox
      ),
      deviceId: Protobuf.deviceId(3, "Id of this device"),
      deviceSlotsExhaustedPolicy: Protobuf.enumeration(
        DeviceSlotsExhaustedPolicy,
        4,
        "What to do when the device is new and all slots are taken"
      ),
      deviceSlotExpirationPolicy: Protobuf.enumeration(
        DeviceSlotExpirationPolicy,
        5,
        "How long the slot outlives the connection"
      ),
      encryptedDeviceInfo: Protobuf.box(6, "d2d.DeviceInfo boxed with DGDIK; opaque to the mediator", deviceInfoBox),
      expectedDeviceSlotState: Protobuf.enumeration(
        DeviceSlotState,
        7,
        "Whether the device thinks it is registered; the mediator refuses with 4115 when it is not so"
      )
    }
  )
) {}

/**
 * The mediator's word that the handshake is done, before any other frame to this client (0x12).
 *
 * @category frames
 * @since 0.1.0
 */
export class ServerInfo extends Schema.Opaque<ServerInfo>()(
  protobufFrame(
    "ServerInfo",
    {
      type: 0x12,
      direction: "server-to-client",
      meaning: "The device is registered; what the mediator knows at this moment"
    },
    {
      maxDeviceSlots: Protobuf.uint32(1, "Number of slots a group can have"),
      deviceSlotState: Protobuf.enumeration(DeviceSlotState, 2, "Whether the slot was there before this ClientHello"),
      encryptedSharedDeviceData: Protobuf.box(
        3,
        "d2d.SharedDeviceData boxed with DGSDDK as last set, or empty; opaque to the mediator",
        sharedDeviceDataBox
      ),
      currentTime: Protobuf.time(4, "The mediator's clock, in milliseconds since 1970"),
      reflectionQueueLength: Protobuf.uint32(5, "Messages in the device's queue, all of which come before Dry")
    }
  )
) {}
