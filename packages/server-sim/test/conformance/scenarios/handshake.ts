/** Scenarios of the handshake: ServerHello, the order of checks on ClientHello, ServerInfo (decisions 4, 5, 7, 27). */
import { assert } from "@effect/vitest"
import { Box, CloseCode, encodeClientFrame, Limits, tweetNacl } from "@d2m/codec"
import { Effect } from "effect"
import {
  A,
  ackFrame,
  answer,
  B,
  begin,
  bytes,
  C,
  clientHello,
  commit,
  DROP_LEAST_RECENT,
  drop,
  EXISTING,
  G,
  getDevicesInfo,
  greet,
  group,
  join,
  login,
  NEW,
  open,
  proxy,
  REJECT,
  reflectFrame,
  session,
  setSharedData
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

/** The frames a registered device may send, by hand: each is out of state before ClientHello. */
const sessionFrames = [
  getDevicesInfo,
  drop(A),
  setSharedData(bytes(1)),
  begin(bytes(2)),
  commit,
  reflectFrame(1, bytes(3)),
  reflectFrame(1, bytes(3), 1),
  ackFrame(1)
]

export const handshake: ReadonlyArray<Scenario> = [
  {
    shows: ["D1", "0.3", "0.4"],
    title: "ServerHello is the first frame: version 0 left out, a 32-byte key and a 32-byte challenge",
    run: Effect.gen(function* () {
      const target = yield* Target
      const wire = yield* target.open(G.path)
      const frame = yield* wire.receiveBytes
      assert.deepStrictEqual(Array.from(frame.subarray(0, 6)), [0x10, 0, 0, 0, 0x12, 32])
      assert.deepStrictEqual(Array.from(frame.subarray(38, 40)), [0x1a, 32])
      assert.strictEqual(frame.length, 4 + 2 * (2 + 32))
    })
  },
  {
    shows: ["D1", "0.27"],
    title: "the key and the challenge of each connection are fresh, and the key is no point of low order",
    run: Effect.gen(function* () {
      const hellos = yield* Effect.forEach([1, 2, 3, 4], () => open())
      for (const values of [hellos.map(({ hello }) => hello.esk), hellos.map(({ hello }) => hello.challenge)]) {
        assert.strictEqual(new Set(values.map(String)).size, 4)
      }
      for (const { hello } of hellos) {
        assert.strictEqual(hello.version, 0)
        assert.isTrue(tweetNacl.x25519(bytes(5, 32), hello.esk).some((byte) => byte !== 0))
      }
    })
  },
  {
    shows: ["D3", "0.5"],
    title: "a ClientHello of a later version closes with 4110",
    run: Effect.gen(function* () {
      const wire = yield* greet(A, { version: 1 })
      yield* wire.closes(CloseCode.UnsupportedVersion)
      const highest = yield* greet(A, { version: 0xffff_ffff })
      yield* highest.closes(CloseCode.UnsupportedVersion)
    })
  },
  {
    shows: ["0.4"],
    title: "a mediator of several versions advertises its highest, takes each of them, and refuses those around them",
    settings: { versions: { min: 1, max: 3 } },
    run: Effect.gen(function* () {
      for (const version of [1, 2, 3]) {
        const { hello, wire } = yield* open()
        assert.strictEqual(hello.version, 3)
        yield* wire.send(clientHello(A, hello, { version, expected: version === 1 ? NEW : EXISTING }))
        yield* wire.next("ServerInfo")
        yield* wire.hangUp
      }
      for (const version of [0, 4]) {
        const refused = yield* greet(B, { version })
        yield* refused.closes(CloseCode.UnsupportedVersion)
      }
    })
  },
  {
    shows: ["D3", "0.6"],
    title: "any other D2M frame before ClientHello closes with 4010 and a reason",
    run: Effect.gen(function* () {
      for (const frame of sessionFrames) {
        const { wire } = yield* open()
        yield* wire.send(frame)
        const { reason } = yield* wire.closes(CloseCode.ProtocolError)
        assert.isNotEmpty(reason)
      }
    })
  },
  {
    shows: ["D3", "0.6"],
    title: "a second ClientHello closes with 4010 and a reason",
    run: Effect.gen(function* () {
      const { hello, wire } = yield* open()
      yield* wire.send(clientHello(A, hello))
      yield* wire.until("RolePromotedToLeader")
      yield* wire.send(clientHello(A, hello, { expected: EXISTING }))
      const { reason } = yield* wire.closes(CloseCode.ProtocolError)
      assert.isNotEmpty(reason)
    })
  },
  {
    shows: ["D4", "0.5"],
    title: "a response that does not open closes with 4010, authentication failed, and registers nobody",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      const { hello, wire } = yield* open()
      const right = answer(G.keys, hello)
      const wrong = [
        ...[0, 23, 24, 40, 71].map((at) => right.map((byte, index) => (index === at ? byte ^ 1 : byte))),
        answer(group(2).keys, hello),
        answer(G.keys, { ...hello, challenge: bytes(9, 32) }),
        new Uint8Array(Limits.response)
      ]
      yield* wire.hangUp
      for (const response of wrong) {
        // The nonce is random on the client's side, so that no answer to an old challenge can be right by chance.
        const refused = yield* open()
        yield* refused.wire.send(clientHello(A, refused.hello, { response }))
        const { reason } = yield* refused.wire.closes(CloseCode.ProtocolError)
        assert.strictEqual(reason, "authentication failed")
      }
      assert.deepStrictEqual(yield* observer.registered, [B])
    })
  },
  {
    shows: ["D4", "0.2"],
    title: "a response that is not 72 bytes long closes with 4010",
    run: Effect.gen(function* () {
      for (const length of [0, 71, 73]) {
        const { hello, wire } = yield* open()
        const hello72 = encodeClientFrame(clientHello(A, hello))
        // Field 2 is a length-delimited field whose tag is 0x12.
        const at = hello72.indexOf(0x12, 4)
        assert.strictEqual(hello72[at + 1], Limits.response)
        const cut = Uint8Array.from([
          ...hello72.subarray(0, at + 1),
          length,
          ...bytes(1, length),
          ...hello72.subarray(at + 2 + Limits.response)
        ])
        yield* wire.sendBytes(cut)
        yield* wire.closes(CloseCode.ProtocolError)
      }
    })
  },
  {
    shows: ["0.27", "D4"],
    title: "a group id of low order authenticates nobody, though anyone knows the shared secret",
    run: Effect.gen(function* () {
      const target = yield* Target
      const wire = yield* target.open({ deviceGroupId: new Uint8Array(32), serverGroup: "7a" })
      const hello = yield* wire.next("ServerHello")
      const response = new Uint8Array(Limits.response)
      const sharedByAll = tweetNacl.hsalsa20(new Uint8Array(32))
      tweetNacl.secretboxSeal(sharedByAll, bytes(1, 24), hello.challenge, response, 0)
      yield* wire.send(clientHello(A, hello, { response }))
      yield* wire.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D5", "0.5"],
    title: "a new device that expects to be known is refused with 4115, and nothing is stored",
    run: Effect.gen(function* () {
      const refused = yield* greet(A, { expected: EXISTING })
      yield* refused.closes(CloseCode.SlotStateMismatch)
      const observer = yield* join(B)
      assert.deepStrictEqual(yield* observer.registered, [B])
      const welcome = yield* login(A)
      assert.strictEqual(welcome.info.deviceSlotState, NEW)
    })
  },
  {
    shows: ["D5", "0.5"],
    title: "a known device that expects to be new is refused with 4115; its slot and its other connection stay",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      const first = yield* join(A, { info: bytes(1) })
      const before = (yield* observer.devices).get(A)
      const refused = yield* greet(A, { expected: NEW, info: bytes(2), expiration: 0 })
      yield* refused.closes(CloseCode.SlotStateMismatch)
      yield* first.quiet
      assert.deepStrictEqual((yield* observer.devices).get(A), before)
    })
  },
  {
    shows: ["D7", "0.5"],
    title: "version goes before authentication",
    run: Effect.gen(function* () {
      const wire = yield* greet(A, { version: 1, response: bytes(1, Limits.response), expected: EXISTING })
      yield* wire.closes(CloseCode.UnsupportedVersion)
    })
  },
  {
    shows: ["D7", "0.5"],
    title: "authentication goes before the slot state",
    run: Effect.gen(function* () {
      const wire = yield* greet(A, { response: bytes(1, Limits.response), expected: EXISTING })
      yield* wire.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D7", "0.5"],
    title: "the slot state goes before the slots, whatever the policy",
    settings: { maxDeviceSlots: 1 },
    run: Effect.gen(function* () {
      const only = yield* join(B)
      for (const exhausted of [REJECT, DROP_LEAST_RECENT]) {
        const refused = yield* greet(A, { exhausted, expected: EXISTING })
        yield* refused.closes(CloseCode.SlotStateMismatch)
      }
      yield* only.quiet
    })
  },
  {
    shows: ["D7", "0.5"],
    title: "who is refused, for whatever reason, closes no older connection of the device",
    run: Effect.gen(function* () {
      const first = yield* join(A)
      const version = yield* greet(A, { expected: EXISTING, version: 1 })
      yield* version.closes(CloseCode.UnsupportedVersion)
      const response = yield* greet(A, { expected: EXISTING, response: bytes(1, Limits.response) })
      yield* response.closes(CloseCode.ProtocolError)
      yield* first.quiet
    })
  },
  {
    shows: ["D9", "D33"],
    title: "ServerInfo says what the mediator knows: slots, state as found, shared data, time, queue length",
    settings: { maxDeviceSlots: 5 },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      assert.deepStrictEqual(a.info, {
        _tag: "ServerInfo",
        maxDeviceSlots: 5,
        deviceSlotState: NEW,
        encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(0)),
        currentTime: yield* target.now,
        reflectionQueueLength: 0
      })
      yield* a.send(setSharedData(bytes(7)))
      const b = yield* join(B)
      yield* b.hangUp
      yield* a.reflect(bytes(1))
      yield* a.reflect(bytes(2))
      yield* target.advance("1 second")
      const again = yield* login(B, { expected: EXISTING })
      assert.deepStrictEqual(again.info, {
        _tag: "ServerInfo",
        maxDeviceSlots: 5,
        deviceSlotState: EXISTING,
        encryptedSharedDeviceData: Box.make("dgsddk", bytes(7)),
        currentTime: yield* target.now,
        reflectionQueueLength: 2
      })
    })
  },
  {
    shows: ["D9", "0.7", "D14"],
    title: "Desktop sends before ServerInfo: ServerInfo comes first all the same, and the frames count",
    run: Effect.gen(function* () {
      const b = yield* join(B)
      const { hello, wire } = yield* open()
      yield* wire.send(
        clientHello(A, hello),
        reflectFrame(1, bytes(1)),
        reflectFrame(2, bytes(2), 1),
        begin(bytes(9)),
        reflectFrame(3, bytes(3)),
        getDevicesInfo
      )
      const info = yield* wire.next("ServerInfo")
      const frames = (yield* session(A, wire, info).until("DevicesInfo")).map(({ _tag }) => _tag)
      assert.deepStrictEqual(
        frames.filter((tag) => tag !== "ReflectionQueueDry"),
        ["ReflectAck", "BeginTransactionAck", "ReflectAck", "DevicesInfo"]
      )
      assert.deepStrictEqual((yield* b.next("Reflected")).envelope, bytes(1))
      assert.deepStrictEqual((yield* b.next("Reflected")).envelope, bytes(2))
      yield* b.quiet
    })
  },
  {
    shows: ["0.7", "D4"],
    title: "who has not shown that it belongs to the group hears nothing of it",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const { hello, wire } = yield* open()
      yield* a.reflect(bytes(1))
      yield* a.reflectEphemeral(bytes(2))
      yield* a.send(begin(bytes(3)), commit, setSharedData(bytes(4)))
      yield* a.next("BeginTransactionAck")
      yield* a.next("CommitTransactionAck")
      yield* a.hangUp
      yield* b.until("RolePromotedToLeader")
      yield* wire.send(clientHello(C, hello))
      yield* wire.next("ServerInfo")
      yield* wire.next("ReflectionQueueDry")
    })
  },
  {
    shows: ["0.7", "D2", "0.18"],
    title: "chat frames may come before ServerInfo, which is the first frame that is none",
    settings: { chat: "echo" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const wire = yield* target.open(G.path)
      yield* wire.send(proxy(bytes(1)))
      const first = yield* wire.receive
      const second = yield* wire.receive
      const [hello, echo] = first._tag === "ServerHello" ? [first, second] : [second, first]
      assert.deepStrictEqual(echo, { _tag: "Proxy", data: bytes(1) })
      assert(hello._tag === "ServerHello")
      yield* wire.send(proxy(bytes(2)), clientHello(A, hello), proxy(bytes(3)))
      const frames = yield* wire.until("ServerInfo")
      for (const frame of frames.slice(0, -1)) assert.strictEqual(frame._tag, "Proxy")
    })
  },
  {
    shows: ["0.2"],
    title: "a ClientHello with unknown fields, unknown policies and reserved bytes is a ClientHello",
    run: Effect.gen(function* () {
      const { hello, wire } = yield* open()
      const plain = encodeClientFrame(clientHello(A, hello, { exhausted: 77, expiration: 88 }))
      // Fields 100 (varint) and 101 (bytes), and the container's reserved bytes.
      const extended = Uint8Array.from([...plain, 0xa0, 0x06, 0x05, 0xaa, 0x06, 0x02, 0xff, 0xff])
      extended.set([1, 2, 3], 1)
      yield* wire.sendBytes(extended)
      const info = yield* wire.next("ServerInfo")
      const devices = yield* session(A, wire, info)
        .until("RolePromotedToLeader")
        .pipe(Effect.andThen(session(A, wire, info).devices))
      assert.strictEqual(devices.get(A)?.deviceSlotExpirationPolicy, 88)
    })
  },
  {
    shows: ["0.19"],
    title: "a device info is opaque: an empty one and a long one are kept verbatim",
    run: Effect.gen(function* () {
      const a = yield* join(A, { info: new Uint8Array(0) })
      const b = yield* join(B, { info: bytes(3, 30_000) })
      const devices = yield* b.devices
      assert.deepStrictEqual(devices.get(A)?.encryptedDeviceInfo, Box.make("dgdik", new Uint8Array(0)))
      assert.deepStrictEqual(devices.get(B)?.encryptedDeviceInfo, bytes(3, 30_000))
      yield* a.quiet
    })
  },
  {
    shows: ["0.5", "D5"],
    title: "groups do not know each other: the same device id is new in each, and nothing crosses over",
    run: Effect.gen(function* () {
      const other = group(2)
      const a = yield* join(A)
      const b = yield* join(B)
      const foreignA = yield* join(A, { group: other })
      const foreignC = yield* join(C, { group: other })
      assert.strictEqual(foreignA.info.deviceSlotState, NEW)
      assert.isTrue(a.isLeader && foreignA.isLeader)
      yield* a.send(begin(bytes(1)))
      yield* a.next("BeginTransactionAck")
      yield* foreignA.send(begin(bytes(2)))
      yield* foreignA.next("BeginTransactionAck")
      yield* foreignA.send(commit)
      yield* foreignA.next("CommitTransactionAck")
      yield* foreignC.next("TransactionEnded")
      yield* foreignA.reflect(bytes(3))
      yield* foreignC.next("Reflected")
      yield* b.quiet
      assert.deepStrictEqual(yield* b.registered, [A, B])
    })
  }
]
