import { assert, describe, it } from "@effect/vitest"
import { Box, CloseCode, Crypto, DeviceGroupKey, encodeClientFrame, Limits, type ServerFrame } from "@d2m/codec"
import { makeOptions, makeState, step } from "@d2m/server-sim"
import { Effect, Result } from "effect"
import { badResponse, begin, bytes, drive, ephemeral, hello, id, reflect } from "./drive.ts"

describe("handshake", () => {
  it("says hello first, then ServerInfo, Dry and leadership in this order", () => {
    const d = drive()
    const wire = d.open()
    const [serverHello, ...rest] = wire.take()
    assert.deepStrictEqual(serverHello, {
      _tag: "ServerHello",
      version: 0,
      esk: new Uint8Array(32),
      challenge: new Uint8Array(32)
    })
    assert.deepStrictEqual(rest, [])
    wire.send(hello(1))
    const [info, ...after] = wire.take()
    assert.deepStrictEqual(info, {
      _tag: "ServerInfo",
      maxDeviceSlots: 8,
      deviceSlotState: 0,
      encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(0)),
      currentTime: 1_000_000n,
      reflectionQueueLength: 0
    })
    assert.deepStrictEqual(after, [{ _tag: "ReflectionQueueDry" }, { _tag: "RolePromotedToLeader" }])
  })

  it("lets nothing that promises something leave before it is durable, nor anything after it", () => {
    const d = drive({ holdPersists: true })
    const wire = d.open()
    wire.send(hello(1), reflect(1), { _tag: "GetDevicesInfo" })
    assert.deepStrictEqual(wire.said(), ["ServerHello"])
    d.persisted()
    assert.deepStrictEqual(wire.said(), [
      "ServerInfo",
      "ReflectionQueueDry",
      "RolePromotedToLeader",
      "ReflectAck 1",
      "DevicesInfo"
    ])
  })

  // Decision 5: each ClientHello breaks every later check too, so the first one has to speak.
  const order: ReadonlyArray<readonly [string, Parameters<typeof hello>[1], number, string]> = [
    [
      "version",
      { version: 1, response: badResponse, expectedDeviceSlotState: 1 },
      CloseCode.UnsupportedVersion,
      "version 1 is not in 0...0"
    ],
    [
      "challenge",
      { response: badResponse, expectedDeviceSlotState: 1 },
      CloseCode.ProtocolError,
      "authentication failed"
    ],
    ["slot state", { expectedDeviceSlotState: 1 }, CloseCode.SlotStateMismatch, "the device has no slot"],
    ["slots", {}, CloseCode.SlotsExhausted, "all 1 device slots are taken"]
  ]
  for (const [name, overrides, code, reason] of order) {
    it(`checks the ${name} in its turn`, () => {
      const d = drive({ maxDeviceSlots: 1 })
      d.join(9)
      const before = d.outputs.length
      const wire = d.open()
      wire.send(hello(1, overrides))
      assert.deepStrictEqual(wire.closed(), { code, reason })
      assert.isFalse(
        d.outputs.slice(before).some((output) => output._tag === "Persist"),
        "nothing is stored"
      )
    })
  }

  it("refuses a device that is known but says NEW, and an expectation nobody knows", () => {
    const d = drive()
    d.join(1)
    for (const expectedDeviceSlotState of [0, 7]) {
      const wire = d.open()
      wire.send(hello(1, { expectedDeviceSlotState }))
      assert.strictEqual(wire.closed()?.code, CloseCode.SlotStateMismatch)
    }
    assert.strictEqual(d.group()?.sessions.length, 1)
  })

  it("closes the older connection of a device with 4112 after the newer one has registered", () => {
    const d = drive()
    const old = d.join(1)
    const young = d.rejoin(1)
    assert.deepStrictEqual(old.closed(), { code: CloseCode.DuplicateDevice, reason: "the device connected again" })
    assert.deepStrictEqual(young.said(), ["ServerHello", "ServerInfo", "ReflectionQueueDry", "RolePromotedToLeader"])
    const info = d.outputs.findLastIndex((output) => output._tag === "Send" && output.frame._tag === "ServerInfo")
    const close = d.outputs.findIndex((output) => output._tag === "Close")
    assert.isBelow(info, close)
  })

  it("serves a range of versions and advertises the last", () => {
    const d = drive({ versions: { min: 1, max: 2 } })
    const wire = d.open()
    assert.strictEqual((wire.take()[0] as Extract<ServerFrame, { _tag: "ServerHello" }>).version, 2)
    wire.send(hello(1, { version: 1 }))
    assert.isUndefined(wire.closed())
    const low = d.open()
    low.send(hello(2, { version: 0 }))
    assert.strictEqual(low.closed()?.code, CloseCode.UnsupportedVersion)
  })

  const broken: ReadonlyArray<readonly [string, (wire: ReturnType<ReturnType<typeof drive>["open"]>) => void, RegExp]> =
    [
      ["a reflect before ClientHello", (w) => w.send(reflect(1)), /^Reflect before ClientHello$/],
      ["a transaction before ClientHello", (w) => w.send(begin(1)), /^BeginTransaction before ClientHello$/],
      ["a second ClientHello", (w) => w.send(hello(1), hello(1)), /^a second ClientHello$/],
      ["a text message", (w) => w.raw("hello"), /^a text message$/],
      ["a frame of three bytes", (w) => w.raw(bytes(0, 0, 0)), /at least 4 bytes/],
      ["a frame of 65537 bytes", (w) => w.raw(new Uint8Array(65_537)), /at most 65536 bytes/],
      ["a frame that only a mediator sends", (w) => w.raw(bytes(0x12, 0, 0, 0)), /ServerInfo/],
      ["a header length of 7", (w) => w.raw(bytes(0x80, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0)), /header/i],
      ["a truncated reflect", (w) => w.raw(bytes(0x80, 0, 0, 0, 8, 0)), /./],
      ["an unknown type", (w) => w.raw(bytes(0x99, 0, 0, 0)), /^unknown frame type 0x99$/],
      [
        "a device info that cannot be listed",
        (w) => w.send(hello(1, { encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(65_400)) })),
        /./
      ]
    ]
  for (const [name, misbehave, reason] of broken) {
    it(`answers ${name} with 4010`, () => {
      const d = drive()
      const wire = d.open()
      misbehave(wire)
      assert.strictEqual(wire.closed()?.code, name.includes("device info") ? undefined : CloseCode.ProtocolError)
      if (name.includes("device info")) {
        const other = d.open()
        other.send(hello(2, { encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(200)) }))
        assert.strictEqual(other.closed()?.code, CloseCode.ProtocolError)
        return
      }
      assert.match(wire.closed()!.reason, reason)
      assert.isAtMost(wire.closed()!.reason.length, Limits.closeReason)
      assert.strictEqual(d.state().connections.size, 0)
    })
  }

  it("overlooks unknown types when lenient", () => {
    const d = drive({ strict: false })
    const wire = d.open()
    wire.raw(bytes(0x99, 0, 0, 0))
    wire.send(hello(1))
    assert.isUndefined(wire.closed())
  })

  it("lists all devices in one frame, whatever their device infos", () => {
    const d = drive()
    // Eight slots share 65532 bytes of payload.
    for (let n = 1; n <= 8; n++) {
      assert.isUndefined(d.join(n, { encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(8_150)) }).closed())
    }
    const wire = d.rejoin(1, { encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(8_400)) })
    assert.strictEqual(wire.closed()?.code, CloseCode.ProtocolError)
  })

  it.effect("believes a real response and no other", () =>
    Effect.gen(function* () {
      const crypto = yield* Crypto
      const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(3)))
      const esk = crypto.ephemeralKey(new Uint8Array(32).fill(4))
      const challenge = new Uint8Array(32).fill(5)
      const response = Result.getOrThrow(
        crypto.answerChallenge(keys, { esk: esk.public, challenge }, new Uint8Array(24))
      )
      const environment = { options: yield* makeOptions(), crypto }
      for (const [answer, isGood] of [
        [response, true],
        [Uint8Array.from(response).fill(0, 71), false]
      ] as const) {
        const [state] = step(
          makeState(),
          { _tag: "Opened", connection: 1, groupId: keys.groupId, esk, challenge },
          { now: 0, elapsed: 0 },
          environment
        )
        const message = encodeClientFrame(hello(1, { response: answer }))
        const [, outputs] = step(
          state,
          { _tag: "Received", connection: 1, message },
          { now: 0, elapsed: 0 },
          environment
        )
        assert.strictEqual(
          outputs.some((output) => output._tag === "Persist"),
          isGood
        )
      }
    }).pipe(Effect.provide(Crypto.layer))
  )
})

describe("reflects that arrive before a device may have ServerInfo", () => {
  it("are answered behind it", () => {
    const d = drive({ holdPersists: true })
    const wire = d.open()
    wire.send(hello(1), reflect(5), ephemeral(6), begin(1))
    d.persisted()
    assert.deepStrictEqual(wire.said().slice(1, 2), ["ServerInfo"])
    assert.strictEqual(d.group()?.slots.get(id(1))?.issued, 0)
  })
})
