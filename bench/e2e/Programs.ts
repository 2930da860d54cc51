/**
 * The programs that are measured: two bare ones over `ws`, and ours with both of its stores.
 */
import type { Program } from "./Processes.ts"

const bare = (writes: "once" | "corked"): Program => ({
  name: writes === "once" ? "bare ws, a write a message" : "bare ws, corked per tick",
  server: "bare-server.ts",
  client: "bare-client.ts",
  setup: { writes }
})

const ours = (store: "memory" | "sqlite"): Program => ({
  name: store === "memory" ? "d2m" : "d2m, SQLite",
  server: "our-server.ts",
  client: "our-client.ts",
  setup: { store }
})

export const bareOnce = bare("once")
export const bareCorked = bare("corked")
export const ourMemory = ours("memory")
export const ourSqlite = ours("sqlite")
