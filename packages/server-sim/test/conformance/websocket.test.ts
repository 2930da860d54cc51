import { memory } from "./KeptStore.ts"
import { runScenarios } from "./runScenarios.ts"
import { webSocket } from "./WebSocketTarget.ts"

runScenarios(webSocket(memory), "websocket")
