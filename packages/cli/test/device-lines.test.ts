import { assert, describe, it } from "@effect/vitest"
import {
  type ConnectionState,
  type Content,
  type DeviceEntry,
  type DeviceEvent,
  PlaintextRefused,
  type ReflectedMessage,
  type UserReason
} from "@d2m/client"
import { Common, D2d, DeviceId, DeviceSlotExpirationPolicy, ReflectedId, Timestamp } from "@d2m/codec"
import { Result, Schema } from "effect"
import { devicesLine, eventLine, reasonText, receivedLine, stateLine } from "../src/device/Observation.ts"
import { render } from "../src/device/Readable.ts"
import { SessionLine } from "../src/index.ts"

const isLine = Schema.is(SessionLine)
/** What a terminal would act on; a rendered list has lines of its own. */
const acts = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
const evil = 'a\u001b[2J\u009b31m\r\n\u202e\u2028"\\'

const received = (content: Content | undefined): ReflectedMessage => ({
  content,
  sender: DeviceId.make(0xabcn),
  timestamp: Timestamp.make(0xffff_ffff_ffff_ffffn),
  reflectedId: ReflectedId.make(7),
  ephemeral: true,
  protocolVersion: 0
})

const incoming = (type: number, body: Uint8Array): Content => ({
  _tag: "incomingMessage",
  value: D2d.IncomingMessage.make({ senderIdentity: "ECHOECHO", type, body })
})

const { FILE, TEXT } = Common.CspE2eMessageType

