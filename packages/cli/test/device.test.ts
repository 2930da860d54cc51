import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { run } from "./commands.ts"
import { decodeLines, device, type Listening, program, script, serve } from "./device-program.ts"

/** Processes start slowly where many of them do. */
const patience = 60_000

let folder = ""
let plain: Listening
let secure: Listening
let keys = 0
const scope = Scope.makeUnsafe()

beforeAll(async () => {
  folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-device-"))
  const both = Effect.all([serve(), serve("--self-signed", "--host", "::1")], { concurrency: 2 })
  ;[plain, secure] = await Effect.runPromise(Scope.provide(both, scope))
}, patience)

afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  Fs.rmSync(folder, { recursive: true, force: true })
})

/** A group of its own for every test: the file with its key. */
const newGroup = (): string => {
  const path = Path.join(folder, `${++keys}.key`)
  Fs.writeFileSync(path, `${keys.toString(16).padStart(64, "5")}\n`)
  return path
}

const at = (group: string, ...more: ReadonlyArray<string>) => ["--url", plain.address, "--key-file", group, ...more]

const last = (stdout: string) => decodeLines(stdout).at(-1)

describe("d2m device", { timeout: patience }, () => {
  it.live("lets two devices chat: reflects, ephemerals, transactions, devices", () =>
    Effect.gen(function* () {
      const group = newGroup()
      const phone = yield* device(at(group, "--device-id", "1", "--label", "phone"))
      phone.type("wait leader")
      yield* phone.next("Event", ({ event }) => event === "PromotedToLeader")
      const desk = yield* device(at(group, "--device-id", "0x2", "--label", "desk\u001b[2J"))
      yield* desk.next("State", ({ state }) => state === "Live")

      phone.type("reflect hello, desk", "ephemeral grüße 🐢")
      const promised = yield* phone.next("Promised")
      const hello = yield* desk.next("Received")
      assert.deepStrictEqual(hello, {
        _tag: "Received",
        reflectedId: hello.reflectedId,
        sender: "0x0000000000000001",
        time: promised.time,
        ephemeral: false,
        content: "outgoingMessage TEXT",
        bytes: 11,
        text: "hello, desk"
      })
      const greeting = yield* desk.next("Received")
      assert.deepInclude(greeting, { ephemeral: true, text: "grüße 🐢" })

      desk.type("transaction settings_sync one | two")
      assert.strictEqual((yield* desk.next("Transaction", ({ phase }) => phase === "committed")).scope, "settings_sync")
      assert.strictEqual((yield* phone.next("Received")).text, "one")
      assert.strictEqual((yield* phone.next("Received")).text, "two")

      phone.type("begin contact_sync ttl=60", "reflect both", "reflect or none")
      yield* phone.next("Provisional", ({ number }) => number === 3)
      phone.type("commit", "devices")
      assert.strictEqual((yield* desk.next("Received")).text, "both")
      assert.strictEqual((yield* desk.next("Received")).text, "or none")
      const { devices } = yield* phone.next("Devices")
      assert.deepStrictEqual(
        devices.map(({ connected, deviceId, label, own, platform }) => [deviceId, label, own, connected, platform]),
        [
          ["0x0000000000000001", "phone", true, true, "DESKTOP"],
          ["0x0000000000000002", "desk\u001b[2J", false, true, "DESKTOP"]
        ]
      )

      // The other end of its input stays open.
      desk.type("quit")
      const ended = yield* desk.ended
      assert.deepInclude(last(ended.stdout), { _tag: "End", code: 0, promised: 2, unpromised: 0, received: 4 })
      assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
      phone.end()
      const lines = decodeLines((yield* phone.ended).stdout)
      assert.deepInclude(lines.at(-1), { code: 0, promised: 3, unpromised: 0, received: 2 })
      assert.deepInclude(
        lines.find((line) => line._tag === "Event" && line.event === "TransactionEnded"),
        { deviceId: "0x0000000000000002", scope: "settings_sync" }
      )
    }).pipe(Effect.scoped)
  )

  it.live("runs a script to its end, waits for every promise, and tells it to people", () =>
    Effect.gen(function* () {
      const texts = Array.from({ length: 300 }, (_, i) => `reflect text ${i}`)
      const { code, stderr, stdout } = yield* script(at(newGroup()), [
        "# waits for the connection where it needs one",
        "ephemeral is anybody there?",
        "wait dry",
        ...texts,
        "state",
        "?"
      ])
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(
        stdout,
        /^-- device 0x[0-9a-f]{16} "d2m" of group [0-9a-f]{16}… at 127\.0\.0\.1:\d+\n-- connecting\n/
      )
      assert.match(stdout, /^-> sent to whoever is connected$/m)
      assert.match(stdout, /^ {3}reflect TEXT {2}/m)
      assert.strictEqual(stdout.match(/^-> \d\d:\d\d:\d\d\.\d{3}Z #\d+ promised$/gm)?.length, 300)
      assert.match(stdout, /\n-- ended: 300 promised, 0 not, 0 received\n$/)
    })
  )

  it.live("ends a script at a line that is no command, with 2, after the promises for what came before", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* script(at(newGroup(), "--json"), [
        "reflect hi",
        "",
        "reflekt",
        "reflect no"
      ])
      assert.strictEqual(code, 2)
      const lines = decodeLines(stdout)
      assert.deepInclude(
        lines.find(({ _tag }) => _tag === "Refused"),
        { line: 3, found: '"reflekt"' }
      )
      assert.deepInclude(lines.at(-1), { code: 2, error: "ScriptError", promised: 1, unpromised: 0 })
      assert.match(stderr, /^d2m: line 3: expected a command: .*, found "reflekt"\n$/)
    })
  )

  for (const [name, lines, error, message] of [
    ["a commit without a transaction", ["commit"], "OutOfPlace", /begin one first/],
    ["an answer without a question", ["wait live", "resume continue"], "OutOfPlace", /no question/],
    ["a try that nobody waits for", ["wait live", "retry"], "OutOfPlace", /not waiting for a try/],
    ["a transaction within another", ["begin 1", "begin 2"], "OutOfPlace", /open already/],
    ["a transaction left open", ["begin 1", "reflect a"], "OutOfPlace", /not committed/],
    ["a text that no envelope holds", [`reflect ${"x".repeat(66_000)}`], "EnvelopeTooLarge", /at most 65476 bytes/]
  ] as const) {
    it.live(`ends a script with 1 at ${name}`, () =>
      Effect.gen(function* () {
        const { code, failure, out } = yield* run(["device", ...at(newGroup(), "--json")], {
          stdin: lines.map((line) => `${line}\n`)
        })
        assert.strictEqual(code, 1, out)
        const failed = decodeLines(out).find((line) => line._tag === "Failed")
        assert.deepInclude(failed, { line: lines.length, error })
        assert.match(failed?.message ?? "", message)
        assert.deepInclude(failure, { _tag: "CommandFailed", message: `line ${lines.length}: ${failed?.message}` })
      })
    )
  }

  it.live("reads a line that comes in pieces, and a last one without an end", () =>
    Effect.gen(function* () {
      const { code, failure } = yield* run(["device", ...at(newGroup())], {
        stdin: ["\r\n# a rem", "ark\nref", "lekt"]
      })
      assert.strictEqual(code, 2)
      assert.match(failure?.message ?? "", /^line 3: .* found "reflekt"$/)
    })
  )

  it.live("tells that a transaction was lost, and reflects nothing outside of it by mistake", () =>
    Effect.gen(function* () {
      const made = yield* device(at(newGroup()))
      made.type("begin contact_sync ttl=1", "reflect inside")
      yield* made.next("Provisional")
      yield* made.next("Event", ({ event }) => event === "Disconnected")
      made.type("reflect still inside?")
      const failed = yield* made.next("Failed")
      assert.strictEqual(failed.error, "TransactionLost")
      const ended = yield* made.ended
      assert.strictEqual(ended.code, 1)
      assert.deepInclude(last(ended.stdout), { promised: 0, unpromised: 1 })
    }).pipe(Effect.scoped)
  )

  it.live("goes on behind an abort once there is a connection again, and finds a state that tells so", () =>
    Effect.gen(function* () {
      const lines = ["wait dry", "begin 1", "reflect never", "abort", "state", "devices", "wait dry"]
      const { code, stdout } = yield* script(at(newGroup(), "--json"), lines)
      assert.strictEqual(code, 0)
      const seen = decodeLines(stdout)
      const aborted = seen.findIndex((line) => line._tag === "Transaction" && line.phase === "aborted")
      const states = seen.filter((line, at) => at > aborted && line._tag === "State")
      assert.deepInclude(states[0], { state: "Waiting" })
      assert.strictEqual(seen.filter((line) => line._tag === "Event" && line.event === "Dry").length, 2)
      assert.deepInclude(seen.at(-1), { promised: 0, unpromised: 0 })
    }).pipe(Effect.scoped)
  )

  it.live("tells what a script has waited for before it ends", () =>
    Effect.gen(function* () {
      for (const [line, event] of [
        ["wait dry", "Dry"],
        ["wait leader", "PromotedToLeader"]
      ] as const) {
        const told = decodeLines((yield* script(at(newGroup(), "--json"), [line])).stdout)
        assert.isTrue(
          told.some((other) => other._tag === "Event" && other.event === event),
          event
        )
        assert.strictEqual(told.at(-1)?._tag, "End")
      }
    }).pipe(Effect.scoped)
  )

  it.live("aborts a transaction, and nothing of it is seen", () =>
    Effect.gen(function* () {
      const group = newGroup()
      const other = yield* device(at(group))
      yield* other.next("State", ({ state }) => state === "Live")
      const { code } = yield* script(at(group), ["begin 1", "reflect never", "abort", "reflect after"])
      assert.strictEqual(code, 0)
      assert.strictEqual((yield* other.next("Received")).text, "after")
    }).pipe(Effect.scoped)
  )

  it.live("takes the key from a file or from the environment, repeats it nowhere, and finds only its own group", () =>
    Effect.gen(function* () {
      const group = newGroup()
      const first = yield* device(at(group, "--device-id", "1"))
      yield* first.next("State", ({ state }) => state === "Live")
      const key = Fs.readFileSync(group, "utf8").trim()
      const url = ["--url", plain.address, "--json"]
      const same = yield* script(url, ["devices"], { D2M_GROUP_KEY: key })
      const other = yield* script(url, ["devices"], { D2M_GROUP_KEY: key.replace(/^5/, "6") })
      const count = (stdout: string) => decodeLines(stdout).find((line) => line._tag === "Devices")?.devices.length
      assert.deepStrictEqual([count(same.stdout), count(other.stdout)], [2, 1])
      for (const { stderr, stdout } of [same, other]) assert.notInclude(stdout + stderr, key.slice(1))
      const broken = yield* script(url, [], { D2M_GROUP_KEY: key.slice(2) })
      assert.strictEqual(broken.code, 2)
      assert.match(
        broken.stderr,
        /^d2m: D2M_GROUP_KEY: a device group key is 64 hex digits \(32 bytes\), found 62 digits\n$/
      )
    }).pipe(Effect.scoped)
  )

  it.live("trusts a self-signed mediator by its pin, and no other, with 3", () =>
    Effect.gen(function* () {
      const base = ["--url", secure.address, "--key-file", newGroup(), "--json"]
      const wrong = Buffer.alloc(32, 7).toString("base64")
      const [right, mismatch, unpinned, selfSigned] = yield* Effect.all(
        [
          script([...base, "--trust", "pinned-only", "--pin", wrong, "--pin", secure.pin], ["reflect safe"]),
          script([...base, "--trust", "pinned-only", "--pin", wrong], ["reflect lost"]),
          script(base, []),
          script([...base, "--pin", secure.pin, "--timeout", "1"], [])
        ],
        { concurrency: 3 }
      )
      assert.deepInclude(last(right.stdout), { code: 0, promised: 1 })
      for (const [{ code, stderr, stdout }, because] of [
        [mismatch, "pin"],
        [unpinned, "no --pin is given for ::1: add one, or choose --trust system-trust"]
      ] as const) {
        assert.strictEqual(code, 3)
        assert.deepInclude(last(stdout), { code: 3, error: "UserNeeded" })
        assert.match(stderr, /^d2m: the device needs its user \(NotTrusted\): /)
        assert.include(stderr, because)
      }
      assert.deepInclude(last(mismatch.stdout), { promised: 0, unpromised: 1 })
      assert.strictEqual(selfSigned.code, 3)
      assert.include(
        selfSigned.stderr,
        "is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT): --trust pinned-only takes it for its"
      )
    })
  )

  it.live("ends with 3 when the mediator is gone before it promised", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const made = yield* device(["--url", server.address, "--key-file", newGroup(), "--timeout", "0.5"])
      made.type("reflect in time")
      yield* made.next("Promised")
      server.signal("SIGKILL")
      yield* made.next("State", ({ state }) => state === "Waiting")
      made.type("retry")
      yield* made.next("Retrying")
      made.type("reflect too late")
      made.end()
      const { code, stderr, stdout } = yield* made.ended
      assert.strictEqual(code, 3)
      assert.deepInclude(last(stdout), { code: 3, error: "NotConnected", promised: 1, unpromised: 1 })
      assert.match(stderr, /^d2m: not connected to the mediator: /)
      const never = yield* script(["--url", server.address, "--key-file", newGroup(), "--timeout", "0.5"], [])
      assert.strictEqual(never.code, 3)
      assert.match(never.stderr, /not connected to the mediator: .*cannot be reached/)
    }).pipe(Effect.scoped)
  )

  it.live("ends with 1 when the mediator is there and does not promise", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const made = yield* device(["--url", server.address, "--key-file", newGroup(), "--timeout", "1"])
      made.type("wait dry", "state")
      yield* made.next("State", ({ dry }) => dry === true)
      server.signal("SIGSTOP")
      made.type("reflect a")
      made.end()
      const { code, stderr, stdout } = yield* made.ended
      assert.deepStrictEqual([code, stderr], [1, "d2m: 1 of what was reflected has not been promised\n"])
      assert.deepInclude(last(stdout), { code: 1, error: "Unpromised", promised: 0, unpromised: 1 })
    }).pipe(Effect.scoped)
  )

  it.live("goes to another machine in the clear only if it is told to", () =>
    Effect.gen(function* () {
      // This machine, but not by a name that says so.
      const url = plain.address.replace("127.0.0.1", "0.0.0.0")
      const args = ["--url", url, "--key-file", newGroup()]
      const refused = yield* script(args, ["wait live"])
      assert.strictEqual(refused.code, 3)
      assert.match(refused.stderr, /\(NotTrusted\): .*unencrypted ws: to 0\.0\.0\.0 .* --allow-plaintext\n$/)
      assert.strictEqual((yield* script([...args, "--allow-plaintext"], ["wait live"])).code, 0)
    })
  )

  it.live("needs its user after another device dropped it, and goes on with an answer", () =>
    Effect.gen(function* () {
      const group = newGroup()
      const silent = yield* device(at(group, "--device-id", "1"))
      const answering = yield* device(at(group, "--device-id", "2"))
      answering.type("wait user", "resume register", "wait live", "reflect I am back")
      yield* silent.next("State", ({ state }) => state === "Live")
      yield* answering.next("State", ({ state }) => state === "Live")
      const { code } = yield* script(at(group, "--json"), ["drop 1", "drop 2"])
      assert.strictEqual(code, 0)
      assert.deepInclude(yield* answering.next("State", ({ state }) => state === "NeedsUser"), {
        reason: "Dropped",
        answers: ["register"]
      })
      yield* answering.next("Promised")
      yield* silent.next("State", ({ state }) => state === "NeedsUser")
      silent.type("devices")
      const ended = yield* silent.ended
      assert.strictEqual(ended.code, 3)
      assert.match(ended.stderr, /\(Dropped\): this device has been removed from the group/)
    }).pipe(Effect.scoped)
  )

  it.live("says what helps when the group has no slot for it", () =>
    Effect.gen(function* () {
      const server = yield* serve("--slots", "1")
      const args = ["--url", server.address, "--key-file", newGroup()]
      assert.strictEqual((yield* script(args, ["wait live"])).code, 0)
      const refused = yield* script(args, ["wait live"])
      assert.strictEqual(refused.code, 3)
      assert.match(refused.stdout, /^-- needs you \(SlotsExhausted\): .*; resume continue tries again$/m)
      assert.match(refused.stderr, /\(SlotsExhausted\): .* are taken: drop a device .*--take-slot.*, or wait until /)
      const taken = yield* script([...args, "--take-slot"], ["wait live", "devices"])
      assert.strictEqual(taken.code, 0)
      assert.match(taken.stdout, /1 device/)
    }).pipe(Effect.scoped)
  )

  it.live("has a slot and a lock for as long as the mediator gives them", () =>
    Effect.gen(function* () {
      const server = yield* serve("--slots", "1", "--volatile-grace", "0", "--ttl", "1")
      const args = ["--url", server.address, "--key-file", newGroup(), "--timeout", "10"]
      assert.strictEqual((yield* script(args, ["wait live"])).code, 0)
      const { code, stderr, stdout } = yield* script(args, ["begin 1", "reflect a", "wait 1"])
      assert.strictEqual(code, 3)
      assert.match(stdout, /^-> .* taken, until commit$/m)
      assert.match(stdout, /^-- disconnected: .* 4011 the transaction took too long$/m)
      assert.match(stderr, /\(SlotMismatch\)/)
    }).pipe(Effect.scoped)
  )

  it.live("is the same device again with its data, and gets what was said meanwhile", () =>
    Effect.gen(function* () {
      const group = newGroup()
      const args = at(group, "--json", "--device-id", "77", "--data", Path.join(folder, "77.db"))
      const own = (stdout: string) =>
        decodeLines(stdout).flatMap((line) => (line._tag === "Devices" ? line.devices.filter(({ own }) => own) : []))[0]
      const first = yield* script(args, ["devices"])
      assert.strictEqual(first.code, 0)
      assert.deepInclude(own(first.stdout), { deviceId: "0x000000000000004d", persistent: true })
      const other = yield* script(at(group, "--json"), ["reflect while you were away", "devices"])
      assert.strictEqual(other.code, 0)
      assert.deepInclude(own(other.stdout), { persistent: false })
      // Who has waited for the first message waits for the second.
      const again = yield* script([...args, "--timeout", "3"], ["wait 1", "wait 1"])
      assert.strictEqual(again.code, 1)
      assert.strictEqual(again.stderr, "d2m: line 2: no further message within 3 s\n")
      const received = decodeLines(again.stdout).filter((line) => line._tag === "Received")
      assert.deepStrictEqual(
        received.map(({ text }) => text),
        ["while you were away"]
      )
    })
  )

  it.live("prompts on a terminal, completes commands, and goes on after a mistake", () =>
    Effect.gen(function* () {
      const command = [process.execPath, "packages/cli/src/bin.ts", "device", ...at(newGroup())].join(" ")
      const terminal = yield* program("script", ["-qec", command, "/dev/null"], { TERM: "xterm" })
      yield* terminal.line((line) => line.includes("this device leads the group now"))
      terminal.type("reflekt hello")
      yield* terminal.line((line) => line.includes("!! expected a command"))
      terminal.press("refl\t")
      yield* terminal.shown((stdout) => stdout.endsWith("reflect "))
      terminal.type("hello")
      yield* terminal.line((line) => line.includes("#1 promised"))
      terminal.type("quit")
      const { code, stdout } = yield* terminal.ended
      assert.strictEqual(code, 0)
      assert.include(stdout, "d2m> ")
      assert.match(stdout, /ended: 1 promised, 0 not, 0 received\r\n$/)
    }).pipe(Effect.scoped)
  )

  for (const [args, complaint] of [
    [["--url", "ws://127.0.0.1:1/"], "D2M_GROUP_KEY"],
    [[], "url"],
    [["--url", "http://127.0.0.1/", "--key-file", "KEY"], "ws:// or wss://"],
    [["--url", "ws://127.0.0.1:1/?a=b", "--key-file", "KEY"], "without ? and #"],
    [["--url", "ws://user:pa55word@127.0.0.1:1/?a", "--key-file", "KEY"], "without user name and password"],
    [["--url", "http://user:pa55word@127.0.0.1:1/", "--key-file", "KEY"], '"http://…@127.0.0.1:1/"'],
    [["--url", "ws://user:pa55/word@127.0.0.1:1/", "--key-file", "KEY"], '"ws://…@127.0.0.1:1/"'],
    [
      ["--url", "ws://127.0.0.1:1/", "--key-file", "/no/such.key"],
      "cannot read /no/such.key: ENOENT: no such file or directory"
    ],
    [["--url", "ws://127.0.0.1:1/", "--key-file", "/"], "cannot read /: EISDIR: illegal operation on a directory"],
    [["--url", "ws://127.0.0.1:1/", "--key-file", "KEY", "--device-id", "x"], "0x and up to 16 hex digits"],
    [["--url", "ws://127.0.0.1:1/", "--key-file", "KEY", "--data", "x.db"], "--device-id as well"],
    [["--url", "wss://127.0.0.1:1/", "--key-file", "KEY", "--pin", "abc"], "the base64 of 32 bytes"]
  ] as const) {
    it.live(`refuses ${args.join(" ")} with 2`, () =>
      Effect.gen(function* () {
        const { code, err, failure, out } = yield* run([
          "device",
          ...args.map((arg) => (arg === "KEY" ? newGroup() : arg))
        ])
        assert.strictEqual(code, 2)
        assert.include(err + failure?.message, complaint)
        assert.notMatch(err + failure?.message, /pa55|\/word/)
        assert.notInclude(out, "device 0x")
      })
    )
  }
})
