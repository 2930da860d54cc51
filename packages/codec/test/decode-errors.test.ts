/**
 * What decode errors say to a person: what was expected, what was found, where, and in which message and field.
 */
import { assert, describe, it } from "@effect/vitest"
import { Equal } from "effect"
import { decodeClientFrame } from "../src/ClientFrame.ts"
import * as D2d from "../src/messages/D2d.ts"
import { decodeMessage } from "../src/ProtobufCodec.ts"
import { decodeServerFrame } from "../src/ServerFrame.ts"
import { numbers } from "./explain-support.ts"
import { bytes, failed, hex } from "./frame-vectors.ts"
import { concat, delimited, fixed64, group, int, overlong, tag } from "./wire-bytes.ts"

const serverHello = (...fields: ReadonlyArray<Uint8Array | ReadonlyArray<number>>) => concat([0x10, 0, 0, 0], ...fields)
const esk = delimited(2, new Uint8Array(32))
const challenge = delimited(3, new Uint8Array(32))

const said: ReadonlyArray<readonly [from: "client" | "server", input: Uint8Array, message: string]> = [
  ["server", bytes(""), "container at byte 0: expected at least 4 bytes, found 0 bytes"],
  ["client", bytes("800000"), "container at byte 3: expected at least 4 bytes, found 3 bytes"],
  ["client", new Uint8Array(65_537), "container at byte 65536: expected at most 65536 bytes, found 65537 bytes"],
  [
    "client",
    bytes("82000000"),
    "container.type at byte 0: expected a type that a client sends, found 0x82 (reflected)"
  ],
  [
    "server",
    bytes("11000000"),
    "container.type at byte 0: expected a type that the mediator sends, found 0x11 (ClientHello)"
  ],
  [
    "client",
    bytes("800000000700000001000000ee"),
    "reflect.header-length at byte 4: expected a header of 8 to 9 bytes, found 7"
  ],
  [
    "client",
    bytes("800000000a00000001000000ee"),
    "reflect.header-length at byte 4: expected a header of 8 to 9 bytes, found 10"
  ],
  [
    "server",
    bytes("8100000000000000010000000500"),
    "reflect-ack.timestamp at byte 12: expected a frame of at least 20 bytes, found 14 bytes"
  ],
  ["server", serverHello(delimited(2, [1, 2, 3])), "d2m.ServerHello.esk at byte 4: expected 32 bytes, found 3 bytes"],
  ["server", serverHello(esk), "d2m.ServerHello.challenge at byte 38: expected 32 bytes, found no such field"],
  [
    "server",
    serverHello(esk, tag(3, 2), [32], new Uint8Array(3)),
    "d2m.ServerHello.challenge at byte 38: expected the rest of the field, found the end at byte 43"
  ],
  [
    "server",
    serverHello(esk, challenge, tag(50, 1), [1, 2]),
    "d2m.ServerHello.#50 at byte 72: expected the rest of the field, found the end at byte 76"
  ],
  ["server", serverHello(tag(1, 6)), "d2m.ServerHello.#1 at byte 4: expected a wire type that begins a field, found 6"],
  [
    "server",
    serverHello(int(50, 1), [0x80]),
    "d2m.ServerHello at byte 7: expected the rest of a varint, found the end at byte 8"
  ],
  ["server", serverHello(Uint8Array.of(0x00)), "d2m.ServerHello at byte 4: expected a field number above 0, found 0"],
  [
    "server",
    serverHello(concat(tag(1, 0), overlong(1, 11))),
    "d2m.ServerHello.version at byte 4: expected a varint of at most 10 bytes, found a longer one"
  ],
  [
    "server",
    serverHello(group(9, Uint8Array.from(tag(8, 4)))),
    "d2m.ServerHello.#9 at byte 4: expected the end of group 9, found the end of group 8"
  ],
  [
    "server",
    concat([0x31, 0, 0, 0], delimited(1, fixed64(1, 7n), delimited(2, tag(1, 2), [5]))),
    "d2m.DevicesInfo.AugmentedDeviceInfo.encryptedDeviceInfo at byte 17: expected the rest of the field, found the end at byte 19"
  ]
]

describe("what decode errors say", () => {
  for (const [from, input, message] of said) {
    it(message, () => {
      const decode = () =>
        from === "client" ? failed<unknown>(decodeClientFrame(input)) : failed<unknown>(decodeServerFrame(input))
      assert.strictEqual(decode().message, message)
      assert.isTrue(Equal.equals(decode(), decode()))
      assert.deepStrictEqual(decode(), decode())
    })
  }

  it("of a message inside a message names the inner one", () => {
    const envelope = delimited(2, delimited(1, delimited(1, [0xff])))
    assert.strictEqual(
      failed(decodeMessage(D2d.Envelope, envelope)).message,
      "d2d.ConversationId.contact at byte 4: expected UTF-8, found other bytes"
    )
  })
})

describe("what decode errors do not say", () => {
  it("any of a plaintext, wherever it breaks", () => {
    const below = numbers(3)
    const secret = "QXJZ~VWK^QZJX~KVJW^XQZ"
    const text = Uint8Array.from(Buffer.from(secret))
    const whole = concat(
      delimited(1, [1, 1]),
      delimited(2, delimited(1, delimited(1, secret.slice(0, 8))), delimited(5, text), delimited(9, text))
    )
    let errors = 0
    for (let times = 0; times < 1200; times++) {
      const input = whole.slice(0, 1 + below(whole.length))
      for (let changes = below(4); changes > 0; changes--) input[below(input.length)] = below(256)
      const decoded = decodeMessage(D2d.Envelope, input)
      if (decoded._tag === "Success") continue
      errors++
      const { failure } = decoded
      const all = `${failure.message} ${JSON.stringify(failure)} ${String(failure)} ${failure.stack ?? ""}`
      for (let at = 0; at + 4 <= secret.length; at++) assert.notInclude(all, secret.slice(at, at + 4))
      for (let at = 0; at + 3 <= text.length; at++) assert.notInclude(all, hex(text.subarray(at, at + 3)))
    }
    assert.isAbove(errors, 300)
  })

  it("numbers that were read before", () => {
    const input = concat(int(3, 123_456_789), delimited(2, int(3, 987_654_321), tag(5, 2), [9]))
    assert.notMatch(JSON.stringify(failed(decodeMessage(D2d.Envelope, input))), /123456789|987654321/)
  })
})
