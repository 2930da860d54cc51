/** Scenarios of the chat proxy (decision 18, PROTOCOL C12, D2, D31). */
import { assert } from "@effect/vitest"
import { CloseCode } from "@d2m/codec"
import { Effect } from "effect"
import { A, B, begin, bytes, commit, G, getDevicesInfo, join, login, open, proxy, reflectFrame } from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

/** Sizes of a chat login (PROTOCOL C12): client-hello, server-hello, login and its extension, login-ack. */
const clientHello = bytes(1, 48)
const serverHello = bytes(2, 80)
const login144 = bytes(3, 144)
const extension = bytes(4, 61)
const loginAck = bytes(5, 32)
/** A close-error: it is passed through like anything else. */
const closeError = bytes(6, 41)

export const chat: ReadonlyArray<Scenario> = [
  {
    shows: ["D2", "0.18"],
    title: "all apps send their chat hello as soon as the socket is open: it is answered before any ClientHello",
    settings: {
      chat: [
        { _tag: "Expect", bytes: 48 },
        { _tag: "Say", message: serverHello }
      ]
    },
    run: Effect.gen(function* () {
      const target = yield* Target
      const wire = yield* target.open(G.path)
      yield* wire.send(proxy(clientHello))
      const frames = [yield* wire.receive, yield* wire.receive]
      assert.deepStrictEqual(frames.map(({ _tag }) => _tag).sort(), ["Proxy", "ServerHello"])
      assert.deepInclude(frames, { _tag: "Proxy", data: serverHello })
    })
  },
  {
    shows: ["0.18", "D2"],
    title: "iOS splits its login into two proxy frames: upwards it is a stream, downwards one chat message a frame",
    settings: {
      chat: [
        { _tag: "Expect", bytes: 48 },
        { _tag: "Say", message: serverHello },
        { _tag: "Expect", bytes: 144 + 61 },
        { _tag: "Say", message: loginAck },
        { _tag: "Say", message: bytes(7, 8192) },
        { _tag: "Say", message: bytes(8, 1) }
      ]
    },
    run: Effect.gen(function* () {
      const { wire } = yield* open()
      yield* wire.send(proxy(clientHello.subarray(0, 1)), proxy(clientHello.subarray(1)))
      assert.deepStrictEqual((yield* wire.next("Proxy")).data, serverHello)
      yield* wire.send(proxy(login144), proxy(extension))
      for (const message of [loginAck, bytes(7, 8192), bytes(8, 1)]) {
        assert.deepStrictEqual((yield* wire.next("Proxy")).data, message)
      }
    })
  },
  {
    shows: ["0.18"],
    title: "bytes pass unread and in order, up to the largest frame, next to everything else",
    settings: { chat: "echo" },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const pieces = [bytes(1, 1), bytes(2, 65_532), bytes(3, 2), bytes(4, 4000)]
      yield* a.send(
        proxy(pieces[0]!),
        reflectFrame(1, bytes(9)),
        proxy(pieces[1]!),
        begin(bytes(8)),
        proxy(pieces[2]!),
        commit,
        proxy(pieces[3]!),
        getDevicesInfo
      )
      const got: Array<Uint8Array> = []
      const others: Array<string> = []
      while (got.length < 4 || others.length < 4) {
        const frame = yield* a.receive
        if (frame._tag === "Proxy") got.push(frame.data)
        else others.push(frame._tag)
      }
      assert.deepStrictEqual(others, ["ReflectAck", "BeginTransactionAck", "CommitTransactionAck", "DevicesInfo"])
      for (const [index, piece] of pieces.entries()) {
        assert.strictEqual(got[index]!.length, piece.length)
        assert.isTrue(piece.every((byte, at) => byte === got[index]![at]))
      }
      yield* b.until("TransactionEnded")
    })
  },
  {
    shows: ["0.18", "D2"],
    title: "each connection has a chat connection of its own, and a device without one needs none",
    settings: {
      chat: [
        { _tag: "Expect", bytes: 3 },
        { _tag: "Say", message: bytes(1) }
      ]
    },
    run: Effect.gen(function* () {
      const a = yield* login(A)
      const b = yield* login(B)
      yield* a.until("RolePromotedToLeader")
      yield* b.until("ReflectionQueueDry")
      yield* a.send(proxy(bytes(1, 2)))
      yield* b.send(proxy(bytes(1, 1)))
      yield* a.quiet
      yield* b.quiet
      yield* b.send(proxy(bytes(1, 2)))
      yield* b.next("Proxy")
      yield* a.quiet
      yield* a.send(proxy(bytes(1, 1)))
      yield* a.next("Proxy")
    })
  },
  {
    shows: ["D31", "0.18"],
    title: "a chat server that ends the connection: what it said before, its close-error too, then 4000",
    settings: {
      chat: [
        { _tag: "Expect", bytes: 48 },
        { _tag: "Say", message: serverHello },
        { _tag: "Say", message: closeError },
        { _tag: "End", reason: "Ended" }
      ]
    },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* a.send(proxy(clientHello))
      assert.deepStrictEqual((yield* a.next("Proxy")).data, serverHello)
      assert.deepStrictEqual((yield* a.next("Proxy")).data, closeError)
      yield* a.closes(CloseCode.ChatEnded)
    })
  },
  {
    shows: ["D31", "0.18"],
    title: "a chat server that cannot be reached: 4001, at the first chat frame, before and after the handshake",
    settings: { chat: "none" },
    run: Effect.gen(function* () {
      const { wire } = yield* open()
      yield* wire.send(proxy(clientHello))
      yield* wire.closes(CloseCode.ChatUnreachable)
      const a = yield* join(A)
      yield* a.send(proxy(clientHello))
      yield* a.closes(CloseCode.ChatUnreachable)
    })
  },
  {
    shows: ["D31", "0.18"],
    title: "a chat connection that fails: 4009, and the other devices do not notice",
    settings: {
      chat: [
        { _tag: "Expect", bytes: 1 },
        { _tag: "End", reason: "Failed" }
      ]
    },
    run: Effect.gen(function* () {
      const b = yield* join(B)
      const a = yield* join(A)
      yield* a.send(proxy(clientHello))
      yield* a.closes(CloseCode.ChatInternal)
      yield* b.quiet
    })
  },
  {
    shows: ["0.18"],
    title: "an empty proxy frame is a piece of the stream like any other",
    settings: {
      chat: [
        { _tag: "Expect", bytes: 2 },
        { _tag: "Say", message: bytes(1) }
      ]
    },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* a.send(proxy(new Uint8Array(0)), proxy(bytes(1, 1)), proxy(new Uint8Array(0)), proxy(bytes(2, 1)))
      assert.deepStrictEqual((yield* a.next("Proxy")).data, bytes(1))
      yield* a.quiet
    })
  }
]
