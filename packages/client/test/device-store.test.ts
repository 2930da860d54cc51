import { DeviceId } from "@d2m/codec"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Scope, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { DeviceStore, makeDeviceStoreMemory } from "../src/DeviceStore.ts"
import { layerDeviceStoreSqlite } from "../src/node.ts"
import { bytes, deviceStoreSuite, entry } from "./device-store-suite.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "d2m-store-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)
const file = Effect.map(folder, (path) => join(path, "device.sqlite"))

const withStore = <A, E>(filename: string, use: (store: DeviceStore["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(DeviceStore, use).pipe(Effect.provide(layerDeviceStoreSqlite({ filename })))

const openError = (filename: string) => Effect.flip(withStore(filename, () => Effect.void))

deviceStoreSuite("in memory", (options) => Layer.effect(DeviceStore, makeDeviceStoreMemory(options)))
deviceStoreSuite("in SQLite", (options) =>
  Layer.unwrap(Effect.map(file, (filename) => layerDeviceStoreSqlite({ filename, ...options })))
)

it.effect("layerMemory is a store of its own", () =>
  Effect.gen(function* () {
    yield* (yield* DeviceStore).setSlot("Existing")
    assert.strictEqual(yield* (yield* DeviceStore).slot, "Existing")
  }).pipe(Effect.provide(DeviceStore.layerMemory))
)

it.effect("a file opened again has everything", () =>
  Effect.gen(function* () {
    const filename = yield* file
    const [first, second] = yield* withStore(filename, (store) =>
      Effect.gen(function* () {
        yield* store.setSlot("Existing")
        yield* store.addNonces([bytes(32, 1), bytes(32, 2)])
        yield* store.setLatestBlob(
          { _tag: "DeviceInfo", deviceId: DeviceId.make(7n) },
          { nonce: bytes(32, 3), hash: bytes(32, 4) }
        )
        return [yield* store.quarantine(entry(1)), yield* store.quarantine(entry(2))] as const
      })
    )
    yield* withStore(filename, (store) => store.release(second))
    yield* withStore(filename, (store) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* store.slot, "Existing")
        assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 2), bytes(32, 9)]), [true, false])
        // That of the blob is one of them.
        assert.lengthOf(yield* Stream.runCollect(store.nonces), 3)
        assert.deepStrictEqual(
          yield* store.latestBlob({ _tag: "DeviceInfo", deviceId: DeviceId.make(7n) }),
          Option.some({ nonce: bytes(32, 3), hash: bytes(32, 4) })
        )
        assert.deepStrictEqual(yield* store.quarantined, [{ ...entry(1), id: first }])
        assert.isAbove(yield* store.quarantine(entry(3)), second, "an id is not used again after a restart either")
      })
    )
  })
)

it.effect(
  "what was written outlives a process that is killed",
  () =>
    Effect.gen(function* () {
      const filename = yield* file
      const program = `
      import { Effect } from "effect"
      import { DeviceStore } from ${JSON.stringify(join(import.meta.dirname, "../src/DeviceStore.ts"))}
      import { layerDeviceStoreSqlite } from ${JSON.stringify(join(import.meta.dirname, "../src/node.ts"))}
      Effect.runFork(Effect.gen(function*() {
        const store = yield* DeviceStore
        yield* store.setSlot("Registering")
        yield* store.addNonces([new Uint8Array(32).fill(5)])
        process.kill(process.pid, "SIGKILL")
      }).pipe(Effect.provide(layerDeviceStoreSqlite({ filename: ${JSON.stringify(filename)} }))))`
      const child = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        cwd: import.meta.dirname,
        encoding: "utf8"
      })
      assert.strictEqual(child.signal, "SIGKILL", child.stderr)
      yield* withStore(filename, (store) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* store.slot, "Registering")
          assert.deepStrictEqual(yield* store.hasNonces([new Uint8Array(32).fill(5)]), [true])
        })
      )
    }),
  30_000
)

