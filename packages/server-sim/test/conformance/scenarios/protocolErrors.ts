/** Scenarios of what is no frame, or no frame of a client (decisions 2, 6; PROTOCOL D3, D29, D30). */
import { assert } from "@effect/vitest"
import { CloseCode } from "@d2m/codec"
import { Effect } from "effect"
import { A, awaitAbsent, B, bytes, EXISTING, join, open } from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"

const frame = (...frame: ReadonlyArray<number>): Uint8Array => Uint8Array.from(frame)

/** What is malformed at any time, by hand. */
const malformed: ReadonlyArray<readonly [string, Uint8Array]> = [
  ["no bytes", frame()],
  ["a frame of one byte", frame(0x30)],
  ["a frame of three bytes", frame(0x30, 0, 0)],
  ["a proxy frame of three bytes", frame(0x00, 0, 0)],
  ["a frame of 65537 bytes", new Uint8Array(65_537)],
  // More is not even read from a WebSocket.
  ["a frame of 131072 bytes", new Uint8Array(131_072).fill(0x80)],
  ["a reflect without its header", frame(0x80, 0, 0, 0)],
  ["a reflect that ends within its header", frame(0x80, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0)],
  ["a reflect of header length 7", frame(0x80, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, ...bytes(1))],
  ["a reflect of header length 0", frame(0x80, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, ...bytes(1))],
  ["a reflect whose header is longer than its frame", frame(0x80, 0, 0, 0, 200, 0, 0, 0, 1, 0, 0, 0, ...bytes(1))],
  ["a reflected-ack without its id", frame(0x83, 0, 0, 0, 0, 0, 0, 0)],
  ["a reflected-ack that ends within its id", frame(0x83, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)],
  ["a BeginTransaction whose scope is cut", frame(0x40, 0, 0, 0, 0x0a, 41, 1, 2, 3)],
  ["a DropDevice whose id is cut", frame(0x32, 0, 0, 0, 0x09, 1, 2, 3)],
  ["a ClientHello that is no protobuf", frame(0x11, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)],
  ["a GetDevicesInfo with garbage for a body", frame(0x30, 0, 0, 0, 0x07)]
]

/** Every type that only the server sends, with a body that would be right for it. */
const serverTypes: ReadonlyArray<readonly [string, Uint8Array]> = [
  ["ServerHello", frame(0x10, 0, 0, 0, 0x12, 32, ...bytes(1, 32), 0x1a, 32, ...bytes(2, 32))],
  ["ServerInfo", frame(0x12, 0, 0, 0, 0x08, 8)],
  ["ReflectionQueueDry", frame(0x20, 0, 0, 0)],
  ["RolePromotedToLeader", frame(0x21, 0, 0, 0)],
  ["DevicesInfo", frame(0x31, 0, 0, 0)],
  ["DropDeviceAck", frame(0x33, 0, 0, 0, 0x09, ...bytes(1, 8))],
  ["BeginTransactionAck", frame(0x41, 0, 0, 0)],
  ["CommitTransactionAck", frame(0x43, 0, 0, 0)],
  ["TransactionRejected", frame(0x44, 0, 0, 0)],
  ["TransactionEnded", frame(0x45, 0, 0, 0)],
  ["reflect-ack", frame(0x81, 0, 0, 0, ...new Uint8Array(16))],
  ["reflected", frame(0x82, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, ...new Uint8Array(8), ...bytes(1))]
]

const unknownTypes = [0x01, 0x0f, 0x13, 0x22, 0x35, 0x46, 0x7f, 0x84, 0xff]

const refused = ([what, message]: readonly [string, Uint8Array], shows: Scenario["shows"]): Scenario => ({
  shows,
  title: `${what} closes with 4010 and a reason, before and after the handshake; the others live on`,
  run: Effect.gen(function* () {
    const b = yield* join(B)
    const { wire } = yield* open()
    yield* wire.sendBytes(message)
    assert.isNotEmpty((yield* wire.closes(CloseCode.ProtocolError)).reason)
    const a = yield* join(A)
    yield* a.sendBytes(message)
    assert.isNotEmpty((yield* a.closes(CloseCode.ProtocolError)).reason)
    yield* awaitAbsent(b, A)
    yield* b.quiet
  })
})

