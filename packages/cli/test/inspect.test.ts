import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as FrameHex from "../src/inspect/FrameHex.ts"
import { frameHex, frameVector, run, vectors } from "./commands.ts"

const [dgk1, dgk2] = vectors.keys.map(({ dgk }) => dgk) as [string, string]

const objects = (out: string): ReadonlyArray<Record<string, any>> =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, any>)

const json = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { out } = yield* run(["inspect", "--json", ...args])
  return objects(out)
})

/** The record of the largest frame leaves out what is zero. */
const stated = ({ build, fields }: (typeof vectors.frames)[number]) =>
  build === undefined ? fields : { flags: 0, timestamp: "0", ...fields }

describe("d2m inspect --json", () => {
  for (const vector of vectors.frames) {
    it.effect(`${vector.id}: ${vector.valid ? "the recorded fields" : "an error"}, as argument and as a line`, () =>
      Effect.gen(function* () {
        const args = ["inspect", "--json", "--direction", vector.direction]
        const given = yield* run([...args, frameHex(vector)])
        const piped = yield* run(args, { stdin: [`${frameHex(vector)}\n`] })
        assert.deepStrictEqual(piped, given)
        assert.match(given.out, /^\{.*\}\n$/)
        const [object] = objects(given.out)
        if (vector.valid) {
          const { length, name, type } = vector
          assert.deepStrictEqual(object, { ok: true, type, name, length, fields: stated(vector) })
          assert.isUndefined(given.failure)
        } else {
          assert.deepStrictEqual(Object.keys(object!), ["ok", "error"])
          assert.isFalse(object!["ok"])
          assert.deepStrictEqual(Object.keys(object!["error"]), ["_tag", "offset", "reason"])
          assert.strictEqual(object!["error"]._tag, "DecodeError")
          assert.isNumber(object!["error"].offset)
          assert.isString(object!["error"].reason)
          assert.strictEqual(given.failure?._tag, "UnreadableFrames")
        }
        assert.strictEqual(given.err, "")
      })
    )
  }

  it.effect("prints one object a frame, in their order, and fails when any is wrong", () =>
    Effect.gen(function* () {
      const { failure, out } = yield* run(["inspect", "--json", "-d", "s2c", "20000000", "83000000", "7f000000", "xy"])
      assert.deepStrictEqual(
        objects(out).map(({ error, name, ok }) => [ok, name ?? error._tag]),
        [
          [true, "ReflectionQueueDry"],
          [false, "DecodeError"],
          [true, "unknown"],
          [false, "NotHex"]
        ]
      )
      assert.strictEqual(failure?.message, "2 of 4 frames could not be read")
    })
  )

  it.effect("says who sends when it had to find out", () =>
    Effect.gen(function* () {
      const found = yield* json("20000000", "30000000", "00000000", "7f000000")
      assert.deepStrictEqual(
        found.map(({ direction }) => direction),
        ["s2c", "c2s", "both", "both"]
      )
      for (const { ok } of found) assert.isTrue(ok)
    })
  )

  it.effect("opens what the group key opens", () =>
    Effect.gen(function* () {
      const [opened, other] = yield* json("-d", "s2c", "--dgk", dgk1, frameHex(frameVector("reflected")), "7f000000")
      assert.strictEqual(opened!["opened"].envelope.content, "outgoingMessage")
      assert.deepStrictEqual(opened!["opened"].envelope.outgoingMessage.conversation, { contact: "ECHOECHO" })
      assert.notProperty(opened, "unopened")
      assert.deepStrictEqual(opened!["fields"], frameVector("reflected").fields)
      assert.deepStrictEqual(other!["opened"], {})
    })
  )

  it.effect("says what another group key does not open; the frame is all right", () =>
    Effect.gen(function* () {
      const [frame] = yield* json("-d", "s2c", "--dgk", dgk2, frameHex(frameVector("reflected")))
      assert.isTrue(frame!["ok"])
      assert.deepStrictEqual(frame!["opened"], {})
      assert.deepStrictEqual(frame!["unopened"], {
        envelope: { _tag: "BoxError", reason: "a box of 154 bytes does not open with this key" }
      })
    })
  )
})

