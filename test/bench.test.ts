import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import { coldStart } from "../bench/e2e/cold-start.ts"
import { idle, restart } from "../bench/e2e/idle.ts"
import { bareCorked, ourMemory, ourSqlite } from "../bench/e2e/Programs.ts"
import { contest } from "../bench/e2e/Turns.ts"

const root = Path.resolve(import.meta.dirname, "..")

const bench = (...args: ReadonlyArray<string>) =>
  ChildProcess.spawnSync(process.execPath, [Path.join(root, "bench/main.ts"), ...args], {
    encoding: "utf8",
    timeout: 150_000
  })

describe("pnpm bench", { timeout: 180_000 }, () => {
  it("measures what it is asked to, against what it says, after all agreed on the result", () => {
    const { status, stderr, stdout } = bench("codec", "--json", "--rounds", "3", "--only", "encode reflect around")
    assert.strictEqual(status, 0, stderr)
    const { machine, outcomes, suite } = JSON.parse(stdout)
    assert.strictEqual(suite, "codec")
    assert.strictEqual(machine.node, process.version)
    assert.isString(machine.cpu)
    assert.deepStrictEqual(
      outcomes.map(({ name }: { readonly name: string }) => name),
      [1024, 16_384].map((size) => `encode reflect around an envelope of ${size} in place`)
    )
    for (const { timings } of outcomes) {
      assert.deepStrictEqual(
        timings.map(({ name }: { readonly name: string }) => name),
        ["by hand", "by hand, a DataView a frame", "@d2m/codec"]
      )
      assert.strictEqual(timings[0].ratio, 1)
      for (const { high, low, median, ratio } of timings) {
        assert.isAbove(ratio, 0)
        assert.isAbove(low, 0)
        assert.isAtLeast(median, low)
        assert.isAtLeast(high, median)
      }
    }
  })

  it("lets mediators and devices do the same from end to end, two processes each", () => {
    const name = "fan-out to 1, 256 in flight, 1 KiB, no crypto"
    const { status, stderr, stdout } = bench("e2e", "--json", "--rounds", "1", "--only", name)
    assert.strictEqual(status, 0, stderr)
    const { outcomes, suite } = JSON.parse(stdout)
    assert.strictEqual(suite, "e2e")
    assert.deepStrictEqual(
      outcomes.map((outcome: { readonly name: string }) => outcome.name),
      [name]
    )
    const { standings } = outcomes[0]
    assert.deepStrictEqual(
      standings.map(({ name }: { readonly name: string }) => name),
      ["bare ws, corked per tick", "bare ws, a write a message", "d2m", "d2m, SQLite"]
    )
    assert.strictEqual(standings[0].ratio, 1)
    for (const { cpu, each, ratio } of standings) {
      for (const figure of [cpu.client, cpu.server, each, ratio]) assert.isAbove(figure, 0)
    }
  })

  it("takes the time of single round trips, with cryptography", async () => {
    const { standings } = await contest(
      {
        name: "round trip",
        workload: { size: 1024, crypto: "sodium", receivers: 0, inFlight: 1 },
        programs: [bareCorked, ourMemory, ourSqlite]
      },
      { rounds: 1, sliceMillis: 10, warmUpMillis: 0, warmUpTimes: 0 }
    )
    assert.lengthOf(standings, 3)
    for (const { latencies, ratio } of standings) {
      assert.isAbove(latencies!.p50, 0)
      assert.isAtLeast(latencies!.p99, latencies!.p50)
      assert.isAbove(ratio, 0)
    }
  })

  it("looks at devices that are idle, at their return after the mediator was killed, and at its start", async () => {
    const { table } = await idle(20)
    assert.match(table, /^idle, 20 devices.*\n {2}bare ws .*KiB resident.*\n {2}d2m .*KiB resident/)
    const { outcome } = await restart(4)
    assert.deepInclude(outcome, { devices: 20, dry: 20, reflects: 4, promised: 4, owed: 16, handled: 16 })
    const started = await coldStart(1)
    assert.match(started.table, /^cold start\n {2}node +\d+ ms\n {2}bare ws +\d+ ms\n {2}d2m serve +\d+ ms$/)
  })

  it("prints a table, and names the machine", () => {
    const { status, stdout } = bench("codec", "--rounds", "1", "--only", "decode reflected-ack")
    assert.strictEqual(status, 0)
    assert.match(stdout, new RegExp(`^node ${process.version.replaceAll(".", "\\.")} .* x `))
    assert.match(stdout, /decode reflected-ack\n {2}by hand +[\d.]+ ns +x 1\.00 .*\n {2}@d2m\/codec +[\d.]+ ns +x /)
  })

  it("says which suites there are", () => {
    for (const args of [[], ["nothing"], ["codec", "--rounds", "0"], ["codec", "--nothing"]]) {
      const { status, stderr } = bench(...args)
      assert.strictEqual(status, 2)
      assert.match(stderr, /^usage: pnpm bench <codec/)
    }
  })
})
