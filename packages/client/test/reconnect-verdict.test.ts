import { CloseCode, DecodeError, Limits, ReflectedId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { type ConnectionEnd, failuresAfter, linearBackoff, reconnectVerdict } from "../src/index.ts"
import * as End from "../src/ConnectionEnd.ts"
import { QuarantineFull, DeviceStoreError } from "../src/DeviceStore.ts"
import * as Transport from "../src/TransportError.ts"

const closed = (code: number, by: "server" | "client" | "network" = "server") =>
  new Transport.Closed({ code, reason: "", by })
const judge = (end: ConnectionEnd, slot: "New" | "Registering" | "Existing" = "Existing") => {
  const verdict = reconnectVerdict(end, { slot, chat: undefined })
  return verdict._tag === "AskUser" ? verdict.reason._tag : verdict.warn ? "warn" : verdict.counts ? "again" : "over"
}

describe("verdict", () => {
  it("41xx needs the user, whoever closed; other known ranges reconnect; the rest warns", () => {
    const expected: Record<number, string> = {
      1000: "again",
      1001: "again",
      1005: "again",
      1006: "again",
      1011: "again",
      1015: "again",
      3000: "warn",
      3999: "warn",
      4000: "again",
      4001: "again",
      4009: "again",
      4010: "again",
      4011: "again",
      4012: "again",
      4013: "again",
      4014: "again",
      4099: "again",
      4110: "UnsupportedVersion",
      4111: "SlotsExhausted",
      4112: "DuplicateDevice",
      4113: "Dropped",
      4114: "QueueLimit",
      4115: "SlotMismatch",
      4100: "Refused",
      4199: "Refused",
      4200: "warn",
      4999: "warn",
      0: "warn"
    }
    for (const [code, verdict] of Object.entries(expected)) {
      for (const by of ["server", "client", "network"] as const)
        assert.strictEqual(judge(closed(Number(code), by)), verdict)
    }
  })

  it("4115 offers to go on as EXISTING only while the first ServerInfo may have got lost", () => {
    for (const slot of ["Registering", "Existing"] as const) {
      const verdict = reconnectVerdict(closed(CloseCode.SlotStateMismatch), { slot, chat: undefined })
      assert.isTrue(verdict._tag === "AskUser" && verdict.reason._tag === "SlotMismatch")
      if (verdict._tag === "AskUser" && verdict.reason._tag === "SlotMismatch") {
        assert.strictEqual(verdict.reason.registering, slot === "Registering")
      }
    }
  })

  it("every other end", () => {
    const address = "mediator:443"
    const table: ReadonlyArray<readonly [ConnectionEnd, string]> = [
      [new Transport.PinMismatch({ host: "h", expected: [], found: "x" }), "NotTrusted"],
      [new Transport.NoPinFor({ host: "h" }), "NotTrusted"],
      [new Transport.InvalidPinRule({ host: "h", detail: "" }), "NotTrusted"],
      [new Transport.PlaintextRefused({ host: "h", detail: "" }), "NotTrusted"],
      [new Transport.InvalidUrl({ url: "", detail: "" }), "Refused"],
      [new Transport.CertificateRejected({ code: "CERT_HAS_EXPIRED", host: "h", detail: "" }), "again"],
      [new Transport.TlsFailed({ code: "", address, detail: "" }), "again"],
      [new Transport.Unreachable({ code: "ENOTFOUND", address, detail: "" }), "again"],
      [new Transport.UpgradeRefused({ status: 400, address, detail: "" }), "again"],
      [new Transport.OpenTimeout({ address, phase: "tls", timeout: 1 }), "again"],
      [new DecodeError({ kind: "Truncated", within: "", offset: 0, expected: "", found: "" }), "again"],
      [new End.ProtocolViolation({ expected: "", found: "" }), "again"],
      [new End.UnsupportedVersion({ minimum: 1, maximum: 1, offered: 0 }), "UnsupportedVersion"],
      [new End.ClockSkew({ skew: 1, limit: 0 }), "ClockSkew"],
      [new End.SlotContradiction({ expected: "New", found: 1 }), "SlotMismatch"],
      [new End.DeadlinePassed({ waitedFor: "answer", millis: 1 }), "again"],
      [new DeviceStoreError({ reason: "Full", operation: "", detail: "" }), "again"],
      [new QuarantineFull({ capacity: 1 }), "Halted"],
      [new End.HandlerHalted({ reflectedId: ReflectedId.make(1), detail: "" }), "Halted"],
      [new End.TransactionAborted({}), "over"],
      [new End.FellBehind({}), "over"],
      [new End.ChatOver({ canReconnect: true }), "again"]
    ]
    for (const [end, verdict] of table) assert.strictEqual(judge(end), verdict, end._tag)
    const tags = End.ConnectionEnd.members.map((member) => member.identifier ?? "")
    assert.strictEqual(new Set(table.map(([end]) => end._tag)).size + 1, tags.length, "every member but Closed is here")
  })

  it("a chat close-error decides in the place of the close code", () => {
    const chat = (canReconnect: boolean) => ({ _tag: "CloseError", canReconnect }) as const
    assert.strictEqual(reconnectVerdict(closed(4113), { slot: "Existing", chat: chat(true) })._tag, "Reconnect")
    const refused = reconnectVerdict(closed(1000), { slot: "Existing", chat: chat(false) })
    assert.deepStrictEqual(refused, { _tag: "AskUser", reason: { _tag: "ChatRefused" } })
    const ended = reconnectVerdict(closed(4113), { slot: "Existing", chat: { _tag: "Ended" } })
    assert.strictEqual(ended._tag, "AskUser")
    const skew = reconnectVerdict(new End.ClockSkew({ skew: 1, limit: 0 }), { slot: "Existing", chat: chat(true) })
    assert.strictEqual(skew._tag, "AskUser", "what the device itself needs the user for stays")
  })

  it("tells the mediator as much as a close frame has room for, in whole characters", () => {
    const reasonOf = (found: string) => End.closeReasonOf(new End.ProtocolViolation({ expected: "a", found }))
    const whole = reasonOf("")
    const room = Limits.closeReason - whole.length
    assert.strictEqual(reasonOf("b".repeat(room)), whole + "b".repeat(room))
    assert.strictEqual(reasonOf("b".repeat(room + 1)), whole + "b".repeat(room))
    assert.strictEqual(reasonOf("🙂".repeat(room)), whole + "🙂".repeat(Math.floor(room / 4)))
  })

  it("tells the mediator why only where it is to blame", () => {
    assert.strictEqual(End.closeCodeOf(new End.ProtocolViolation({ expected: "a", found: "b" })), 4010)
    assert.strictEqual(End.closeCodeOf(new End.UnsupportedVersion({ minimum: 1, maximum: 1, offered: 0 })), 4110)
    assert.strictEqual(End.closeCodeOf(new End.SlotContradiction({ expected: "New", found: 1 })), 4115)
    const secret = new End.HandlerHalted({ reflectedId: ReflectedId.make(1), detail: "contact XYZ" })
    assert.strictEqual(End.closeCodeOf(secret), 1000)
    assert.strictEqual(End.closeReasonOf(secret), "HandlerHalted")
  })
})

describe("backoff", () => {
  const policy = linearBackoff()

  it("n × 2 s, at most 60 s, then ±20 %", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 29].map((failures) => policy.delay(failures, 0.5)),
      [2000, 4000, 6000, 58_000]
    )
    assert.strictEqual(policy.delay(1, 0), 1600)
    assert.strictEqual(policy.delay(29, 0), 46_400)
    const long = linearBackoff({ maximumFailures: 100 })
    assert.deepStrictEqual([long.delay(31, 0), long.delay(31, 0.5), long.delay(90, 0.75)], [48_000, 60_000, 66_000])
  })

  it("after 30 failures in a row the user is asked", () => {
    assert.isNumber(policy.delay(29, 0.5))
    assert.isUndefined(policy.delay(30, 0.5))
  })

  it("counts from the start again after a connection that held 30 s past ServerInfo", () => {
    assert.strictEqual(failuresAfter(policy, 7, undefined), 8)
    assert.strictEqual(failuresAfter(policy, 7, 29_999), 8)
    assert.strictEqual(failuresAfter(policy, 7, 30_000), 1)
    const slow = { ...policy, settledAfter: "2 minutes" } as const
    assert.strictEqual(failuresAfter(slow, 7, 119_999), 8)
    assert.strictEqual(failuresAfter(slow, 7, 120_000), 1)
  })
})
