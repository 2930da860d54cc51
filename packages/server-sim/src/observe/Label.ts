/**
 * How groups and devices are called in logs and spans.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import type { GroupKey } from "../StoreCommand.ts"

/** The first 8 hexadecimal digits: enough to follow a group, too few to connect to it. */
export const groupLabel = (groupKey: GroupKey): string => groupKey.slice(0, 8)

/** 16 hexadecimal digits. */
export const deviceLabel = (deviceId: DeviceId): string => deviceId.toString(16).padStart(16, "0")