describe("hex", () => {
  it.effect("comes with spaces, colons, prefixes, in either case and with any line end", () =>
    Effect.gen(function* () {
      const hex = "830000000000000001000000"
      const ways = [
        hex,
        hex.toUpperCase(),
        `0x${hex}`,
        hex.match(/../g)!.join(" "),
        hex.match(/../g)!.join(":"),
        hex.match(/../g)!.join("\t"),
        hex
          .match(/../g)!
          .map((byte) => `0x${byte}`)
          .join(" "),
        hex
          .match(/.{8}/g)!
          .map((word) => `0X${word}`)
          .join("  "),
        `  ${hex}  `,
        `${hex}\r`
      ]
      const { out } = yield* run(["inspect", "--json", "-d", "c2s"], { stdin: [`\ufeff${ways.join("\n")}`] })
      const lines = out.trimEnd().split("\n")
      assert.strictEqual(lines.length, ways.length)
      for (const line of lines) assert.strictEqual(line, lines[0])
      assert.include(lines[0]!, '"name":"reflected-ack"')
    })
  )

  it.effect("lines come in pieces; blank ones are no frames; the last needs no end", () =>
    Effect.gen(function* () {
      const stdin = ["2000", "0000\n\n  \r\n", "21", "00", "0000", "\n20000000"]
      const { failure, out } = yield* run(["inspect", "--json", "-d", "s2c"], { stdin })
      assert.deepStrictEqual(
        objects(out).map(({ name }) => name),
        ["ReflectionQueueDry", "RolePromotedToLeader", "ReflectionQueueDry"]
      )
      assert.isUndefined(failure)
    })
  )

  it.effect("without any line nothing is printed and nothing is wrong", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(["inspect", "--json"], { stdin: [] }), {
        out: "",
        err: "",
        failure: undefined,
        code: 0
      })
    })
  )

  it.effect("an empty argument is a frame of no bytes", () =>
    Effect.gen(function* () {
      const [frame] = yield* json("-d", "s2c", "")
      assert.strictEqual(frame!["error"].offset, 0)
      assert.include(frame!["error"].reason, "at least 4 bytes")
    })
  )

  const failure = (text: string) => {
    const result = FrameHex.parse(text)
    return Result.isFailure(result) ? [result.failure.offset, result.failure.message] : assert.fail(text)
  }

  it("what is no hex is said with its place", () => {
    assert.deepStrictEqual(failure("20 0z"), [4, 'character 4: expected hex digits, found "z"'])
    assert.deepStrictEqual(failure("200"), [3, "character 3: expected the second hex digit of a byte, found the end"])
    assert.deepStrictEqual(failure("2 0"), [1, "character 1: expected the second hex digit of a byte, found U+0020"])
    assert.deepStrictEqual(failure("20\u001b"), [2, "character 2: expected hex digits, found U+001B"])
    assert.deepStrictEqual(failure("🐈"), [0, "character 0: expected hex digits, found U+1F408"])
    assert.deepStrictEqual(failure("x20"), [0, 'character 0: expected hex digits, found "x"'])
    assert.deepStrictEqual(failure("200x20"), [3, 'character 3: expected hex digits, found "x"'])
    assert.isTrue(Result.isSuccess(FrameHex.parse("0x")))
  })

  it.effect("a line that never ends is not kept", () =>
    Effect.gen(function* () {
      const piece = "00".repeat(1 << 17)
      const { failure, out } = yield* run(["inspect", "--json", "-d", "s2c"], {
        stdin: [...Array.from({ length: 40 }, () => piece), "\n20000000\n"]
      })
      const [long, next] = objects(out)
      assert.deepStrictEqual([long!["error"]._tag, long!["error"].offset], ["NotHex", FrameHex.longestLine])
      assert.strictEqual(next!["name"], "ReflectionQueueDry")
      assert.strictEqual(failure?._tag, "UnreadableFrames")
      const lines = new FrameHex.Lines()
      for (let times = 0; times < 40; times++) assert.deepStrictEqual(lines.push(piece), [])
      assert.strictEqual(lines.end()[0]!.length, FrameHex.longestLine + 1)
    })
  )
})

