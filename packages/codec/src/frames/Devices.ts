/**
 * The frames that manage the devices of a group: listing, dropping, shared data.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { deviceInfoBox, sharedDeviceDataBox } from "../Box.ts"
import { protobufFrame } from "../Container.ts"
import * as Protobuf from "../Protobuf.ts"
import { DeviceSlotExpirationPolicy } from "./Handshake.ts"

/**
 * What the mediator knows of one registered slot.
 *
 * @category messages
 * @since 0.1.0
 */
export class AugmentedDeviceInfo extends Schema.Opaque<AugmentedDeviceInfo>()(
  Protobuf.message("d2m.DevicesInfo.AugmentedDeviceInfo", "What the mediator knows of one registered slot", {
    encryptedDeviceInfo: Protobuf.box(1, "d2d.DeviceInfo boxed with DGDIK, as the device last sent it", deviceInfoBox),
    connectionState: Protobuf.oneof("Whether the device is connected", {
      connectedSince: Protobuf.time(2, "Connected, since this time in milliseconds since 1970"),
      lastDisconnectAt: Protobuf.time(4, "Not connected, since this time in milliseconds since 1970")
    }),
    deviceSlotExpirationPolicy: Protobuf.enumeration(
      DeviceSlotExpirationPolicy,
      3,
      "How long the slot outlives its connection"
    )
  })
) {}

/**
 * Asks for the list of registered devices (0x30).
 *
 * @category frames
 * @since 0.1.0
 */
export class GetDevicesInfo extends Schema.Opaque<GetDevicesInfo>()(
  protobufFrame(
    "GetDevicesInfo",
    {
      type: 0x30,
      direction: "client-to-server",
      meaning: "Asks for the list of registered devices"
    },
    {}
  )
) {}

/**
 * All registered devices, the asking one included (0x31).
 *
 * @category frames
 * @since 0.1.0
 */
export class DevicesInfo extends Schema.Opaque<DevicesInfo>()(
  protobufFrame(
    "DevicesInfo",
    {
      type: 0x31,
      direction: "server-to-client",
      meaning: "All registered devices, the asking one included"
    },
    {
      augmentedDeviceInfo: Protobuf.mapByDeviceId(
        Protobuf.embed(AugmentedDeviceInfo, 1, "What is known of each device, by device id")
      )
    }
  )
) {}

/**
 * Frees the slot of a device and deletes its queue (0x32).
 *
 * @category frames
 * @since 0.1.0
 */
export class DropDevice extends Schema.Opaque<DropDevice>()(
  protobufFrame(
    "DropDevice",
    {
      type: 0x32,
      direction: "client-to-server",
      meaning: "Frees the slot of a device and deletes its queue"
    },
    {
      deviceId: Protobuf.deviceId(1, "Id of the device to drop; the own one is allowed")
    }
  )
) {}

/**
 * The device is no longer registered (0x33).
 *
 * @category frames
 * @since 0.1.0
 */
export class DropDeviceAck extends Schema.Opaque<DropDeviceAck>()(
  protobufFrame(
    "DropDeviceAck",
    {
      type: 0x33,
      direction: "server-to-client",
      meaning: "The device is no longer registered"
    },
    {
      deviceId: Protobuf.deviceId(1, "Id of the dropped device")
    }
  )
) {}

/**
 * Replaces the data that every device gets with its ServerInfo (0x34). There is no ack.
 *
 * @category frames
 * @since 0.1.0
 */
export class SetSharedDeviceData extends Schema.Opaque<SetSharedDeviceData>()(
  protobufFrame(
    "SetSharedDeviceData",
    {
      type: 0x34,
      direction: "client-to-server",
      meaning: "Replaces the data that every device gets with its ServerInfo"
    },
    {
      encryptedSharedDeviceData: Protobuf.box(
        1,
        "d2d.SharedDeviceData boxed with DGSDDK; opaque to the mediator",
        sharedDeviceDataBox
      )
    }
  )
) {}
