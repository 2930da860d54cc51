import { assert, describe, it } from "@effect/vitest"
import {
  type GroupSnapshot,
  makeMemoryStore,
  MediatorStore,
  type Persist,
  type StoreCommand,
  MediatorStoreError
} from "@d2m/server-sim"
import { layerSqlite } from "@d2m/server-sim/node"
import { Effect, Exit, Fiber, Layer, Option, Random } from "effect"
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { makeSqliteStore } from "../src/node/MediatorStoreSqlite.ts"
import { migrate, migrations } from "../src/node/StoreMigrations.ts"
import { bytes, id } from "./drive.ts"
import {
  ack,
  append,
  groupKey,
  load,
  otherKey,
  persist,
  plain,
  read,
  register,
  storeSuite,
  write
} from "./store-suite.ts"

/** A directory that goes with the scope. */
const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "d2m-store-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const fileIn = (path: string): string => join(path, "mediator.sqlite")

/** Runs with the store in this directory, which is closed afterwards. */
const on = <A, E>(path: string, run: Effect.Effect<A, E, MediatorStore>) =>
  Effect.provide(run, Layer.fresh(layerSqlite({ directory: path })))

/** What another program finds in the file once the store is closed. */
const query = (path: string, sql: string) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new DatabaseSync(fileIn(path))),
    (db) =>
      Effect.sync(() =>
        db
          .prepare(sql)
          .all()
          .map((row) => Object.values(row))
      ),
    (db) => Effect.sync(() => db.close())
  )

const execute = (path: string, sql: string) =>
  Effect.sync(() => {
    const db = new DatabaseSync(fileIn(path))
    db.exec(sql)
    db.close()
  })

const refusal = (path: string) => Effect.flip(on(path, load(groupKey)))

storeSuite(
  "on SQLite",
  Layer.unwrap(Effect.map(directory, (path) => layerSqlite({ directory: join(path, "made", "when missing") })))
)

/** A database as this version leaves it. */
const fixtureOf = (version: number): string =>
  readFileSync(new URL(`./fixtures/mediator-store-${version}.sql`, import.meta.url), "utf8")

const fixture = fixtureOf(1)

/** What the fixtures hold. */
const inFixtures: GroupSnapshot = {
  encryptedSharedDeviceData: bytes(0x5a, 0x5b),
  slots: [
    {
      deviceId: id(1),
      expirationPolicy: 1,
      encryptedDeviceInfo: bytes(0xd1),
      issued: 7,
      queue: { positions: [6], sizes: [1] }
    },
    {
      deviceId: 0xffff_ffff_ffff_ffffn as never,
      expirationPolicy: 0,
      encryptedDeviceInfo: bytes(0xd2, 0xd2),
      issued: 2 ** 32 + 2,
      lastDisconnectAt: 1_700_000_000_000,
      queue: { positions: [2 ** 32, 2 ** 32 + 2], sizes: [1, 2] }
    }
  ]
}

