import { assert, describe, it } from "@effect/vitest"
import { CloseCode, Crypto, DeviceGroupKey, toUrlPath } from "@d2m/codec"
import { ListenAddress } from "@d2m/server-sim/node"
import { Array as Arr, Effect, Result } from "effect"
import { begin, commit, hello, reflect } from "./drive.ts"
import { answers, ends, guarded, join, register, urlOf } from "./served-mediator.ts"
import { dial } from "./wire-client.ts"

describe("what waits for all clients together", () => {
  const mebibyte = 1024 * 1024
  // So much may be on its way to each, of which the kernel holds some, 36 MiB on some systems: one alone is within the total,
  // two are not.
  const onItsWay = 100 * mebibyte
  const count = 3_300
  const mediator = {
    deliveryMessages: count,
    deliveryBytes: onItsWay,
    outgoingHighWater: onItsWay / 2,
    outgoingLimit: onItsWay,
    outgoingTotal: 110 * mebibyte
  }
  const guards = { slowReaderDeadline: 3_600_000, slowReaderBytes: 2 * onItsWay }

  it.effect("is bounded: one of two who read nothing is cut, and nobody loses anything", () =>
    guarded({ guards, mediator }, () =>
      Effect.gen(function* () {
        const devices = [2, 3]
        const returned = Effect.fnUntraced(function* (device: number) {
          const client = yield* dial(yield* urlOf)
          yield* register(client, device, 1)
          return client
        })
        const ids = (client: Effect.Success<ReturnType<typeof returned>>) =>
          Effect.map(
            Effect.all(Arr.makeBy(count, () => client.until("Reflected"))),
            Arr.map(({ reflectedId }) => reflectedId)
          )
        const a = yield* join(1)
        for (const device of devices) (yield* join(device)).ws.terminate()
        const envelope = new Uint8Array(32 * 1024)
        for (let n = 0; n < count; n++) a.send(reflect(n, { envelope }))
        for (let n = 0; n < count; n++) yield* a.until("ReflectAck")

        const nextEnd = yield* ends
        const stalled = new Map<number, Effect.Success<ReturnType<typeof returned>>>()
        for (const device of devices) {
          const client = yield* returned(device)
          client.ws.pause()
          stalled.set(device, client)
        }
        const end = yield* nextEnd
        assert.strictEqual(end.code, 1006)
        yield* answers(a)

        const all = Arr.makeBy(count, (n) => n + 1)
        const cut = Number(end.connection.deviceId)
        stalled.delete(cut)
        for (const [device, client] of stalled) {
          client.ws.resume()
          assert.deepStrictEqual(yield* ids(client), all, `device ${device}`)
        }
        assert.deepStrictEqual(yield* ids(yield* returned(cut)), all)
      })
    )
  )
})

describe("what all transactions together buffer", () => {
  it.effect("is bounded: the largest is given up with 4010, those of other groups are not", () =>
    guarded({ guards: {}, mediator: { transactionBytes: 10_000, transactionTotal: 20_000 } }, () =>
      Effect.gen(function* () {
        const crypto = yield* Crypto
        const { url } = yield* ListenAddress
        const member = Effect.fnUntraced(function* (group: number) {
          const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(group)))
          const client = yield* dial(url + toUrlPath({ deviceGroupId: keys.groupId, serverGroup: "7a" }))
          const challenge = yield* client.until("ServerHello")
          const response = Result.getOrThrow(crypto.answerChallenge(keys, challenge, new Uint8Array(24)))
          client.send(hello(1, { response }))
          yield* client.until("ServerInfo")
          return client
        })
        const transaction = Effect.fnUntraced(function* (group: number, kilobytes: number) {
          const client = yield* member(group)
          client.send(begin(1))
          for (let n = 0; n < kilobytes; n++) client.send(reflect(n, { envelope: new Uint8Array(1_000) }))
          return client
        })
        const within = Effect.fnUntraced(function* (group: number, kilobytes: number) {
          const client = yield* transaction(group, kilobytes)
          for (let n = 0; n < kilobytes; n++) yield* client.until("ReflectAck")
          return client
        })
        const largest = yield* within(1, 9)
        const others = [yield* within(2, 4), yield* within(3, 4), yield* within(4, 2)]
        const closed = yield* largest.until("Closed")
        assert.deepInclude(closed, {
          code: CloseCode.ProtocolError,
          reason: "the transaction is too large while there are many"
        })
        for (const other of others) {
          other.send(commit)
          yield* other.until("CommitTransactionAck")
        }
      })
    )
  )
})
