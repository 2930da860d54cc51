/** Scenarios of DevicesInfo and shared device data (decision 19, PROTOCOL D23, D25). */
import { assert } from "@effect/vitest"
import { Box, CloseCode } from "@d2m/codec"
import { Effect } from "effect"
import {
  A,
  awaitAbsent,
  B,
  begin,
  bytes,
  C,
  D,
  EXISTING,
  getDevicesInfo,
  join,
  leave,
  PERSISTENT,
  setSharedData,
  VOLATILE
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

export const devices: ReadonlyArray<Scenario> = [
  {
    shows: ["D23", "0.19"],
    title: "DevicesInfo lists every slot, the asker's too: info verbatim, policy, since when connected or gone",
    run: Effect.gen(function* () {
      const target = yield* Target
      const t0 = yield* target.now
      const a = yield* join(A, { info: bytes(1, 100) })
      yield* target.advance("3 seconds")
      yield* join(B, { info: bytes(2, 40), expiration: VOLATILE })
      yield* target.advance("3 seconds")
      const c = yield* join(C, { info: bytes(3, 7) })
      const d = yield* join(D, { info: bytes(4, 300), expiration: VOLATILE })
      yield* target.advance("4 seconds")
      yield* leave(c, a)
      yield* d.cut
      yield* awaitAbsent(a, D)
      yield* target.advance("5 seconds")
      const infos = yield* a.devices
      assert.deepStrictEqual(
        [...infos.entries()].sort(([x], [y]) => (x < y ? -1 : 1)),
        [
          [
            A,
            {
              encryptedDeviceInfo: Box.make("dgdik", bytes(1, 100)),
              deviceSlotExpirationPolicy: PERSISTENT,
              connectionState: { _tag: "connectedSince", value: t0 }
            }
          ],
          [
            B,
            {
              encryptedDeviceInfo: Box.make("dgdik", bytes(2, 40)),
              deviceSlotExpirationPolicy: VOLATILE,
              connectionState: { _tag: "connectedSince", value: t0 + 3000n }
            }
          ],
          [
            C,
            {
              encryptedDeviceInfo: Box.make("dgdik", bytes(3, 7)),
              deviceSlotExpirationPolicy: PERSISTENT,
              connectionState: { _tag: "lastDisconnectAt", value: t0 + 10_000n }
            }
          ],
          [
            D,
            {
              encryptedDeviceInfo: Box.make("dgdik", bytes(4, 300)),
              deviceSlotExpirationPolicy: VOLATILE,
              connectionState: { _tag: "lastDisconnectAt", value: t0 + 10_000n }
            }
          ]
        ]
      )
    })
  },
  {
    shows: ["D23"],
    title: "a device that connects again brings a new info, policy and time",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* leave(yield* join(B, { info: bytes(1), expiration: VOLATILE }), a)
      yield* target.advance("2 seconds")
      yield* join(B, { expected: EXISTING, info: bytes(2, 90), expiration: PERSISTENT })
      assert.deepStrictEqual((yield* a.devices).get(B), {
        encryptedDeviceInfo: Box.make("dgdik", bytes(2, 90)),
        deviceSlotExpirationPolicy: PERSISTENT,
        connectionState: { _tag: "connectedSince", value: yield* target.now }
      })
    })
  },
  {
    shows: ["D23"],
    title: "requests in a row are each answered, and a device is listed from its ServerInfo on",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* a.send(getDevicesInfo, getDevicesInfo, getDevicesInfo)
      for (const _ of [1, 2, 3]) assert.strictEqual((yield* a.next("DevicesInfo")).augmentedDeviceInfo.size, 1)
      yield* join(B)
      assert.strictEqual((yield* a.devices).size, 2)
    })
  },
  {
    shows: ["D25", "0.19"],
    title: "shared device data is kept verbatim, whoever sets it and however long it is, and has no ack",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      assert.deepStrictEqual(b.info.encryptedSharedDeviceData, Box.make("dgsddk", new Uint8Array(0)))
      let setter: { readonly send: typeof a.send; readonly quiet: typeof a.quiet } = a
      for (const data of [bytes(1, 41), bytes(2, 1), bytes(3, 60_000), new Uint8Array(0), bytes(4)]) {
        yield* setter.send(setSharedData(data))
        yield* setter.quiet
        setter = setter === a ? b : a
        const c = yield* join(C, { expected: data.length === 41 ? 0 : EXISTING })
        assert.deepStrictEqual(c.info.encryptedSharedDeviceData, data)
      }
      yield* a.quiet
      yield* b.quiet
    })
  },
  {
    shows: ["D25", "0.9"],
    title: "shared device data outlives connections and a restart",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* a.send(setSharedData(bytes(1)))
      yield* a.quiet
      yield* a.hangUp
      assert.deepStrictEqual((yield* join(B)).info.encryptedSharedDeviceData, bytes(1))
      yield* target.restart
      assert.deepStrictEqual((yield* join(A, { expected: EXISTING })).info.encryptedSharedDeviceData, bytes(1))
    })
  },
  {
    shows: ["0.19", "D30"],
    title: "a blob that would not fit the frame that returns it is refused, and nobody gets a frame that is too long",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      // Field tag and three bytes of length: the longest blobs that fit a client's frame.
      const longest = bytes(1, 65_532 - 4)
      for (const [index, frame] of [setSharedData(longest), begin(longest)].entries()) {
        const a = yield* join(A, { expected: index === 0 ? 0 : EXISTING })
        yield* a.send(frame)
        yield* a.closes(CloseCode.ProtocolError)
      }
      yield* observer.send(begin(bytes(1)))
      yield* observer.next("BeginTransactionAck")
      assert.deepStrictEqual((yield* join(C)).info.encryptedSharedDeviceData, Box.make("dgsddk", new Uint8Array(0)))
    })
  }
]