describe("the file", () => {
  it.live("keeps everything from one opening to the next", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* on(path, write(register(id(1)), append(bytes(1, 2), [[id(1), 1]])))
      const before = yield* on(path, Effect.all([load(groupKey), Effect.map(read(id(1), 1), plain)]))
      assert.deepStrictEqual(before[1], [{ position: 1, flags: 0, timestamp: 1_700_000_000_000n, envelope: [1, 2] }])
      yield* on(path, write(ack(id(1), 1)))
      const after = yield* on(path, load(groupKey))
      assert.deepStrictEqual(after?.slots[0]?.queue.positions, [])
      assert.strictEqual(after?.slots[0]?.issued, 1)
    })
  )

  it.live("is synced before a write is done: write-ahead log, synchronous = FULL", () =>
    Effect.gen(function* () {
      const { pragma } = yield* makeSqliteStore({ directory: yield* directory })
      assert.strictEqual(yield* pragma("journal_mode"), "wal")
      assert.strictEqual(yield* pragma("synchronous"), 2)
      assert.strictEqual(yield* pragma("locking_mode"), "exclusive")
      assert.strictEqual(yield* pragma("page_size"), 8192)
      assert.strictEqual(yield* pragma("wal_autocheckpoint"), (32 * 1024 * 1024) / 8192)
    }).pipe(Effect.scoped)
  )

  it.live("holds an envelope once, however many queues it stands in, and none that stands in no queue", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const everybody = Array.from({ length: 8 }, (_, index) => id(index + 1))
      yield* on(
        path,
        write(
          ...everybody.map((device) => register(device)),
          append(
            bytes(9),
            everybody.map((device) => [device, 1])
          )
        )
      )
      assert.deepStrictEqual(yield* query(path, "SELECT count(*) FROM block"), [[1]])
      const [first, ...others] = everybody
      yield* on(path, write(...others.map((device) => ack(device, 1))))
      assert.deepStrictEqual(yield* query(path, "SELECT count(*) FROM block"), [[1]])
      yield* on(path, write({ _tag: "DropSlot", deviceId: first! }))
      assert.deepStrictEqual(yield* query(path, "SELECT count(*) FROM block"), [[0]])
      assert.deepStrictEqual(yield* query(path, "SELECT count(*) FROM counter"), [[7]])
    })
  )

  it.live("holds what is reflected in one go in one row, up to 64 KiB or 256 messages", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const blocksOf = (...commands: ReadonlyArray<StoreCommand>) =>
        Effect.gen(function* () {
          yield* on(path, write({ _tag: "DropSlot", deviceId: id(1) }, register(id(1)), ...commands))
          return (yield* query(path, "SELECT length(heads) / 16 FROM block ORDER BY id")).flat()
        })
      const run = (count: number, size: number, first = 1) =>
        Array.from({ length: count }, (_, n) => append(new Uint8Array(size).fill(n), [[id(1), first + n]]))
      assert.deepStrictEqual(yield* blocksOf(...run(257, 0)), [256, 1])
      assert.deepStrictEqual(yield* blocksOf(...run(3, 32_768)), [2, 1])
      assert.deepStrictEqual(yield* blocksOf(...run(2, 70_000)), [1, 1])
      assert.deepStrictEqual(yield* blocksOf(...run(3, 5), ack(id(1), 2), ...run(3, 5, 4)), [6])
      // An ephemeral in between takes an id.
      const ephemeral: StoreCommand = { _tag: "IssueId", deviceId: id(1), issued: 4 }
      assert.deepStrictEqual(yield* blocksOf(...run(3, 5), ephemeral, ...run(2, 5, 5)), [3, 2])
      assert.strictEqual((yield* on(path, load(groupKey)))?.slots[0]?.issued, 6)
      assert.deepStrictEqual(yield* blocksOf(...run(1, 5), ...run(2, 5, 5)), [1, 2])
      assert.deepStrictEqual((yield* on(path, load(groupKey)))?.slots[0]?.queue.positions, [1, 5, 6])
      const other = append(bytes(9), [[id(2), 2]])
      assert.deepStrictEqual(
        yield* blocksOf(register(id(2), { issued: 1 }), ...run(1, 5), other, ...run(1, 5, 2)),
        [1, 1, 1]
      )
    })
  )

  it.live("gives back what acks have left, wherever they cut", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const both = [id(1), id(2)] as const
      yield* on(
        path,
        Effect.gen(function* () {
          yield* write(...both.map((device) => register(device)), append(bytes(), [[id(1), 1]]))
          yield* write(
            ...[2, 3, 4, 5, 6, 7].map((n) =>
              append(
                new Uint8Array(n).fill(n),
                [
                  [id(1), n],
                  [id(2), n - 1]
                ],
                { flags: n, timestamp: BigInt(n) }
              )
            ),
            ...[6, 3, 4, 9].map((position) => ack(id(1), position))
          )
        })
      )
      const left = (n: number, position: number) => ({
        position,
        flags: n,
        timestamp: BigInt(n),
        envelope: Array.from({ length: n }, () => n)
      })
      const backwards = yield* on(path, read(id(1), 7, 6, 5, 2, 3, 5, 99))
      assert.deepStrictEqual(plain(backwards), [left(7, 7), left(5, 5), left(2, 2), left(5, 5)])
      assert.deepStrictEqual((yield* on(path, load(groupKey)))?.slots[0]?.queue, {
        positions: [1, 2, 5, 7],
        sizes: [0, 2, 5, 7]
      })
      yield* on(path, write(...[1, 2, 5, 7].map((position) => ack(id(1), position))))
      assert.deepStrictEqual(
        plain(yield* on(path, read(id(2), 1, 2, 3, 4, 5, 6))),
        [2, 3, 4, 5, 6, 7].map((n) => left(n, n - 1))
      )
      yield* on(path, write(...[6, 5, 4, 3, 2, 1].map((position) => ack(id(2), position))))
      assert.deepStrictEqual(yield* query(path, "SELECT * FROM block"), [])
    })
  )

  it.live("gives back what acks have left of a block for one slot alone, and lets go of it with the last of it", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const run = [1, 2, 3, 4, 5].map((n) => append(bytes(n), [[id(1), n]]))
      yield* on(path, write(register(id(1)), ...run, append(bytes(9), [[id(1), 6]], { flags: 1 })))
      for (const [acked, left] of [
        [[1], [2, 3, 4, 5, 9]],
        [[3], [2, 4, 5, 9]],
        [[5], [2, 4, 9]],
        [[6, 2], [4]]
      ] as const) {
        yield* on(path, write(...acked.map((position) => ack(id(1), position))))
        const messages = yield* on(path, read(id(1), 1, 2, 3, 4, 5, 6))
        assert.deepStrictEqual(
          messages.map(({ envelope }) => envelope[0]),
          [...left]
        )
      }
      assert.deepStrictEqual(yield* query(path, "SELECT count(*) FROM block"), [[1]])
      yield* on(path, write(ack(id(1), 4)))
      assert.deepStrictEqual(yield* query(path, "SELECT count(*) FROM block"), [[0]])
    })
  )

  it.live("removes what was appended and acked in one write, and what a dropped slot had, for nobody else", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const to = (n: number) => [[id(1), n] as const, [id(2), n] as const]
      yield* on(
        path,
        write(
          ...[id(1), id(2)].map((device) => register(device)),
          ...[1, 2, 3].map((n) => append(bytes(n), to(n))),
          ack(id(1), 1),
          ack(id(1), 3),
          append(bytes(4), to(4)),
          { _tag: "DropSlot", deviceId: id(2) },
          register(id(2), { issued: 1 }),
          append(bytes(5), [
            [id(1), 5],
            [id(2), 2]
          ]),
          ack(id(2), 1)
        )
      )
      const [first, second] = (yield* on(path, load(groupKey)))?.slots ?? []
      assert.deepStrictEqual(first?.queue.positions, [2, 4, 5])
      assert.deepStrictEqual(second?.queue.positions, [2])
      assert.strictEqual(first?.issued, 5)
      assert.strictEqual(second?.issued, 2)
    })
  )

  it.live("is as it was before a write that fails, and writes on", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* on(
        path,
        Effect.gen(function* () {
          const store = yield* MediatorStore
          yield* store.apply([persist(groupKey, register(id(1)), append(bytes(1), [[id(1), 1]]))])
          const before = yield* load(groupKey)
          const error = yield* Effect.flip(
            store.apply([
              persist(groupKey, register(id(2)), append(bytes(2), [[id(1), 2]]), ack(id(1), 1)),
              persist(otherKey, register(id(1)), ack(id(5), 1))
            ])
          )
          assert.instanceOf(error, MediatorStoreError)
          assert.strictEqual(error.operation, "apply")
          assert.deepStrictEqual(yield* load(groupKey), before)
          assert.isUndefined(yield* load(otherKey))
          // Nor does anything of it come along with the next one.
          const encryptedSharedDeviceData = bytes(7)
          yield* store.apply([persist(groupKey, { _tag: "SetSharedData", encryptedSharedDeviceData })])
          assert.deepStrictEqual(yield* load(groupKey), { ...before!, encryptedSharedDeviceData })
          yield* store.apply([
            persist(
              groupKey,
              register(id(2)),
              append(bytes(3), [
                [id(1), 2],
                [id(2), 1]
              ])
            )
          ])
          assert.deepStrictEqual(
            (yield* read(id(2), 1)).map(({ envelope }) => [...envelope]),
            [[3]]
          )
        })
      )
    })
  )

  it.live("is as it was before, too, behind a write that fails, and takes the next one that knows of that", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* on(
        path,
        Effect.gen(function* () {
          const store = yield* MediatorStore
          assert.isTrue(store.isPipelined)
          yield* write(register(id(1)))
          const asked = (...commands: ReadonlyArray<StoreCommand>) =>
            Effect.forkChild(Effect.exit(store.apply([persist(groupKey, ...commands)])), { startImmediately: true })
          const [ahead, failing, ...behind] = [
            yield* asked(append(bytes(1), [[id(1), 1]])),
            yield* asked(ack(id(5), 1)),
            // What is asked behind it is in another transaction.
            yield* Effect.andThen(
              Effect.forkChild(store.load(groupKey), { startImmediately: true }),
              asked(append(bytes(2), [[id(1), 2]]))
            ),
            yield* asked({ _tag: "SetSharedData", encryptedSharedDeviceData: bytes(2) })
          ]
          for (const fiber of [failing, ...behind]) assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
          const found = yield* load(groupKey)
          // Whoever shared its sync fell with it.
          const left = Exit.isSuccess(yield* Fiber.join(ahead)) ? [1] : []
          assert.deepStrictEqual(found?.slots[0]?.queue.positions, left)
          assert.deepStrictEqual(found?.encryptedSharedDeviceData, bytes())
          yield* write(append(bytes(3), [[id(1), 4]]))
          assert.deepStrictEqual((yield* load(groupKey))?.slots[0]?.queue.positions, [...left, 4])
        })
      )
    })
  )

  it.live(
    "and its log are for their owner's eyes, as are directories made for them: group ids in them let devices connect",
    () =>
      Effect.gen(function* () {
        const path = yield* directory
        chmodSync(path, 0o755)
        const modes = yield* on(
          path,
          Effect.andThen(
            write(register(id(1))),
            Effect.sync(() => new Map(readdirSync(path).map((name) => [name, statSync(join(path, name)).mode & 0o777])))
          )
        )
        const expected = new Map([
          ["mediator.sqlite", 0o600],
          ["mediator.sqlite-wal", 0o600]
        ])
        assert.deepStrictEqual(modes, expected)
        const [made, below] = [join(path, "made"), join(path, "made", "below")]
        yield* on(below, Effect.void)
        for (const own of [made, below]) assert.strictEqual(statSync(own).mode & 0o777, 0o700)
      })
  )

  it.live("is refused while another has it, and free once that one is closed", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* on(
        path,
        Effect.gen(function* () {
          const error = yield* refusal(path)
          assert.strictEqual(error.reason, "InUse")
          assert.include(error.message, path)
          // As another process sees it: the refusal must not have cost this one its lock.
          const file = JSON.stringify(join(path, "mediator.sqlite"))
          const script = `new (require("node:sqlite").DatabaseSync)(${file}).exec("SELECT * FROM sqlite_schema")`
          assert.include(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stderr, "database is locked")
        })
      )
      yield* on(path, load(groupKey))
    })
  )

  it.live("is not used after its end", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const store = yield* on(
        path,
        Effect.map(MediatorStore, (store) => store)
      )
      assert.strictEqual((yield* Effect.flip(store.load(groupKey))).reason, "Closed")
    })
  )

  it.live("is refused when it is another program's, and stays what it was", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* execute(path, "CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('mine')")
      assert.strictEqual((yield* refusal(path)).reason, "Foreign")
      assert.deepStrictEqual(yield* query(path, "SELECT * FROM note"), [["mine"]])
      assert.deepStrictEqual(yield* query(path, "PRAGMA journal_mode"), [["delete"]])
      yield* execute(path, "DROP TABLE note; PRAGMA application_id = 7")
      assert.strictEqual((yield* refusal(path)).reason, "Foreign")
    })
  )

  it.live("is refused when it is no database, or a damaged one", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* Effect.sync(() => writeFileSync(fileIn(path), "not a database at all, and long enough to be read as one"))
      assert.strictEqual((yield* refusal(path)).reason, "Foreign")
      yield* Effect.sync(() => rmSync(fileIn(path)))
      yield* execute(path, fixture)
      const intact = readFileSync(fileIn(path))
      yield* Effect.sync(() => writeFileSync(fileIn(path), intact.fill(0xff, 100, 4_096)))
      assert.strictEqual((yield* refusal(path)).reason, "Corrupt")
    })
  )

  it.live("promises nothing once it was deleted, or another one lies in its place", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* on(
        path,
        Effect.gen(function* () {
          yield* write(register(id(1)))
          const refusals = Effect.gen(function* () {
            const written = yield* Effect.flip(write(append(new Uint8Array(1), [[id(1), 1]])))
            const read = yield* Effect.flip(load(groupKey))
            return [written.reason, read.reason]
          })
          yield* Effect.sync(() => rmSync(path, { recursive: true }))
          assert.deepStrictEqual(yield* refusals, ["DiskFailed", "DiskFailed"])
          yield* Effect.sync(() => mkdirSync(path))
          yield* Effect.sync(() => writeFileSync(fileIn(path), ""))
          assert.deepStrictEqual(yield* refusals, ["DiskFailed", "DiskFailed"])
        })
      )
    })
  )

  it.live("is refused where it cannot be made", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* Effect.sync(() => writeFileSync(join(path, "file"), ""))
      for (const place of [join(path, "file"), join(path, "file", "below"), "/proc/d2m"]) {
        const error = yield* refusal(place)
        assert.strictEqual(error.reason, "Unwritable", place)
        assert.include(error.message, place)
      }
      yield* Effect.sync(() => mkdirSync(fileIn(path)))
      assert.strictEqual((yield* refusal(path)).reason, "Unwritable")
    })
  )
})

