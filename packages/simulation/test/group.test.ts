import { assert, describe, it } from "@effect/vitest"
import { type Content, DeviceStore, makeDevice, Transaction } from "@d2m/client"
import { Crypto, D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { Fault, Mediator } from "@d2m/server-sim"
import { Cause, Effect, Exit, Fiber, Random } from "effect"
import type { SecureRandom } from "effect/crypto"
import { Simulation } from "../src/index.ts"

const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(7))
const ids = [1n, 2n, 3n].map((id) => DeviceId.make(id))
const rounds = 20

const text = (messageId: bigint): Content => ({
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({ messageId })
})

/** What the devices were promised, and what each of them saw in the order it saw it. */
interface Outcome {
  readonly promised: ReadonlyArray<{ readonly from: bigint; readonly id: bigint }>
  readonly refused: ReadonlySet<bigint>
  readonly seen: ReadonlyMap<bigint, ReadonlyArray<bigint>>
}

/** Three devices reflect, singly and in transactions, while the network is cut again and again. */
const life: Effect.Effect<Outcome, unknown, SecureRandom.SecureRandom> = Effect.gen(function* () {
  const mediator = yield* Mediator
  const { groupId } = (yield* Crypto).deriveKeys(groupKey)
  const seen = new Map<bigint, Array<bigint>>()
  const promised: Array<{ readonly from: bigint; readonly id: bigint }> = []
  const refused = new Set<bigint>()

  const devices = yield* Effect.forEach(ids, (deviceId) => {
    const own: Array<bigint> = []
    seen.set(deviceId, own)
    return makeDevice({
      deviceId,
      groupKey,
      identity: "ECHOECHO",
      description: { platform: 0, platformDetails: "", appVersion: "", label: "" },
      onReflected: (batch) =>
        Effect.sync(() => {
          for (const { content } of batch) {
            // At least once: a reflect whose ack was lost comes twice.
            if (content?._tag === "outgoingMessage" && !own.includes(content.value.messageId)) {
              own.push(content.value.messageId)
            }
          }
        })
    }).pipe(
      Effect.provide([
        mediator.socket(
          { deviceGroupId: groupId, serverGroup: "7a" },
          { latency: { min: "1 millis", max: "30 millis" } }
        ),
        DeviceStore.layerMemory
      ])
    )
  })
  yield* Effect.sleep("5 seconds")

  const cuts = yield* Effect.forkChild(
    Effect.forever(
      Effect.gen(function* () {
        yield* Effect.sleep(yield* Random.nextIntBetween(100, 2000))
        const deviceId = ids[yield* Random.nextIntBetween(0, ids.length - 1)]!
        yield* Effect.ignore(Effect.scoped(mediator.inject({ groupId, deviceId }, Fault.Cut())))
      })
    )
  )
  yield* Effect.forEach(
    devices,
    (device, index) =>
      Effect.gen(function* () {
        const from = ids[index]!
        for (let round = 0; round < rounds; round++) {
          yield* Effect.sleep(yield* Random.nextIntBetween(1, 400))
          const id = BigInt(index * 1000 + round)
          if (round % 7 !== 6) {
            yield* device.reflect(text(id))
            promised.push({ from, id })
            continue
          }
          const exit = yield* Effect.exit(
            device.transaction(
              { scope: D2d.TransactionScopeScope.CONTACT_SYNC },
              Effect.gen(function* () {
                const transaction = yield* Transaction
                yield* transaction.reflect(text(id))
                yield* transaction.reflect(text(id + 500n))
              })
            )
          )
          if (Exit.isSuccess(exit)) promised.push({ from, id }, { from, id: id + 500n })
          else {
            const lost = Cause.squash(exit.cause) as { readonly _tag?: string; readonly committed?: string }
            assert.strictEqual(lost._tag, "TransactionLost")
            if (lost.committed === "no") refused.add(id).add(id + 500n)
          }
        }
      }),
    { concurrency: "unbounded" }
  )
  yield* Fiber.interrupt(cuts)
  // After the last cut the longest wait is one backoff.
  yield* Effect.sleep("5 minutes")
  for (const device of devices) assert.strictEqual((yield* device.state.get)._tag, "Live")
  return { promised, refused, seen }
}).pipe(Effect.scoped, Effect.provide([Mediator.layerTest, Crypto.layer]))

describe("a group under cuts", () => {
  it("loses nothing that was promised, shows nothing that was lost, and keeps each sender's order", () => {
    for (let seed = 0; seed < 12; seed++) {
      const { outcome } = Simulation.runEffect(life, { seed })
      if (outcome._tag !== "Done") throw new Error(`seed ${seed}: ${outcome._tag}`)
      if (Exit.isFailure(outcome.exit)) throw new Error(`seed ${seed}: ${Cause.pretty(outcome.exit.cause)}`)
      const { promised, refused, seen } = outcome.exit.value
      for (const [device, own] of seen) {
        const owed = promised.filter(({ from }) => from !== device).map(({ id }) => id)
        const missing = owed.filter((id) => !own.includes(id))
        assert.deepStrictEqual(missing, [], `seed ${seed}, device ${device}: promised and never seen`)
        const ghosts = own.filter((id) => refused.has(id))
        assert.deepStrictEqual(ghosts, [], `seed ${seed}, device ${device}: seen though not committed`)
      }
      for (const own of seen.values()) {
        for (const index of ids.keys()) {
          const singles = own.filter((id) => id >= index * 1000 && id < index * 1000 + 500)
          assert.deepStrictEqual(
            singles,
            [...singles].sort((a, b) => Number(a - b)),
            `seed ${seed}: sender's order`
          )
        }
      }
    }
  })
})
