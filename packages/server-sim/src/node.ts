/**
 * What a mediator needs of Node: a WebSocket server, a store on the disk and a chat server over TCP.
 *
 * @since 0.1.0
 */
export { AdminAddress, layerAdmin } from "./node/AdminServer.ts"
export { defaultGuards, Guards, type GuardsInput, makeGuards, openGuards } from "./node/Guards.ts"
export { ListenAddress, ListenError } from "./node/ListenAddress.ts"
export { layerSqlite, type MediatorStoreSqliteOptions } from "./node/MediatorStoreSqlite.ts"
export { Readiness, type ReadinessStatus } from "./node/Readiness.ts"
export { layerTcpChat, type TcpChatOptions } from "./node/TcpChatUpstream.ts"
export type { ServerTlsOptions } from "./node/ServerTlsOptions.ts"
export { layerWebSocketServer, type WebSocketServerOptions } from "./node/WebSocketServer.ts"