describe("a line of d2m device", () => {
  it("tells a text as a text, whoever wrote it", () => {
    const line = receivedLine(received(incoming(TEXT, Buffer.from("grüße 🐢"))))
    assert.deepInclude(line, { content: "incomingMessage TEXT", text: "grüße 🐢", bytes: 12, ephemeral: true })
    assert.isTrue(isLine(line))
    assert.match(render(line), / 0x0000000000000abc #7 \(ephemeral\) {2}grüße 🐢$/)
  })

  it("leaves out nothing of a text, and adds nothing to it", () => {
    for (const [text, shown] of [
      ['C:\\new "x"', 'C:\\new "x"'],
      ["\ufeffhi", "\\u{feff}hi"]
    ] as const) {
      const line = receivedLine(received(incoming(TEXT, Buffer.from(text))))
      assert.strictEqual(line.text, text)
      assert.isTrue(render(line).endsWith(`  ${shown}`), render(line))
    }
    const ends = [8, 9].map((length) => render(receivedLine(received(incoming(FILE, Buffer.alloc(length))))))
    assert.match(ends[0]!, /, 8 bytes: 0{16}$/)
    assert.match(ends[1]!, /, 9 bytes: 0{16}…$/)
  })

  it("tells a time of the mediator to the millisecond, whatever it is", () => {
    const [own, farthest] = [DeviceId.make(5n), 0xffff_ffff_ffff_ffffn]
    const info = Result.succeed(D2d.DeviceInfo.make({ platform: D2d.DeviceInfoPlatform.IOS, appVersion: "7" }))
    const entry: DeviceEntry = {
      info,
      slotExpiration: DeviceSlotExpirationPolicy.PERSISTENT,
      connection: { _tag: "connectedSince", value: farthest }
    }
    const [message, list] = [receivedLine(received(undefined)), devicesLine(new Map([[own, entry]]), own)]
    assert.strictEqual(message.time, "18446744073709551615")
    assert.strictEqual(list.devices[0]?.since, "18446744073709551615")
    for (const line of [message, list]) {
      assert.isTrue(isLine(JSON.parse(JSON.stringify(line))))
      assert.include(render(line), " 18446744073709551615 ")
    }
  })

  it("lists this device first, then the others by their ids, and who of them is there", () => {
    const [own, low, high] = [DeviceId.make(5n), DeviceId.make(3n), DeviceId.make(0xffff_ffff_ffff_ffffn)]
    const info = (label: string) =>
      Result.succeed(D2d.DeviceInfo.make({ label, platform: D2d.DeviceInfoPlatform.IOS, appVersion: "7" }))
    const since = BigInt(Date.UTC(2026, 0, 1, 12))
    const { PERSISTENT, VOLATILE } = DeviceSlotExpirationPolicy
    const rendered = render(
      devicesLine(
        new Map<DeviceId, DeviceEntry>([
          [high, { info: info("high"), slotExpiration: VOLATILE, connection: undefined }],
          [
            low,
            { info: info("low"), slotExpiration: PERSISTENT, connection: { _tag: "lastDisconnectAt", value: since } }
          ],
          [own, { info: info("own"), slotExpiration: PERSISTENT, connection: { _tag: "connectedSince", value: since } }]
        ]),
        own
      )
    )
    assert.deepStrictEqual(rendered.split("\n"), [
      "-- 3 devices",
      '   0x0000000000000005  "own"  IOS 7  connected since 12:00:00.000Z  (this one)',
      '   0x0000000000000003  "low"  IOS 7  away since 12:00:00.000Z',
      '   0xffffffffffffffff  "high"  IOS 7  volatile'
    ])
  })

  it("says what was lost or kept aside, and why it goes on no longer", () => {
    const events: ReadonlyArray<readonly [DeviceEvent, string]> = [
      [{ _tag: "EphemeralsDropped", count: 3 }, "-- EphemeralsDropped 3"],
      [
        { _tag: "TransactionEnded", deviceId: DeviceId.make(7n) },
        "-- 0x0000000000000007 has let go of the lock (a scope that cannot be read)"
      ]
    ]
    for (const [event, text] of events) assert.strictEqual(render(eventLine(event, 0)), text)
    const last = new PlaintextRefused({ host: "example.org", detail: "use wss: or allowPlaintext" })
    const reasons: ReadonlyArray<UserReason> = [
      { _tag: "TooManyFailures", failures: 30, last },
      { _tag: "NotTrusted", because: last }
    ]
    for (const reason of reasons) assert.match(reasonText(reason), /^[a-z -]+: unencrypted ws: .*--allow-plaintext$/)
    const stopped = { _tag: "State", at: 0, state: "Stopped", pending: 1 } as const
    assert.deepStrictEqual(
      [true, false].map((died) => render({ ...stopped, died })),
      ["-- died of a defect, 1 not promised yet", "-- stopped, 1 not promised yet"]
    )
  })

  it("shows of all else the kind, the length and the first eight bytes, so that no key in it is shown", () => {
    const secret = Buffer.alloc(32, 0xee)
    const picture = D2d.UserProfileSync.make({})
    const contents: ReadonlyArray<readonly [Content | undefined, string, RegExp]> = [
      [incoming(FILE, Buffer.concat([Buffer.from('{"k":"xy'), secret])), "incomingMessage FILE", /^7b226b223a227879$/],
      [incoming(TEXT, Buffer.from([0xff, 0xfe])), "incomingMessage TEXT", /^fffe$/],
      [incoming(0x7f, secret.subarray(0, 3)), "incomingMessage type 127", /^eeeeee$/],
      [{ _tag: "userProfileSync", value: picture }, "userProfileSync", /^2a00$/],
      [undefined, "unknown", /^$/]
    ]
    for (const [content, kind, hex] of contents) {
      const line = receivedLine(received(content))
      assert.strictEqual(line.content, kind)
      assert.match(line.hex ?? "none", hex)
      assert.isUndefined(line.text)
      assert.isTrue(isLine(line), kind)
    }
  })

  it("lets nobody's text act on a terminal", () => {
    const lines: ReadonlyArray<SessionLine> = [
      receivedLine(received(incoming(TEXT, Buffer.from(evil)))),
      { _tag: "Device", deviceId: "0x0000000000000001", groupId: "00", label: evil, address: evil },
      { _tag: "Event", at: 0, event: "Disconnected", detail: evil },
      { _tag: "Event", at: 0, event: "StrayFrame", detail: evil },
      { _tag: "State", at: 0, state: "NeedsUser", pending: 0, reason: "Refused", because: evil, answers: ["continue"] },
      {
        _tag: "Devices",
        devices: [{ deviceId: "0x0000000000000001", own: true, persistent: true, label: evil, appVersion: evil }]
      },
      { _tag: "Failed", line: 1, error: "X", message: evil },
      { _tag: "Refused", line: 1, expected: "a command", found: evil }
    ]
    for (const line of lines) {
      const rendered = render(line).split("\n")
      assert.strictEqual(rendered.length, line._tag === "Devices" ? 2 : 1, line._tag)
      for (const text of rendered) assert.notMatch(text, acts, line._tag)
      assert.include(rendered.at(-1), "a\\u{1b}[2J\\u{9b}31m")
    }
  })

  it("names the state, how long until the next try, why the user is needed, and what helps", () => {
    const at = 1_700_000_000_000
    const because = { _tag: "ClockSkew", skew: 5, limit: 1 } as const
    const needsUser: ConnectionState = {
      _tag: "NeedsUser",
      reason: because,
      answers: ["ConnectAnyway", "Continue"],
      pendingReflects: 2
    }
    const line = stateLine(needsUser, at)
    assert.deepInclude(line, { state: "NeedsUser", reason: "ClockSkew", answers: ["anyway", "continue"], pending: 2 })
    assert.match(
      render(line),
      /^-- needs you \(ClockSkew\): .*; resume anyway connects despite the clock; resume continue tries again, 2 not promised yet$/
    )
    const waiting = { _tag: "State", at, state: "Waiting", pending: 0, failures: 1, nextTryAt: at + 2400 } as const
    assert.strictEqual(render(waiting), "-- not connected; next try in 2.4 s")
  })

  it("counts one as one", () => {
    const live = { _tag: "State", at: 0, state: "Live", pending: 0 } as const
    assert.deepStrictEqual(
      [0, 1, 2].map((queued) => render({ ...live, queued })),
      ["-- live, nothing is waiting", "-- live, 1 was waiting", "-- live, 2 were waiting"]
    )
    const devices = [{ deviceId: "0x0000000000000001", own: true, persistent: true }]
    const heads = [devices, [...devices, ...devices]].map((list) => render({ _tag: "Devices", devices: list }))
    assert.deepStrictEqual(
      heads.map((text) => text.split("\n", 1)[0]),
      ["-- 1 device", "-- 2 devices"]
    )
  })

  it("is not just anything", () => {
    for (const text of [
      '{"_tag":"Nothing"}',
      '{"_tag":"Promised","number":1}',
      '{"_tag":"Dropped","deviceId":"7"}',
      '{"_tag":"Retrying","more":1}'
    ]) {
      const decode = Schema.decodeUnknownResult(Schema.fromJsonString(SessionLine), { onExcessProperty: "error" })
      assert.isTrue(Result.isFailure(decode(text)), text)
    }
  })
})
