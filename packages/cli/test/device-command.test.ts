import { assert, describe, it } from "@effect/vitest"
import { connectAnyway, continueAsIs, registerAgain } from "@d2m/client"
import { Result } from "effect"
import { help, names, parse, parseDeviceId, scopes } from "../src/device/DeviceCommand.ts"

const commands: ReadonlyArray<readonly [line: string, command: unknown]> = [
  ["", undefined],
  ["   ", undefined],
  ["# reflect nothing", undefined],
  ["reflect hello", { _tag: "Reflect", text: "hello" }],
  ["  REFLECT   two  words \r", { _tag: "Reflect", text: "two  words" }],
  ["reflect # | quit", { _tag: "Reflect", text: "# | quit" }],
  ["ephemeral grüße 🐢", { _tag: "Ephemeral", text: "grüße 🐢" }],
  ["transaction contact_sync one", { _tag: "Transaction", scope: 1, texts: ["one"] }],
  [
    "transaction contact-sync one | two words|3 |four",
    { _tag: "Transaction", scope: 1, texts: ["one", "two words|3 |four"] }
  ],
  ["transaction 99 ttl=5 a | b | c", { _tag: "Transaction", scope: 99, ttl: 5, texts: ["a", "b", "c"] }],
  ["begin DROP_DEVICE", { _tag: "Begin", scope: 7 }],
  ["begin 0 ttl=4294967295", { _tag: "Begin", scope: 0, ttl: 4_294_967_295 }],
  ["commit", { _tag: "Commit" }],
  ["abort", { _tag: "Abort" }],
  ["devices", { _tag: "Devices" }],
  ["drop me", { _tag: "Drop", deviceId: "me" }],
  ["drop 18446744073709551615", { _tag: "Drop", deviceId: 0xffff_ffff_ffff_ffffn }],
  ["drop 0xABCdef0123456789", { _tag: "Drop", deviceId: 0xabcd_ef01_2345_6789n }],
  ["state", { _tag: "State" }],
  ["wait dry", { _tag: "Wait", awaited: "dry" }],
  ["wait promised", { _tag: "Wait", awaited: "promised" }],
  ["wait 12", { _tag: "Wait", awaited: 12 }],
  ["resume continue", { _tag: "Resume", answer: continueAsIs }],
  ["resume register", { _tag: "Resume", answer: registerAgain }],
  ["resume anyway", { _tag: "Resume", answer: connectAnyway("1 hour") }],
  ["resume anyway 90", { _tag: "Resume", answer: connectAnyway("90 seconds") }],
  ["retry", { _tag: "Retry" }],
  ["?", { _tag: "Help" }],
  ["help", { _tag: "Help" }],
  ["quit", { _tag: "Quit" }]
]

const mistakes: ReadonlyArray<readonly [line: string, expected: RegExp, found: string]> = [
  ["reflekt hello", /^a command: reflect, ephemeral, /, '"reflekt"'],
  ["reflect", /^a text$/, "the end of the line"],
  ["ephemeral  ", /^a text$/, "the end of the line"],
  ["begin", /^a scope: user_profile_sync, contact_sync, /, "the end of the line"],
  ["begin contacts", /^a scope: /, '"contacts"'],
  ["begin 2147483648", /^a scope: /, '"2147483648"'],
  ["begin __proto__", /^a scope: /, '"__proto__"'],
  ["begin 1 ttl=0", /^ttl= and whole seconds/, '"ttl=0"'],
  ["begin 1 ttl=4294967296", /^ttl= and whole seconds/, '"ttl=4294967296"'],
  ["begin 1 ttl=1.5", /^ttl= and whole seconds/, '"ttl=1.5"'],
  ["begin 1 and more", /^the end of the line$/, '"and more"'],
  ["transaction 1", /^texts with \| between them$/, "the end of the line"],
  ["transaction 1 a | | b", /^texts with \|/, '"a | | b"'],
  ["transaction 1 | b", /^texts with \|/, '"| b"'],
  ["commit now", /^the end of the line$/, '"now"'],
  ["drop", /^a device id/, "the end of the line"],
  ["drop -1", /^a device id/, '"-1"'],
  ["drop abc", /^a device id/, '"abc"'],
  ["drop 18446744073709551616", /^a device id/, '"18446744073709551616"'],
  ["drop 0x10000000000000000", /^a device id/, '"0x10000000000000000"'],
  ["wait", /^live, dry, leader, user, promised, or a number/, "the end of the line"],
  ["wait 0", /^live, /, '"0"'],
  ["resume", /^continue, register, or anyway$/, "the end of the line"],
  ["resume continue 5", /^the end of the line$/, '"5"'],
  ["resume anyway 0", /^whole seconds/, '"0"'],
  ["resume anyway soon", /^whole seconds/, '"soon"'],
  ["\u001b[2Jquit", /^a command/, '"\\u{1b}[2Jquit"']
]

describe("a line for d2m device", () => {
  for (const [line, command] of commands) {
    it(`reads ${JSON.stringify(line)}`, () => {
      const parsed = parse(line)
      assert.isTrue(Result.isSuccess(parsed), String(parsed))
      if (Result.isSuccess(parsed)) assert.deepStrictEqual(parsed.success, command)
    })
  }

  for (const [line, expected, found] of mistakes) {
    it(`refuses ${JSON.stringify(line)} and says what it expected`, () => {
      const parsed = parse(line)
      assert.isTrue(Result.isFailure(parsed), String(parsed))
      if (!Result.isFailure(parsed)) return
      assert.match(parsed.failure.expected, expected)
      assert.strictEqual(parsed.failure.found, found)
      assert.strictEqual(parsed.failure.message, `expected ${parsed.failure.expected}, found ${found}`)
    })
  }

  it("quotes only the beginning of what it did not expect", () => {
    const parsed = parse("x".repeat(100_000))
    assert.isTrue(Result.isFailure(parsed) && parsed.failure.found.length < 60)
  })

  it("is helped by one line for each command, and by the scopes", () => {
    const text = help.join("\n")
    for (const name of names) assert.match(text, new RegExp(`^${name}\\b`, "m"))
    for (const scope of scopes) assert.include(text, scope)
    for (const name of names) {
      const parsed = parse(name)
      const isKnown = Result.isSuccess(parsed) || !parsed.failure.expected.startsWith("a command")
      assert.isTrue(isKnown, name)
    }
  })

  it("takes device ids in decimal or hex", () => {
    assert.deepStrictEqual(parseDeviceId("16"), parseDeviceId("0x10"))
    assert.isTrue(Result.isFailure(parseDeviceId("0x")))
  })
})
