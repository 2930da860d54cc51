import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { fuzz } from "../fuzz/Command.ts"
import { emptyTally, makeRun } from "../fuzz/Fuzz.ts"
import { bugNames, plant } from "../fuzz/Plant.ts"
import { targetsOf } from "../fuzz/Target.ts"

interface Printed {
  readonly code: number
  readonly out: string
  readonly error: string
}

/** Runs the command with a clock that ticks so many milliseconds at every look. */
const run = (
  line: string,
  options: { readonly terminal?: boolean; readonly tick?: number; readonly input?: string } = {}
): Printed => {
  let out = ""
  let error = ""
  let time = 1_000_000
  const code = fuzz(line === "" ? [] : line.split(" "), {
    write: (text) => (out += text),
    writeError: (text) => (error += text),
    terminal: options.terminal ?? false,
    input: () => options.input ?? "",
    now: () => (time += options.tick ?? 1)
  })
  return { code, out, error }
}

const lineWith = (printed: Printed, start: string): string => {
  const found = printed.out.split("\n").find((line) => line.startsWith(start))
  return found === undefined ? assert.fail(`no line '${start}' in:\n${printed.out}`) : found.slice(start.length)
}

describe("a run", () => {
  it("finds nothing, and tells what it saw", () => {
    const printed = run("--frames 20000 --seed 7")
    assert.strictEqual(printed.code, 0)
    assert.match(printed.out, /^20 000 frames and \d \d{3} messages in \d+\.\d s: [\d ]+ frames a second$/m)
    assert.match(printed.out, /^seed 7$/m)
    assert.match(printed.out, /^read [\d ]+, refused [\d ]+ with [67] kinds of DecodeError in \d{3,} places$/m)
    for (const kind of ["Truncated", "Malformed", "WrongDirection", "FrameTooShort", "FieldLength", "HeaderLength"]) {
      assert.match(printed.out, new RegExp(`^  ${kind} +[\\d ]+$`, "m"))
    }
    assert.notInclude(printed.out, "FOUND")
  })

  it("is the same for the same seed, and another for another", () => {
    const first = run("--frames 3000 --seed 8").out
    assert.strictEqual(run("--frames 3000 --seed 8").out, first)
    assert.notStrictEqual(run("--frames 3000 --seed 9").out.replace("seed 9", "seed 8"), first)
    assert.strictEqual(run(`--frames 3000 --seed ${2 ** 32 + 8}`).code, 0)
    assert.notStrictEqual(run(`--frames 3000 --seed ${2 ** 32 + 8}`).out.replace(`${2 ** 32 + 8}`, "8"), first)
  })

  it("makes a frame of a run alone as it makes it among the others", () => {
    const targets = plant(targetsOf(5), "off-by-one")
    const whole = emptyTally()
    makeRun(5, targets)(0, 1000, whole)
    const { crash } = whole
    if (crash === undefined) return assert.fail("nothing found")
    assert.isAbove(crash.frame, 0)
    const alone = emptyTally()
    makeRun(5, targets)(crash.frame, crash.frame + 1, alone)
    assert.deepStrictEqual(alone.crash?.input, crash.input)
  })

  it("shows a bar on a terminal, and lines where there is none", () => {
    const bar = run("--frames 8192 --seed 7", { terminal: true, tick: 60 }).out
    const written = bar.split("\r\u001b[K")
    assert.match(written[1]!, /^█+░+ 50% 4 096 frames, [\d ]+ a second$/)
    assert.match(written.at(-1)!, /^8 192 frames and/)
    const lines = run("--frames 8192 --seed 7", { tick: 6000 }).out
    assert.match(lines, /^50% 4 096 frames, [\d ]+ a second\n/)
    assert.notInclude(lines, "\r")
  })

  it("takes its seed from the clock, and says which", () => {
    assert.match(run("--frames 10").out, /^seed 1000001$/m)
  })
})

