/**
 * Each ack leaves after the sync of its data: a power cut loses nothing promised.
 *
 * Watched twice. Inside the process on every machine: COMMIT of a database that syncs, then the ack's way to its socket.
 * And, where there is `strace`, at the kernel: the sync of the log's file, then the write to the socket.
 */
import { assert, describe, it } from "@effect/vitest"
import { Crypto } from "@d2m/codec"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync, realpathSync } from "node:fs"
import { join } from "node:path"
import { directory, serveUnder, serveWith } from "./served.ts"
import { makeBell, makeTalkerAndAway } from "./witness.ts"

const messages = 20

/** Reflects one message at a time, for a device that is away: between two acks nothing is written but the second's. */
const sayAll = (server: Effect.Success<ReturnType<typeof serveWith>>) =>
  Effect.gen(function* () {
    const { port } = JSON.parse(yield* server.line)
    const bell = makeBell()
    const { talker } = yield* makeTalkerAndAway(port, bell)
    for (let n = 1; n <= messages; n++) yield* talker.sayOne
    yield* talker.switchOff
    server.child.kill("SIGINT")
    yield* server.ended
  }).pipe(Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom]))

/** Every ack stands directly behind a sync of its own. */
const assertSyncedBeforeAcked = (order: ReadonlyArray<string>): void => {
  const beforeAcks = order.flatMap((what, index) => (what === "ack" ? [order[index - 1]] : []))
  assert.deepStrictEqual(
    beforeAcks,
    Array.from({ length: messages }, () => "synced")
  )
}

const canTrace = spawnSync("strace", ["-D", "-o", "/dev/null", "true"]).status === 0

/** A reflect-ack in an unmasked WebSocket message, written in one piece or two. */
const ackWritten = /\\x82\\x14(?:", iov_len=2\}, \{iov_base=")?\\x81\\x00\\x00\\x00/
const syncDone = /f(?:data)?sync(?:\(.*mediator\.sqlite-wal>\)| resumed>\)) += 0$/

describe("d2m serve --data", () => {
  it.live(
    "commits with a sync between taking a message and acking it",
    () =>
      Effect.gen(function* () {
        const data = yield* directory
        const trace = join(data, "trace")
        const preload = new URL("./sync-trace.ts", import.meta.url).href
        const server = yield* serveWith(
          { NODE_OPTIONS: `--import=${preload}`, SYNC_TRACE: trace },
          "--data",
          join(data, "mediator")
        )
        yield* sayAll(server)
        assertSyncedBeforeAcked(readFileSync(trace, "utf8").split("\n"))
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.live.skipIf(!canTrace)(
    "syncs the log between taking a message and acking it, and directories that it makes, as the kernel sees it",
    () =>
      Effect.gen(function* () {
        const data = realpathSync(yield* directory)
        const trace = join(data, "trace")
        const calls = "trace=fsync,fdatasync,write,writev"
        const tracer = ["strace", "-D", "-f", "-yy", "-x", "-s", "32", "-e", calls, "-o", trace]
        yield* sayAll(yield* serveUnder(tracer, "--data", join(data, "new", "mediator")))
        const lines = readFileSync(trace, "utf8").split("\n")
        // A directory whose name is not on the disk is gone with the power, whatever is in it.
        const firstAck = lines.findIndex((line) => ackWritten.test(line))
        const synced = lines.slice(0, firstAck).flatMap((line) => /fsync\(\d+<(.*?)>/.exec(line)?.[1] ?? [])
        assert.includeMembers(synced, [data, join(data, "new")])
        const order = lines.flatMap((line) => (ackWritten.test(line) ? "ack" : syncDone.test(line) ? "synced" : []))
        assertSyncedBeforeAcked(order)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )
})
