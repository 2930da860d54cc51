import { sqlite } from "./KeptStore.ts"
import { runScenarios } from "./runScenarios.ts"
import { webSocket } from "./WebSocketTarget.ts"

runScenarios(webSocket(sqlite()), "websocket")