// Root may write it all the same.
it.live.skipIf(process.getuid?.() === 0)("a file that may only be read is refused as such", () =>
  Effect.gen(function* () {
    const path = yield* directory
    yield* on(path, Effect.void)
    chmodSync(fileIn(path), 0o444)
    const error = yield* Effect.flip(on(path, Effect.void))
    assert.deepInclude(error, { operation: "open", reason: "Unwritable" })
    assert.include(error.message, "EACCES")
  })
)

describe("its versions", () => {
  for (const version of migrations.map((_, index) => index + 1)) {
    it.live(`data of version ${version} is read as it was written, and is gone when it is acked`, () =>
      Effect.gen(function* () {
        const path = yield* directory
        const last = 0xffff_ffff_ffff_ffffn as never
        yield* execute(path, fixtureOf(version))
        yield* on(
          path,
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* load(groupKey), inFixtures)
            assert.deepStrictEqual(plain(yield* read(last, 2 ** 32, 2 ** 32 + 2)), [
              { position: 2 ** 32, flags: 0, timestamp: 1_699_999_999_000n, envelope: [0xe3] },
              { position: 2 ** 32 + 2, flags: 2, timestamp: 1_699_999_999_001n, envelope: [0xe4, 0xe4] }
            ])
            assert.deepStrictEqual(plain(yield* read(id(1), 6)), [
              { position: 6, flags: 0, timestamp: 1_699_999_999_000n, envelope: [0xe3] }
            ])
            yield* write(append(bytes(0xe5), [[last, 2 ** 32 + 3]]))
            yield* write(ack(last, 2 ** 32), ack(last, 2 ** 32 + 2))
            assert.deepStrictEqual((yield* load(groupKey))?.slots[1]?.queue, { positions: [2 ** 32 + 3], sizes: [1] })
            assert.deepStrictEqual((yield* load(groupKey))?.slots[0]?.queue, { positions: [6], sizes: [1] })
            yield* write(ack(last, 2 ** 32 + 3), ack(id(1), 6))
          })
        )
        const rows = ["block", "stretch"].map((table) => query(path, `SELECT * FROM ${table}`))
        assert.deepStrictEqual(yield* Effect.all(rows), [[], []])
      })
    )

    it(`the fixture of version ${version} has the tables that it makes`, () => {
      const schemaAfter = (make: (db: DatabaseSync) => void) => {
        const db = new DatabaseSync(":memory:")
        make(db)
        const schema = "SELECT type, name, sql, user_version FROM sqlite_schema, pragma_user_version ORDER BY name"
        const rows = db.prepare(schema).all()
        db.close()
        return rows
      }
      assert.deepStrictEqual(
        schemaAfter((db) => migrate(db, migrations.slice(0, version))),
        schemaAfter((db) => db.exec(fixtureOf(version)))
      )
    })
  }

  it("a later version adds its steps to the data of an earlier one, each once", () => {
    const db = new DatabaseSync(":memory:")
    db.exec(fixture)
    const steps = [migrations[0]!, "ALTER TABLE slot ADD COLUMN note TEXT", "UPDATE slot SET note = 'three'"]
    migrate(db, steps)
    migrate(db, steps)
    const versions = db.prepare("SELECT DISTINCT note, user_version FROM slot, pragma_user_version").all()
    assert.deepStrictEqual(
      versions.map((row) => ({ ...row })),
      [{ note: "three", user_version: 3 }]
    )
    assert.throws(() => migrate(db, steps.slice(0, 2)), /version 3, this release knows 2/)
    db.close()
  })

  it.live("data of a later version is refused and left alone", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* execute(path, `${fixture}; PRAGMA user_version = 1000`)
      const error = yield* refusal(path)
      assert.strictEqual(error.reason, "NewerVersion")
      assert.include(error.message, "1000")
      assert.deepStrictEqual(yield* query(path, "PRAGMA user_version"), [[1000]])
    })
  )
})