describe("d2m inspect", () => {
  const escape = "\u001b["

  it.effect("shows each field with its bytes, its name, its value and its meaning", () =>
    Effect.gen(function* () {
      const { err, failure, out } = yield* run(["inspect", frameHex(frameVector("reflect-ack"))])
      assert.strictEqual(
        out,
        `reflect-ack · 0x81 · 20 bytes · from the mediator to a client (by its type)
The mediator has stored the message for all other devices

    0  81                       type = 0x81 (reflect-ack) · u8
                                What the payload is
    1  00 00 00                 reserved = 3 bytes
                                Reserved: sent as zero, ignored when received
    4  00 00 00 00              reserved = 4 bytes
                                Reserved: sent as zero, ignored when received
    8  01 00 00 00              reflectId = 1 · u32
                                The number the sender gave the message
   12  b4 76 ed 57 93 01 00 00  timestamp = 1732347000500 (2024-11-23T07:30:00.500Z) · u64
                                When the mediator took the message, in milliseconds since 1970

`
      )
      assert.strictEqual(err, "")
      assert.isUndefined(failure)
    })
  )

  it.effect("shows tag and length of a protobuf field before its value", () =>
    Effect.gen(function* () {
      const { out } = yield* run(["inspect", "-d", "s2c", frameHex(frameVector("server-hello"))])
      assert.include(out, "    4  08                       version = 0 · field 1, uint32\n    5  00  ")
      assert.include(
        out,
        "    6  12 20                    esk = 32 bytes · field 2\n    8  51 06 60 c7 72 20 e2 88  Public"
      )
      assert.notInclude(out, "by its type")
    })
  )

  it.effect("shows every byte of every frame, without colours, and none of the terminal's own", () =>
    Effect.gen(function* () {
      for (const vector of vectors.frames) {
        if (vector.build !== undefined) continue
        const { failure, out } = yield* run(["inspect", "--full", "-d", vector.direction, vector.hex!])
        const shown = out.split("\n").flatMap((line) => /^ +\d+ {2}((?:[0-9a-f]{2} )+)/.exec(`${line} `)?.[1] ?? [])
        assert.strictEqual(shown.join("").replaceAll(" ", ""), vector.hex!, vector.id)
        assert.notInclude(out, "\u001b")
        assert.strictEqual(failure === undefined, vector.valid)
        if (!vector.valid) assert.match(out, /\n✗ .* at byte \d+: expected .*, found .*\n/)
        for (const line of out.split("\n")) assert.isAtMost([...line].length, 100, line)
      }
    })
  )

  it.effect("shortens long fields unless it is told not to", () =>
    Effect.gen(function* () {
      const hex = frameHex(frameVector("container-max-65536"))
      const { out } = yield* run(["inspect", hex])
      assert.include(out, "… 65420 bytes more")
      assert.isBelow(out.split("\n").length, 60)
      const proxy = (length: number) => run(["inspect", `00000000${"aa".repeat(length)}`])
      assert.notInclude((yield* proxy(64)).out, "…")
      assert.include((yield* proxy(65)).out, "… 9 bytes more")
      const { out: full } = yield* run(["inspect", "--full", hex])
      assert.isAbove(full.split("\n").length, 8000)
    })
  )

  it.effect("shows opened boxes, and says which do not open", () =>
    Effect.gen(function* () {
      const hex = frameHex(frameVector("reflected"))
      const { out } = yield* run(["inspect", "--dgk", dgk1, hex])
      assert.include(out, "  │ d2d.Envelope · 114 bytes · opened with DGRK\n")
      assert.match(out, / {2}│ +9 {2}0a 08 +contact = "ECHOECHO" · field 1, string, of id\n/)
      const other = yield* run(["inspect", "--dgk", dgk2, hex])
      assert.include(other.out, "✗ not opened with DGRK: a box of 154 bytes does not open with this key")
      assert.isUndefined(other.failure)
    })
  )

  it.effect("says what direction it cannot know", () =>
    Effect.gen(function* () {
      const { out } = yield* run(["inspect", "7f000000", "0000000001"])
      assert.include(out, "unknown · 0x7f · 4 bytes · either way\n")
      assert.include(out, "proxy · 0x00 · 5 bytes · either way\n")
    })
  )

  it.effect("uses colours where it may", () =>
    Effect.gen(function* () {
      const hex = frameHex(frameVector("reflected-truncated"))
      const { out } = yield* run(["inspect", hex, "zz"], { colours: true })
      assert.include(out, `${escape}31mb4 76${escape}0m`)
      assert.include(out, `${escape}31m✗ not the hex of a frame`)
      assert.strictEqual(
        out.replaceAll(new RegExp(`${escape.replace("[", "\\[")}\\d+m`, "g"), ""),
        (yield* run(["inspect", hex, "zz"])).out
      )
    })
  )

  it.effect("has no word for a key it cannot use, and does not repeat it", () =>
    Effect.gen(function* () {
      const { failure, out } = yield* run(["inspect", "--dgk", dgk1.slice(2), "20000000"])
      assert.strictEqual(out, "")
      assert.strictEqual(failure?._tag, "UnusableGroupKey")
      assert.include(failure?.message, "64 hex digits (32 bytes), found 62 digits")
      assert.notInclude(failure?.message, dgk1.slice(2, 10))
    })
  )
})

