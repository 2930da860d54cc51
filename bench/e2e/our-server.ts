/**
 * Our mediator, served over WebSockets as `d2m serve` does it, with limits that a load test does not reach.
 */
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import { ChatUpstream, lenientOptions, Mediator, MediatorStore } from "@d2m/server-sim"
import { layerSqlite, layerWebSocketServer, ListenAddress, openGuards } from "@d2m/server-sim/node"
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { type ServerSetup, serveParent, setup } from "./Workload.ts"

const { directory, port = 0, store } = setup<ServerSetup>()

const ownDirectory = (): string => {
  const made = mkdtempSync(Path.join(tmpdir(), "d2m-bench-"))
  process.on("exit", () => rmSync(made, { recursive: true, force: true }))
  return made
}

const mediator = Mediator.layer({
  ...lenientOptions,
  maxDeviceSlots: 16,
  queueMessages: 10_000_000,
  queueBytes: 16 * 2 ** 30
}).pipe(
  Layer.provide([
    ChatUpstream.layerNone,
    store === "sqlite" ? layerSqlite({ directory: directory ?? ownDirectory() }) : MediatorStore.layerMemory,
    layerCrypto,
    layerSecureRandom
  ])
)

const server = layerWebSocketServer({ host: "127.0.0.1", port, guards: openGuards }).pipe(Layer.provide(mediator))

const program = Effect.gen(function* () {
  const { url } = yield* ListenAddress
  serveParent({ url })
  return yield* Effect.never
}).pipe(Effect.provide(server))

Effect.runFork(program)
