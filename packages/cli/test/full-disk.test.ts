/**
 * `d2m serve --data` where the real disk takes no more: nothing is promised, operators see it, and nothing is lost.
 *
 * On every machine a limit on the size of files, which lasts until the mediator is started again; where a file system of four
 * mebibytes can be mounted, that one, full until somebody frees space.
 */
import { assert, describe, it } from "@effect/vitest"
import { Crypto } from "@d2m/codec"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Fiber } from "effect"
import { spawnSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { directory, serveUnder } from "./served.ts"
import { contradictions, makeBell, makeTalkerAndAway, missingAt } from "./witness.ts"

const shell = (script: string, ...args: ReadonlyArray<string>) => ["sh", "-c", `${script}; exec "$@"`, "sh", ...args]

/** With a mount namespace of its own, in which this directory is a small file system with a file that can be spared. */
const small = (mounted: string) => [
  "unshare",
  "--map-root-user",
  "--mount",
  ...shell(
    `mount -t tmpfs -o size=4m tmpfs '${mounted}' && head -c 3500000 /dev/zero > '${join(mounted, "spare")}' || exit 1`
  )
]

const canMount = spawnSync(small("/mnt")[0]!, [...small("/mnt").slice(1), "true"]).status === 0

interface Disk {
  readonly name: string
  readonly says: string
  /** What the mediator runs under that has its data below this directory. */
  readonly under: (place: string) => ReadonlyArray<string>
  /** Frees space while it runs; absent if only another start helps. */
  readonly relieve: ((pid: number, place: string) => void) | undefined
}

const disks: ReadonlyArray<Disk> = [
  {
    name: "a limit on the size of files",
    says: "DiskFailed",
    under: () => shell("ulimit -f 1024"),
    relieve: undefined
  },
  {
    name: "a file system without space",
    says: "Full",
    under: small,
    // The namespace's view of it.
    relieve: (pid, place) => rmSync(join(`/proc/${pid}/root`, place, "spare"))
  }
]

const ready = (admin: string) => Effect.promise(async () => (await fetch(`${admin}readyz`)).text())

describe("d2m serve --data on a disk that takes no more", () => {
  for (const { name, relieve, says, under } of disks) {
    it.live.skipIf(relieve !== undefined && !canMount)(
      `${name}: promises nothing, says so, and has everything it promised when it is over`,
      () =>
        Effect.gen(function* () {
          const place = yield* directory
          const bell = makeBell()
          const start = (program: ReadonlyArray<string>, port: number) =>
            Effect.gen(function* () {
              const data = join(place, "data")
              const server = yield* serveUnder(program, "--data", data, "--port", String(port), "--admin", "0")
              return {
                server,
                ...(JSON.parse(yield* server.line) as { readonly port: number; readonly admin: string })
              }
            })
          const { admin, port, server } = yield* start(under(place), 0)
          const { away, talker } = yield* makeTalkerAndAway(port, bell)
          assert.strictEqual(yield* ready(admin), "Ready\n")
          let isOver = false
          const talk = yield* Effect.forkChild(talker.talk(() => isOver))

          yield* server.logs("ERROR", says)
          assert.strictEqual(yield* ready(admin), "StoreUnavailable\n")
          const refused = () => talker.closes.filter((code) => code === 1011).length
          yield* bell.until(() => refused() > 0)
          const promised = talker.promised.size
          assert.isAbove(promised, 0)
          yield* bell.until(() => refused() > 3)
          assert.strictEqual(talker.promised.size, promised, "nothing is acked that cannot be kept")

          if (relieve === undefined) {
            server.child.kill("SIGINT")
            yield* server.ended
            yield* start([], port)
          } else {
            relieve(server.child.pid!, place)
          }
          yield* bell.until(() => talker.promised.size > promised + 100)
          isOver = true
          if (relieve !== undefined) assert.strictEqual(yield* ready(admin), "Ready\n")
          yield* Fiber.join(talk)
          yield* away.switchOn
          yield* bell.until(() => missingAt(away, [talker]).length === 0)
          assert.deepStrictEqual(contradictions(away, [talker]), [])
          yield* Effect.all([talker.switchOff, away.switchOff])
        }).pipe(Effect.scoped, Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom])),
      { timeout: 60_000 }
    )
  }
})
