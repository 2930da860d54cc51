/**
 * What of the client needs Node: the transport with pins, and the durable device store.
 * Owns the `@d2m/client/node` entry.
 * Leaves everything else to `@d2m/client`.
 */
export type { TlsOptions } from "./node/Dial.ts"
export { type DeviceStoreSqliteOptions, layerDeviceStoreSqlite } from "./node/DeviceStoreSqlite.ts"
export { layerNodeWebSocket, type NodeWebSocketOptions, type ServerTrust } from "./node/NodeWebSocket.ts"
export { certificatePin, type PinRule, pinsFor } from "./node/Pins.ts"
