import { sentBlobsKept } from "@d2m/client"
import { DeviceId } from "@d2m/codec"
import type { MediatorStore } from "@d2m/server-sim"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { Kernel, Machine, Prng, VirtualDisk, VirtualStore } from "../src/index.ts"

type Persists = Parameters<MediatorStore["Service"]["apply"]>[0]

const group = "00"

/** A write that leaves a mark. */
const mark = (id: number): Persists[number] => ({
  _tag: "Persist",
  id,
  groupKey: `${group}${id}`,
  commands: [{ _tag: "SetSharedData", encryptedSharedDeviceData: Uint8Array.of(id) }]
})

/** What the store has of a group, looked up in no time. */
const dataOf = (store: VirtualStore, id: number): ReadonlyArray<number> | undefined => {
  const { latency } = store
  store.latency = 0
  const found = Effect.runSync(store.service.load(`${group}${id}`))
  store.latency = latency
  return Option.getOrUndefined(
    Option.map(found, ({ encryptedSharedDeviceData }) => Array.from(encryptedSharedDeviceData))
  )
}

const makeKernel = () => {
  const prng = Prng.make(1)
  const kernel = new Kernel(prng.fork("order"), 0)
  const machine = () => new Machine(kernel, { name: "machine", prng })
  const untilIdle = () =>
    assert.strictEqual(
      kernel.runUntil(() => false, 100_000),
      "Idle"
    )
  return { kernel, machine, untilIdle }
}

/** Which of the marks are on the disk. */
const marked = (store: VirtualStore): ReadonlyArray<number> => [1, 2, 3].filter((id) => dataOf(store, id) !== undefined)

/** A store whose machine is killed 5 ms after a write of 10 ms has begun. */
const crashed = (kept: number): { readonly store: VirtualStore; readonly hasReturned: boolean } => {
  const { kernel, machine, untilIdle } = makeKernel()
  const store = new VirtualStore(10)
  const mediator = machine()
  const nature = machine()
  let hasReturned = false
  mediator.fork(store.service.apply([mark(1), mark(2), mark(3)]), () => {
    hasReturned = true
  })
  kernel.after(nature, 5, () => {
    mediator.kill()
    nature.fork(store.crash(kept))
  })
  untilIdle()
  return { store, hasReturned }
}

describe("the disk of a mediator that is killed in the middle of a write", () => {
  for (const [kept, expected] of [
    [0, []],
    [1, [1]],
    [2, [1, 2]],
    [3, [1, 2, 3]],
    [9, [1, 2, 3]]
  ] as const) {
    it(`holds the first ${kept} of what was under way, and nothing behind it`, () => {
      const { hasReturned, store } = crashed(kept)
      assert.isFalse(hasReturned)
      assert.deepStrictEqual(marked(store), expected)
    })
  }

  it("holds everything that had returned, whatever comes then", () => {
    const { kernel, machine, untilIdle } = makeKernel()
    const store = new VirtualStore(10)
    const mediator = machine()
    const nature = machine()
    mediator.fork(Effect.andThen(store.service.apply([mark(1)]), store.service.apply([mark(2)])))
    kernel.after(nature, 15, () => {
      mediator.kill()
      nature.fork(store.crash(0))
    })
    untilIdle()
    assert.deepStrictEqual(marked(store), [1])
    // Nothing of the old life is left over for the next one.
    nature.fork(store.crash(9))
    untilIdle()
    assert.deepStrictEqual(marked(store), [1])
  })

  it("does not write again what had returned", () => {
    const { machine, untilIdle } = makeKernel()
    const store = new VirtualStore(10)
    machine().fork(store.service.apply([mark(1)]))
    untilIdle()
    store.latency = 0
    const later = {
      ...mark(1),
      commands: [{ _tag: "SetSharedData", encryptedSharedDeviceData: Uint8Array.of(99) }]
    } as const
    Effect.runSync(store.service.apply([later]))
    Effect.runSync(store.crash(9))
    assert.deepStrictEqual(dataOf(store, 1), [99])
  })

  it("holds the first of all calls that were under way, each of which has its turn behind the one before", () => {
    for (const [after, kept, expected] of [
      [5, 2, [1, 2]],
      [15, 0, [1]],
      [15, 1, [1, 2]],
      [25, 9, [1, 2, 3]]
    ] as const) {
      const { kernel, machine, untilIdle } = makeKernel()
      const store = new VirtualStore(10)
      const mediator = machine()
      const nature = machine()
      let returned = 0
      for (const id of [1, 2, 3]) mediator.fork(store.service.apply([mark(id)]), () => void returned++)
      kernel.after(nature, after, () => {
        mediator.kill()
        nature.fork(store.crash(kept))
      })
      untilIdle()
      assert.strictEqual(returned, Math.floor(after / 10))
      assert.deepStrictEqual(marked(store), expected)
      // The next life waits for nobody of the last one.
      machine().fork(store.service.apply([mark(3)]))
      untilIdle()
      assert.include(marked(store), 3)
    }
  })

  it("carries out nothing that was asked before a write failed, and what is asked afterwards", () => {
    const { kernel, machine, untilIdle } = makeKernel()
    const store = new VirtualStore(10)
    const mediator = machine()
    const ends: Array<string> = []
    const apply = (id: number) =>
      mediator.fork(store.service.apply([mark(id)]), (exit) => void ends.push(`${id} ${exit._tag} ${kernel.now}`))
    const undo = store.failing.add(() => {})
    apply(1)
    apply(2)
    kernel.after(mediator, 11, () => {
      undo()
      apply(3)
    })
    untilIdle()
    assert.deepStrictEqual(ends, ["1 Failure 10", "2 Failure 20", "3 Success 30"])
    assert.deepStrictEqual(marked(store), [3])
  })

  it("holds nothing after a crash that was asked before a write failed", () => {
    const { kernel, machine, untilIdle } = makeKernel()
    const store = new VirtualStore(10)
    const mediator = machine()
    const nature = machine()
    const undo = store.failing.add(() => {})
    mediator.fork(store.service.apply([mark(1)]))
    mediator.fork(store.service.apply([mark(2)]))
    kernel.after(nature, 15, () => {
      undo()
      mediator.kill()
      nature.fork(store.crash(9))
    })
    untilIdle()
    assert.deepStrictEqual(marked(store), [])
  })

  it("takes as much longer as all who slow it down together, and fails for as long as one of them lets it", () => {
    const { kernel, machine, untilIdle } = makeKernel()
    const store = new VirtualStore(10)
    const mediator = machine()
    let acted = 0
    const act = () => {
      acted++
    }
    const undo = [store.slowness.add(act, 100), store.slowness.add(act, 20)]
    mediator.fork(store.service.apply([mark(1)]))
    untilIdle()
    assert.strictEqual(kernel.now, 130)
    mediator.fork(store.service.load(group))
    untilIdle()
    assert.strictEqual(kernel.now, 260, "reading takes as long")
    assert.strictEqual(acted, 4)
    for (const end of undo) end()
    store.latency = 0
    const first = store.failing.add(act)
    const second = store.failing.add(act)
    first()
    assert.isTrue(Exit.isFailure(Effect.runSyncExit(store.service.load(group))))
    second()
    assert.isTrue(Exit.isSuccess(Effect.runSyncExit(store.service.load(group))))
    assert.strictEqual(acted, 5)
  })
})