/** A mediator's life at random: commands that the core could have written, many of them about what stands together. */
const randomLife = Effect.gen(function* () {
  const slots = new Map<string, { issued: number; readonly queued: Set<number> }>()
  const at = (key: string, device: number) => `${key} ${device}`
  const below = (limit: number) => Random.nextIntBetween(0, limit, { halfOpen: true })
  const batches: Array<ReadonlyArray<Persist>> = []

  const command = Effect.fnUntraced(function* (key: string) {
    const device = 1 + (yield* below(4))
    const deviceId = id(device)
    const slot = slots.get(at(key, device))
    const kind = yield* below(20)
    if (slot === undefined || kind === 0) {
      const issued = yield* below(10)
      if (slot === undefined) slots.set(at(key, device), { issued, queued: new Set() })
      const expirationPolicy = yield* below(2)
      return [register(deviceId, { issued, expirationPolicy, encryptedDeviceInfo: bytes(kind, issued) })]
    }
    if (kind === 1) {
      slots.delete(at(key, device))
      return [{ _tag: "DropSlot", deviceId } satisfies StoreCommand]
    }
    if (kind === 2) return [{ _tag: "DisconnectSlot", deviceId, at: kind * 1_000 } satisfies StoreCommand]
    if (kind === 3) return [{ _tag: "IssueId", deviceId, issued: ++slot.issued } satisfies StoreCommand]
    if (kind === 4) {
      const encryptedSharedDeviceData = new Uint8Array(yield* below(3))
      return [{ _tag: "SetSharedData", encryptedSharedDeviceData } satisfies StoreCommand]
    }
    if (kind < 12) {
      const acks: Array<StoreCommand> = []
      const start = (yield* below(2)) === 0 ? 0 : yield* below(slot.queued.size + 1)
      for (const position of [...slot.queued].slice(start, start + 1 + (yield* below(5)))) {
        slot.queued.delete(position)
        acks.push(ack(deviceId, position))
      }
      return (yield* below(3)) === 0 ? acks.toReversed() : acks
    }
    const appends: Array<StoreCommand> = []
    for (let count = yield* below(8); count >= 0; count--) {
      const others = [1, 2, 3, 4].flatMap((other) => {
        const there = other === device ? undefined : slots.get(at(key, other))
        if (there === undefined) return []
        there.queued.add(++there.issued)
        return [[id(other), there.issued] as const]
      })
      const envelope = new Uint8Array(yield* below(40)).fill(count + 16 * device)
      appends.push(append(envelope, others, { flags: yield* below(4), timestamp: BigInt(yield* below(2 ** 31)) }))
    }
    return appends
  })

  for (let batch = 0; batch < 60; batch++) {
    const persists: Array<Persist> = []
    for (let n = yield* below(6); n >= 0; n--) {
      const key = (yield* below(2)) === 0 ? groupKey : otherKey
      const commands: Array<StoreCommand> = []
      for (let m = yield* below(4); m >= 0; m--) commands.push(...(yield* command(key)))
      persists.push(persist(key, ...commands))
    }
    batches.push(persists)
  }
  return batches
})