it.effect("every commit is synchronised to a write-ahead log", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const filename = join(path, "device.sqlite")
    yield* withStore(filename, (store) =>
      Effect.gen(function* () {
        yield* store.setSlot("Existing")
        assert.include(readdirSync(path), "device.sqlite-wal")
        assert.include(readFileSync(`${filename}-wal`).toString("latin1"), "Existing")
      })
    )
    assert.deepStrictEqual(readdirSync(path), ["device.sqlite"], "closing leaves one file")
  })
)

it.effect("a second opening is refused while the first lives, and possible after", () =>
  Effect.gen(function* () {
    const filename = yield* file
    const scope = yield* Scope.make()
    const layer = layerDeviceStoreSqlite({ filename })
    yield* Scope.provide(Layer.build(layer), scope)
    const error = yield* openError(filename)
    assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "InUse" })
    assert.strictEqual(
      error.message,
      "the device store failed to open its file (InUse): another device store has it open, in this process or another"
    )
    // As another process sees it.
    const script = `new (require("node:sqlite").DatabaseSync)(${JSON.stringify(filename)}).exec("SELECT * FROM slot")`
    const child = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" })
    assert.include(child.stderr, "database is locked")
    yield* Scope.close(scope, Exit.void)
    yield* withStore(filename, (store) => store.setSlot("Existing"))
  })
)

it.effect("nobody else may read the file and its log, whatever the umask", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const modes = yield* withStore(join(path, "device.sqlite"), (store) =>
      Effect.andThen(
        store.setSlot("Existing"),
        Effect.sync(() => new Map(readdirSync(path).map((name) => [name, statSync(join(path, name)).mode & 0o777])))
      )
    )
    const expected = new Map([
      ["device.sqlite", 0o600],
      ["device.sqlite-wal", 0o600]
    ])
    assert.deepStrictEqual(modes, expected)
  })
)

it.effect("a place that cannot be written", () =>
  Effect.gen(function* () {
    const path = yield* folder
    for (const filename of [join(path, "missing", "device.sqlite"), path, ":memory:"]) {
      const error = yield* openError(filename)
      assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "Unwritable" }, filename)
      assert.match(error.message, /^the device store failed to open its file \(Unwritable\): ./)
    }
    assert.isFalse(existsSync(":memory:"))
  })
)

// Root may write it all the same.
it.effect.skipIf(process.getuid?.() === 0)("a file that may only be read", () =>
  Effect.gen(function* () {
    const filename = yield* file
    yield* withStore(filename, (store) => store.setSlot("Existing"))
    chmodSync(filename, 0o444)
    const error = yield* openError(filename)
    assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "Unwritable" })
    assert.include(error.message, "EACCES")
  })
)

it.effect("a file that is no device store is refused and left as it is", () =>
  Effect.gen(function* () {
    const filename = yield* file
    const garbage = Buffer.from("not a database at all, ".repeat(100))
    writeFileSync(filename, garbage)
    assert.deepInclude(yield* openError(filename), { _tag: "DeviceStoreError", reason: "Foreign" })
    assert.isTrue(readFileSync(filename).equals(garbage))

    const other = new DatabaseSync(`${filename}.other`)
    other.exec("CREATE TABLE mine (a)")
    other.close()
    const before = readFileSync(`${filename}.other`)
    const error = yield* openError(`${filename}.other`)
    assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "Foreign" })
    assert.include(error.message, "another program")
    assert.isTrue(readFileSync(`${filename}.other`).equals(before))
  })
)

it.effect("a damaged file is an error, not a defect", () =>
  Effect.gen(function* () {
    const filename = yield* file
    yield* withStore(filename, (store) =>
      store.addNonces(
        Array.from({ length: 2000 }, (_, n) =>
          bytes(32, n)
            .fill(n & 255, 0, 4)
            .fill(n >> 8, 4, 8)
        )
      )
    )
    const damaged = readFileSync(filename)
    damaged.fill(0xff, 4096)
    writeFileSync(filename, damaged)
    const error = yield* Effect.flip(withStore(filename, (store) => Stream.runCollect(store.nonces)))
    assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "Corrupt" })
  })
)

it.effect("a file of a newer release is refused", () =>
  Effect.gen(function* () {
    const filename = yield* file
    yield* withStore(filename, (store) => store.setSlot("Existing"))
    const db = new DatabaseSync(filename)
    db.exec("UPDATE schema_version SET version = version + 1")
    db.close()
    const error = yield* openError(filename)
    assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "NewerVersion" })
    assert.include(error.message, "the file has version 4, this release knows 3")
  })
)