describe("a planted bug is found, and replayed by the line that is printed", () => {
  const rules = {
    throws: "throws",
    "view-past-end": "view",
    "read-past-end": "surroundings",
    "error-outside": "error",
    "writes-input": "input",
    "off-by-one": "round trip"
  }

  it("of every rule there is a bug", () => {
    assert.deepStrictEqual(Object.keys(rules), bugNames)
  })

  for (const [bug, rule] of Object.entries(rules)) {
    it(bug, () => {
      const found = run(`--frames 50000 --seed 5 --plant ${bug}`)
      assert.strictEqual(found.code, 1)
      const what = lineWith(found, `FOUND: ${rule}: `)
      const hex = /^frame from (?:a client|the server), \d+ bytes: ([0-9a-f]+)$/m.exec(found.out)?.[1]
      const replay = /^pnpm fuzz (--seed 5 --frame \d+ --plant \S+)$/.exec(lineWith(found, "replay: "))?.[1]
      if (hex === undefined || replay === undefined) return assert.fail(found.out)

      const again = run(replay)
      assert.strictEqual(again.code, 1)
      assert.strictEqual(lineWith(again, `FOUND: ${rule}: `), what)
      assert.include(again.out, `bytes: ${hex}\n`)

      const side = found.out.includes("frame from a client") ? "client" : "server"
      const bytes = run(`--hex ${hex} --as ${side} --plant ${bug}`)
      assert.strictEqual(bytes.code, 1)
      assert.strictEqual(lineWith(bytes, "replay: "), `pnpm fuzz --as ${side} --hex ${hex} --plant ${bug}`)

      const right = run(replay.replace(/ --plant .*/, ""))
      assert.strictEqual(right.code, 0)
      assert.include(right.out, `bytes: ${hex}\n`)
      assert.match(right.out, /^(?:read|refused: .*)$/m)
    })
  }

  it("with its stack, and as few bytes as it takes", () => {
    const { out } = run("--frames 50000 --seed 5 --plant throws")
    assert.match(
      out,
      /^FOUND: throws: decoding: RangeError: planted: offset is outside the bounds of the DataView\n +at /m
    )
    // 21 bytes, of which one must not be zero.
    assert.match(out, /^the least of it, 21 bytes: 0{16}ff0{24}$/m)
  })
})

describe("given bytes", () => {
  it("are read or refused", () => {
    assert.strictEqual(run("--hex 83000000000000002a000000 --as client").out, "read\n")
    assert.strictEqual(run("--as client --hex -", { input: "83000000000000002a000000\n" }).out, "read\n")
    const refused = run("--hex 8300")
    assert.strictEqual(refused.code, 0)
    assert.strictEqual(refused.out, "refused: container at byte 2: expected at least 4 bytes, found 2 bytes\n")
    assert.strictEqual(run("--hex 0a0161 --as common.Identities").out, "read\n")
  })
})

describe("options that make no sense", () => {
  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    ["--frames 0", /--frames is a whole number from 1 to 9007199254740991, found '0'/],
    ["--frames -5", /--frames/],
    ["--frames 1e6", /found '1e6'/],
    ["--frames 99999999999999999999", /--frames is/],
    ["--seed x", /--seed is a whole number from 0 to 9007199254740991, found 'x'/],
    ["--frame 5", /--frame is of a run: give its --seed/],
    ["--frame 5 --frames 5 --seed 1", /--frames and --frame cannot go together/],
    ["--as client", /there is no --hex/],
    ["--hex 123", /even number of hex digits/],
    ["--hex zz", /even number of hex digits/],
    ["--hex 00 --as nobody", /--as is client, server or the name of a message, found 'nobody'/],
    ["--plant nothing", /--plant is one of throws, /],
    ["--quick", /--quick/],
    ["everything", /everything/],
    ["--frames", /--frames/]
  ]

  for (const [line, message] of wrong) {
    it(line, () => {
      const { code, error, out } = run(line)
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
      assert.match(error.split("\n")[0]!, message)
      assert.include(error, "Usage: pnpm fuzz")
      assert.notInclude(error, "    at ")
    })
  }

  it("and standard input that is no hex", () => {
    assert.match(run("--hex -", { input: "hello" }).error, /^fuzz: standard input is not an even number of hex digits/)
  })

  it("--help is none of them", () => {
    const { code, out } = run("--help")
    assert.strictEqual(code, 0)
    assert.include(out, "--plant BUG")
  })
})

describe("the program", () => {
  it("exits with what the command says", () => {
    const main = fileURLToPath(new URL("../fuzz/main.ts", import.meta.url))
    const program = (...args: ReadonlyArray<string>) =>
      spawnSync(process.execPath, [main, ...args], { encoding: "utf8", timeout: 60_000 })
    const fine = program("--frames", "2000", "--seed", "3")
    assert.strictEqual(fine.status, 0, fine.stderr)
    assert.match(fine.stdout, /^2 000 frames and/)
    const found = program("--frames", "20000", "--seed", "5", "--plant", "view-past-end")
    assert.strictEqual(found.status, 1)
    assert.match(found.stdout, /^replay: pnpm fuzz --seed 5 --frame \d+ --plant view-past-end$/m)
    const wrong = program("--frames", "many")
    assert.strictEqual(wrong.status, 2)
    assert.match(wrong.stderr, /^fuzz: --frames is a whole number/)
  }, 60_000)
})
