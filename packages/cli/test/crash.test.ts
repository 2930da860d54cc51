import { assert, describe, it } from "@effect/vitest"
import { Crypto, DeviceId } from "@d2m/codec"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Fiber, Random, Stream } from "effect"
import { directory, serve } from "./served.ts"
import { contradictions, makeBell, makeWitness, missingAt } from "./witness.ts"

const kills = 6

describe("d2m serve --data, killed again and again", () => {
  it.live(
    `loses nothing it promised: ${kills} times SIGKILL under load`,
    () =>
      Effect.gen(function* () {
        const data = yield* directory
        const bell = makeBell()
        const start = Effect.fnUntraced(function* (port: number) {
          const server = yield* serve("--data", data, "--port", String(port), "--log-level", "warn")
          return { server, address: JSON.parse(yield* server.line) as { readonly port: number } }
        })
        let { address, server } = yield* start(0)
        const { port } = address
        const [phone, desktop, tablet, away] = yield* Effect.all([
          makeWitness(1n, port, bell),
          makeWitness(2n, port, bell),
          makeWitness(0xffff_ffff_ffff_ffffn, port, bell),
          makeWitness(4n, port, bell)
        ])
        const everybody = [phone, desktop, tablet, away]
        const live = (device: { readonly state: { readonly changes: Stream.Stream<{ readonly _tag: string }> } }) =>
          device.state.changes.pipe(
            Stream.takeUntil(({ _tag }) => _tag === "Live"),
            Stream.runDrain
          )

        yield* Effect.flatMap(away.switchOn, live)
        yield* away.switchOff
        for (const witness of [phone, desktop, tablet]) yield* Effect.flatMap(witness.switchOn, live)

        let isOver = false
        const traffic = yield* Effect.forkChild(
          Effect.all([phone.talk(() => isOver), desktop.transact(() => isOver), tablet.talk(() => isOver)], {
            concurrency: "unbounded"
          })
        )
        const promises = () => phone.promised.size + desktop.transactions.size + tablet.promised.size
        for (let kill = 0; kill < kills; kill++) {
          const enough = promises() + (yield* Random.nextIntBetween(1, 200))
          yield* bell.until(() => promises() >= enough)
          server.child.kill("SIGKILL")
          assert.strictEqual((yield* server.ended).stderr, "")
          ;({ server } = yield* start(port))
        }
        const alive = promises() + 50
        yield* bell.until(() => promises() >= alive)
        isOver = true
        yield* Fiber.join(traffic)

        const device = yield* Effect.tap(away.switchOn, live)
        const others = (id: DeviceId) => everybody.filter((witness) => witness.id !== id)
        const missing = () => everybody.flatMap((witness) => missingAt(witness, others(witness.id)))
        yield* Effect.timeoutOption(
          bell.until(() => missing().length === 0),
          "30 seconds"
        )
        assert.deepStrictEqual(missing(), [])
        for (const witness of everybody) assert.deepStrictEqual(contradictions(witness, everybody), [], `${witness.id}`)
        for (const [number, outcome] of desktop.transactions) {
          const seen = new Set(
            others(desktop.id).map(({ handled }) => handled.some(({ text }) => text.startsWith(`2 part ${number} `)))
          )
          assert.strictEqual(seen.size, 1, `transaction ${number} (${outcome}) is there for all or for none`)
        }
        assert.isAbove(phone.promised.size, 0)
        assert.include([...desktop.transactions.values()], "committed")

        // No slot was lost or invented, and nobody holds the lock.
        assert.sameMembers(
          [...(yield* device.devices).keys()],
          everybody.map(({ id }) => id)
        )
        const committed = () => [...away.transactions.values()]
        yield* away.transact(() => committed().length > 0)
        assert.deepStrictEqual(committed(), ["committed"])
      }).pipe(Random.withSeed("d2m"), Effect.scoped, Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom])),
    { timeout: 120_000 }
  )
})