describe("the program", () => {
  const program = (args: ReadonlyArray<string>, input?: string) => {
    const bin = Path.resolve(import.meta.dirname, "..", "src", "bin.ts")
    const { signal, status, stderr, stdout } = ChildProcess.spawnSync(process.execPath, [bin, ...args], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "" },
      ...(input === undefined ? {} : { input })
    })
    return { signal, status, stderr, stdout }
  }

  it("reads lines of standard input and exits with 0 when all is well", { timeout: 60_000 }, () => {
    const { status, stderr, stdout } = program(["inspect", "--json", "--direction", "s2c"], "20000000\r\n21000000\n")
    assert.deepStrictEqual([status, stderr], [0, ""])
    assert.strictEqual(objects(stdout).length, 2)
  })

  it.effect("knows that a frame was wrong before it says so, for nobody may read it", () =>
    Effect.gen(function* () {
      const codes: Array<number> = []
      const stdin = ["20000000\n", "qq\n", "20000000\n"]
      yield* run(["inspect", "--json", "-d", "s2c"], { stdin, onLine: (unread) => codes.push(unread) })
      assert.deepStrictEqual(codes, [0, 1, 1])
    })
  )

  it("exits with 1 and one line when a frame is wrong, without a stack trace", { timeout: 60_000 }, () => {
    const { status, stderr, stdout } = program(["inspect", "--json", "--direction", "c2s", "82000000", "qq"])
    assert.deepStrictEqual([status, stderr], [1, "d2m: 2 of 2 frames could not be read\n"])
    assert.strictEqual(objects(stdout).length, 2)
  })

  it("ends quietly when nobody reads what it prints any more", { timeout: 60_000 }, () => {
    const bin = Path.resolve(import.meta.dirname, "..", "src", "bin.ts")
    const pipe = `yes 20000000 | ${process.execPath} ${bin} inspect --json -d s2c | head -n 2`
    const { status, stderr, stdout } = ChildProcess.spawnSync("sh", ["-c", pipe], { encoding: "utf8" })
    assert.deepStrictEqual([status, stderr], [0, ""])
    assert.strictEqual(objects(stdout).length, 2)
  })
})