it.effect("a file belongs to the device that it was first opened for, and to nobody else", () =>
  Effect.gen(function* () {
    const filename = yield* file
    const opened = (owner?: string) =>
      Effect.flatMap(DeviceStore, (store) => store.slot).pipe(
        Effect.provide(layerDeviceStoreSqlite(owner === undefined ? { filename } : { filename, owner }))
      )
    yield* withStore(filename, (store) => store.setSlot("Existing"))
    assert.strictEqual(yield* opened("phone"), "Existing")
    const error = yield* Effect.flip(opened("desktop"))
    assert.deepInclude(error, {
      _tag: "DeviceStoreError",
      reason: "Foreign",
      detail: "the file belongs to another device"
    })
    assert.strictEqual(yield* opened("phone"), "Existing")
    assert.strictEqual(yield* opened(), "Existing", "who does not say who it is takes responsibility")
  })
)

for (const [version, later] of [
  [1, ["owner", "sent_blob", "blob_nonce"]],
  [2, ["sent_blob", "blob_nonce"]]
] as const) {
  it.effect(`a file of version ${version} is brought up to date and has everything`, () =>
    Effect.gen(function* () {
      const filename = yield* file
      const shared = { _tag: "SharedDeviceData" } as const
      // A nonce may stand there twice.
      const infos = [7n, 8n].map((id) => ({ _tag: "DeviceInfo", deviceId: DeviceId.make(id) }) as const)
      const blob = (n: number) => ({ nonce: bytes(32, n), hash: bytes(32, n + 1) })
      yield* withStore(filename, (store) =>
        Effect.gen(function* () {
          yield* store.setSlot("Existing")
          for (const info of infos) yield* store.setLatestBlob(info, blob(1))
          yield* store.setLatestBlob(shared, blob(5))
        })
      )
      const db = new DatabaseSync(filename)
      for (const table of later) db.exec(`DROP TABLE ${table}`)
      db.exec(`UPDATE schema_version SET version = ${version}`)
      db.close()
      yield* Effect.gen(function* () {
        const store = yield* DeviceStore
        assert.strictEqual(yield* store.slot, "Existing")
        for (const info of infos) assert.deepStrictEqual(yield* store.latestBlob(info), Option.some(blob(1)))
        // They did not tell what was served from what was only sent.
        assert.deepStrictEqual(yield* store.latestBlob(shared), Option.none())
        assert.deepStrictEqual(yield* store.sentBlobs(shared), [blob(5)])
        for (const n of [1, 5]) assert.isTrue(yield* store.hasBlobNonce(bytes(32, n)))
      }).pipe(Effect.provide(layerDeviceStoreSqlite({ filename, owner: "phone" })))
    })
  )
}

it.effect("a file whose making was cut short is finished", () =>
  Effect.gen(function* () {
    const filename = yield* file
    const db = new DatabaseSync(filename)
    db.exec("PRAGMA journal_mode = WAL")
    db.close()
    yield* withStore(filename, (store) => store.setSlot("Existing"))
    assert.strictEqual(yield* withStore(filename, (store) => store.slot), "Existing")
  })
)

it.effect("a batch of nonces is kept whole or not at all", () =>
  Effect.gen(function* () {
    const filename = yield* file
    yield* withStore(filename, (store) =>
      Effect.gen(function* () {
        const bad = "no bytes" as unknown as Uint8Array
        const error = yield* Effect.flip(store.addNonces([bytes(32, 1), bad]))
        assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "Failed", operation: "keep nonces" })
        assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 1)]), [false])
        yield* store.addNonces([bytes(32, 2)])
        assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 2)]), [true])
      })
    )
  })
)

it.effect("used after its end, it says so", () =>
  Effect.gen(function* () {
    const filename = yield* file
    const store = yield* withStore(filename, Effect.succeed)
    const error = yield* Effect.flip(store.setSlot("Existing"))
    assert.deepInclude(error, { _tag: "DeviceStoreError", reason: "Closed", operation: "keep its slot" })
  })
)