export const protocolErrors: ReadonlyArray<Scenario> = [
  ...malformed.map((each) => refused(each, ["D29", "0.6", "0.2"])),
  ...serverTypes.map(([name, message]) => refused([`a ${name} from a client`, message], ["D3", "0.6"])),
  {
    shows: ["D29", "0.6"],
    title: "a text message closes with 4010 and a reason, before and after the handshake",
    run: Effect.gen(function* () {
      for (const text of ["hello", "", "\u0030\u0000\u0000\u0000"]) {
        const { wire } = yield* open()
        yield* wire.sendText(text)
        assert.isNotEmpty((yield* wire.closes(CloseCode.ProtocolError)).reason)
      }
      const a = yield* join(A)
      yield* a.sendText("hello")
      yield* a.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D29", "0.6"],
    title: "strict: an unknown type closes with 4010",
    run: Effect.gen(function* () {
      for (const [index, type] of unknownTypes.entries()) {
        const a = yield* join(A, { expected: index === 0 ? 0 : EXISTING })
        yield* a.sendBytes(frame(type, 0, 0, 0, 1, 2, 3))
        assert.isNotEmpty((yield* a.closes(CloseCode.ProtocolError)).reason)
      }
      const { wire } = yield* open()
      yield* wire.sendBytes(frame(0x70, 0, 0, 0))
      yield* wire.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D29", "0.6"],
    title: "lenient: unknown types are ignored, and everything else is not",
    settings: { mode: "lenient" },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      for (const type of unknownTypes) yield* a.sendBytes(frame(type, 0, 0, 0, 1, 2, 3))
      yield* a.quiet
      yield* a.sendBytes(frame(0x12, 0, 0, 0))
      yield* a.closes(CloseCode.ProtocolError)
      const again = yield* join(A, { expected: EXISTING })
      yield* again.sendText("hello")
      yield* again.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D29", "0.6"],
    title: "lenient: an unknown type before ClientHello does not spoil the handshake",
    settings: { mode: "lenient" },
    run: Effect.gen(function* () {
      const { wire } = yield* open()
      yield* wire.sendBytes(frame(0x70, 0, 0, 0))
      const a = yield* join(A)
      yield* a.quiet
      yield* wire.sendBytes(frame(0x30, 0, 0, 0))
      yield* wire.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D30", "0.2"],
    title: "unknown protobuf fields are skipped in every message, and a body of field-less messages may have them",
    run: Effect.gen(function* () {
      const unknown = [0xa0, 0x06, 0x05, 0xaa, 0x06, 0x02, 0xff, 0xff]
      const a = yield* join(A)
      yield* a.sendBytes(frame(0x40, 9, 9, 9, ...unknown, 0x0a, 3, 1, 2, 3))
      yield* a.next("BeginTransactionAck")
      yield* a.sendBytes(frame(0x42, 0, 0, 0, ...unknown))
      yield* a.next("CommitTransactionAck")
      yield* a.sendBytes(frame(0x30, 0xff, 0xff, 0xff, ...unknown))
      yield* a.next("DevicesInfo")
      yield* a.sendBytes(frame(0x32, 0, 0, 0, 0x09, 1, 0, 0, 0, 0, 0, 0, 0, ...unknown))
      assert.strictEqual((yield* a.next("DropDeviceAck")).deviceId, 1n)
    })
  },
  {
    shows: ["0.6", "D3"],
    title: "what follows a protocol error in the same burst has no effect",
    run: Effect.gen(function* () {
      const b = yield* join(B)
      const a = yield* join(A)
      yield* a.sendBytes(frame(0x80))
      yield* a.sendBytes(frame(0x80, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, ...bytes(1)))
      yield* a.sendBytes(frame(0x40, 0, 0, 0))
      yield* a.closes(CloseCode.ProtocolError)
      yield* awaitAbsent(b, A)
      yield* b.quiet
      yield* b.sendBytes(frame(0x40, 0, 0, 0))
      yield* b.next("BeginTransactionAck")
    })
  }
]
