import { assert, describe, it } from "@effect/vitest"
import { CloseCode, closeCode, closeCodes, type CloseVerdict, isSendable } from "../src/CloseCode.ts"

/** PROTOCOL A7, transcribed by hand. */
const table: ReadonlyArray<readonly [number, string, "websocket" | "chat" | "mediator", CloseVerdict]> = [
  [1000, "NormalClosure", "websocket", "reconnect"],
  [1001, "GoingAway", "websocket", "reconnect"],
  [1011, "InternalError", "websocket", "reconnect"],
  [4000, "ChatEnded", "chat", "reconnect"],
  [4001, "ChatUnreachable", "chat", "reconnect"],
  [4009, "ChatInternal", "chat", "reconnect"],
  [4010, "ProtocolError", "mediator", "reconnect"],
  [4011, "TransactionTimeout", "mediator", "reconnect"],
  [4012, "UnknownAck", "mediator", "reconnect"],
  [4013, "Idle", "mediator", "reconnect"],
  [4110, "UnsupportedVersion", "mediator", "user"],
  [4111, "SlotsExhausted", "mediator", "user"],
  [4112, "DuplicateDevice", "mediator", "user"],
  [4113, "Dropped", "mediator", "user"],
  [4114, "QueueLimit", "mediator", "user"],
  [4115, "SlotStateMismatch", "mediator", "user"]
]

const inTable = new Set(table.map(([code]) => code))

describe("closeCode", () => {
  for (const [code, name, class_, verdict] of table) {
    it(`${code} is ${name}`, () => {
      const info = closeCode(code)
      assert.strictEqual(info.code, code)
      assert.strictEqual(info.name, name)
      assert.strictEqual(info.class, class_)
      assert.strictEqual(info.verdict, verdict)
      assert.isAbove(info.meaning.length, 10)
      assert.strictEqual((CloseCode as Record<string, number>)[name], code)
    })
  }

  it("lists the whole table in order, with distinct meanings", () => {
    assert.deepStrictEqual(
      closeCodes.map(({ code }) => code),
      table.map(([code]) => code)
    )
    assert.strictEqual(Object.keys(CloseCode).length, table.length)
    assert.strictEqual(new Set(closeCodes.map(({ meaning }) => meaning)).size, table.length)
  })

  it("judges every other number by its range", () => {
    for (let code = -2; code <= 70_000; code++) {
      if (inTable.has(code)) continue
      const expected =
        code >= 1000 && code <= 1999
          ? { class: "websocket", verdict: "reconnect" }
          : code >= 4000 && code <= 4099
            ? { class: "unknown", verdict: "reconnect" }
            : code >= 4100 && code <= 4199
              ? { class: "unknown", verdict: "user" }
              : { class: "unknown", verdict: "reconnect-warn" }
      const info = closeCode(code)
      if (
        info.code !== code ||
        info.name !== "Unknown" ||
        info.class !== expected.class ||
        info.verdict !== expected.verdict
      ) {
        assert.fail(`${code}: ${JSON.stringify(info)}`)
      }
    }
  })

  it("answers for what is no close code at all", () => {
    for (const code of [Number.NaN, Infinity, -Infinity, -4110, 2 ** 53]) {
      assert.strictEqual(closeCode(code).verdict, "reconnect-warn")
    }
  })
})

describe("isSendable", () => {
  it("allows what RFC 6455 and its registry allow in a close frame", () => {
    const protocol = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
    for (let code = -2; code <= 70_000; code++) {
      const expected = protocol.includes(code) || (code >= 3000 && code <= 4999)
      if (isSendable(code) !== expected) assert.fail(`${code}`)
    }
    assert.isFalse(isSendable(4000.5))
    assert.isFalse(isSendable(Number.NaN))
  })

  it("allows every code of the table", () => {
    for (const { code } of closeCodes) assert.isTrue(isSendable(code), `${code}`)
  })
})
