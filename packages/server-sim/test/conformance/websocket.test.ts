import { runScenarios } from "./runScenarios.ts"
import { webSocket } from "./WebSocketTarget.ts"

runScenarios(webSocket, "websocket")