/** Everything that can be read out of a store. */
const everything = (store: MediatorStore["Service"]) =>
  Effect.forEach([groupKey, otherKey], (key) =>
    Effect.gen(function* () {
      const snapshot = Option.getOrUndefined(yield* store.load(key))
      const messages = yield* Effect.forEach(snapshot?.slots ?? [], ({ deviceId, queue }) =>
        Effect.map(store.read(key, deviceId, queue.positions), plain)
      )
      return { snapshot, messages }
    })
  )

describe("the store on SQLite and the store in memory", () => {
  for (const seed of [1, 2, 3]) {
    it.live(`hold the same after the same life, whenever it was closed in between (seed ${seed})`, () =>
      Effect.gen(function* () {
        const path = yield* directory
        const memory = makeMemoryStore()
        const batches = yield* Random.withSeed(randomLife, seed)
        for (let start = 0; start < batches.length; start += 20) {
          yield* on(
            path,
            Effect.gen(function* () {
              const store = yield* MediatorStore
              assert.deepStrictEqual(yield* everything(store), yield* everything(memory))
              for (const batch of batches.slice(start, start + 20)) {
                yield* memory.apply(batch)
                yield* store.apply(batch)
                assert.deepStrictEqual(yield* store.volatileGroups, yield* memory.volatileGroups)
              }
              assert.deepStrictEqual(yield* everything(store), yield* everything(memory))
            })
          )
        }
        assert.deepStrictEqual(yield* query(path, "SELECT id FROM block EXCEPT SELECT block_id FROM stretch"), [])
        assert.deepStrictEqual(yield* query(path, "SELECT slot_id FROM stretch EXCEPT SELECT id FROM slot"), [])
        assert.deepStrictEqual(yield* query(path, "SELECT slot_id FROM counter EXCEPT SELECT id FROM slot"), [])
      })
    )
  }
})
