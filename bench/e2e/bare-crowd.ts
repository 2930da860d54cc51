/**
 * Many connections of the bare program in one process, which say nothing.
 */
import { once } from "node:events"
import { WebSocket } from "ws"
import { serveParent, setup } from "./Workload.ts"

const { connections, url } = setup<{ readonly url: string; readonly connections: number }>()

const open: Array<WebSocket> = []
for (let n = 0; n < connections; n++) {
  const ws = new WebSocket(`${url}device${n}`, { perMessageDeflate: false })
  await once(ws, "open")
  open.push(ws)
}
serveParent({})
