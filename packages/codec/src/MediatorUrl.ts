/**
 * Where a device's WebSocket dials: a mediator's base URL, filled in for one device group.
 *
 * Owns the placeholders and the joining of base and path (PROTOCOL A1). The path segment itself is `ClientUrlInfo`'s;
 * which schemes and hosts may be dialled is the transport's.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, toUrlPath } from "./ClientUrlInfo.ts"
import { deviceGroupIdPrefix4, deviceGroupIdPrefix8 } from "./DeviceGroupKey.ts"

/**
 * Builds the URL for a WebSocket from a mediator's base URL.
 *
 * Fills every `{deviceGroupIdPrefix4}` (one lowercase hex digit) and `{deviceGroupIdPrefix8}` (two), adds a slash where
 * the base ends without one, and appends the hex of the `ClientUrlInfo` (PROTOCOL A1). Other placeholders stay as they
 * are. Throws an `EncodeError` as {@link toUrlPath} does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mediatorUrl = (base: string, info: ClientUrlInfo): string => {
  const filled = base
    .replaceAll("{deviceGroupIdPrefix4}", deviceGroupIdPrefix4(info.deviceGroupId))
    .replaceAll("{deviceGroupIdPrefix8}", deviceGroupIdPrefix8(info.deviceGroupId))
  return `${filled}${filled.endsWith("/") ? "" : "/"}${toUrlPath(info)}`
}
