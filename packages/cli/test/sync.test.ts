/**
 * Each ack leaves after the sync of its data, in the order in which the kernel saw it: a power cut loses nothing promised.
 * Watched with `strace`, where there is one; what every machine shows is in the durability tests of `@d2m/server-sim`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Crypto } from "@d2m/codec"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { directory, serveUnder } from "./served.ts"
import { makeBell, makeWitness } from "./witness.ts"

const canTrace = spawnSync("strace", ["-D", "-o", "/dev/null", "true"]).status === 0

/** A reflect-ack in an unmasked WebSocket message, written in one piece or two. */
const ackWritten = /\\x82\\x14(?:", iov_len=2\}, \{iov_base=")?\\x81\\x00\\x00\\x00/
const syncDone = /f(?:data)?sync(?:\(.*mediator\.sqlite-wal>\)| resumed>\)) += 0$/

if (canTrace) {
  describe("d2m serve --data", () => {
    it.live(
      "syncs the log between taking a message and acking it",
      () =>
        Effect.gen(function* () {
          const data = yield* directory
          const trace = join(data, "trace")
          const calls = "trace=fsync,fdatasync,write,writev"
          const tracer = ["strace", "-D", "-f", "-yy", "-x", "-s", "32", "-e", calls, "-o", trace]
          const server = yield* serveUnder(tracer, "--data", join(data, "mediator"))
          const { port } = JSON.parse(yield* server.line)
          const bell = makeBell()
          const [talker, away] = [yield* makeWitness(1n, port, bell), yield* makeWitness(2n, port, bell)]
          for (const witness of [away, talker]) {
            const device = yield* witness.switchOn
            yield* device.state.changes.pipe(
              Stream.takeUntil(({ _tag }) => _tag === "Live"),
              Stream.runDrain
            )
            if (witness === away) yield* away.switchOff
          }
          // One at a time, for nobody else: between two acks nothing is written but the message of the second.
          for (let n = 1; n <= 20; n++) yield* talker.sayOne
          yield* talker.switchOff
          server.child.kill("SIGINT")
          yield* server.ended
          const order = readFileSync(trace, "utf8")
            .split("\n")
            .flatMap((line) => (ackWritten.test(line) ? "ack" : syncDone.test(line) ? "sync" : []))
          const acks = order.flatMap((what, index) => (what === "ack" ? index : []))
          assert.strictEqual(acks.length, 20)
          for (const index of acks) assert.strictEqual(order[index - 1], "sync")
        }).pipe(Effect.scoped, Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom])),
      { timeout: 60_000 }
    )
  })
}