const nonce = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

describe("the disk of a device", () => {
  it("does not hold a write that was under way when its machine was killed, and holds one that had returned", () => {
    const { kernel, machine, untilIdle } = makeKernel()
    const disk = new VirtualDisk(10)
    const device = machine()
    const nature = machine()
    device.fork(
      Effect.andThen(
        disk.store.setSlot("Existing"),
        Effect.andThen(disk.store.addNonces([nonce(1)]), disk.store.addNonces([nonce(2)]))
      )
    )
    kernel.after(nature, 25, () => device.kill())
    untilIdle()
    assert.strictEqual(disk.slot, "Existing")
    assert.deepStrictEqual(Effect.runSync(disk.store.hasNonces([nonce(1), nonce(2), nonce(3)])), [true, false, false])
  })

  it("fails writes and answers reads while it is full", () => {
    const disk = new VirtualDisk(0)
    let acted = 0
    Effect.runSync(disk.store.addNonces([nonce(1)]))
    const undo = disk.full.add(() => {
      acted++
    })
    const exit = Effect.runSyncExit(disk.store.addNonces([nonce(2)]))
    assert.isTrue(Exit.isFailure(exit))
    assert.strictEqual(acted, 1)
    assert.deepStrictEqual(Effect.runSync(disk.store.hasNonces([nonce(1), nonce(2)])), [true, false])
    undo()
    Effect.runSync(disk.store.addNonces([nonce(2)]))
    assert.deepStrictEqual(Effect.runSync(disk.store.hasNonces([nonce(1), nonce(2)])), [true, true])
  })

  it("forgets what was sent long ago, as every store of a device does", () => {
    const disk = new VirtualDisk(0)
    const source = { _tag: "SharedDeviceData" } as const
    for (let n = 0; n <= sentBlobsKept; n++) {
      Effect.runSync(disk.store.addSentBlob(source, { nonce: nonce(n & 1), hash: nonce(n === 1 ? 9 : 8) }))
    }
    const sent = Effect.runSync(disk.store.sentBlobs(source))
    assert.deepStrictEqual([sent.length, sent[0]!.hash[0], sent[1]!.hash[0]], [sentBlobsKept, 9, 8])
  })

  it("has a copy that goes its own way", () => {
    const disk = new VirtualDisk(0)
    const source = { _tag: "DeviceInfo", deviceId: DeviceId.make(1n) } as const
    const blob = { nonce: nonce(9), hash: nonce(8) }
    Effect.runSync(disk.store.setSlot("Existing"))
    Effect.runSync(disk.store.addNonces([nonce(1)]))
    Effect.runSync(disk.store.setLatestBlob(source, blob))
    const copy = disk.copy()
    assert.strictEqual(copy.slot, "Existing")
    assert.deepStrictEqual(Effect.runSync(copy.store.latestBlob(source)), Option.some(blob))
    assert.isTrue(Effect.runSync(copy.store.hasBlobNonce(nonce(9))))
    Effect.runSync(copy.store.addSentBlob(source, { nonce: nonce(7), hash: nonce(6) }))
    assert.deepStrictEqual(
      Effect.runSync(Effect.all([copy, disk].map(({ store }) => store.sentBlobs(source)))).map(({ length }) => length),
      [1, 0]
    )
    assert.isFalse(Effect.runSync(disk.store.hasBlobNonce(nonce(7))))
    Effect.runSync(copy.store.addNonces([nonce(2)]))
    assert.deepStrictEqual(Effect.runSync(copy.store.hasNonces([nonce(1), nonce(2)])), [true, true])
    assert.deepStrictEqual(Effect.runSync(disk.store.hasNonces([nonce(1), nonce(2)])), [true, false])
  })
})
