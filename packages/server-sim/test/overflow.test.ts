import { assert, describe, it } from "@effect/vitest"
import { Box } from "@d2m/codec"
import { ChatUpstream, type Happening, makeOptions, Mediator, type MediatorOptions } from "@d2m/server-sim"
import { Array as Arr, Effect, Exit, Option, Result, Scope } from "effect"
import { begin, commit, hello, reflect } from "./drive.ts"
import { answer, join, keys, mediatorWith, open } from "./memory-device.ts"

const options = {
  outgoingHighWater: 16_000,
  outgoingLowWater: 4_000,
  transactionBytes: 64_000,
  outgoingLimit: 100_000
}

describe("what may wait for a client at one moment", () => {
  it.effect("is bounded: whoever asks for more is cut with 1006, and others go on", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.send(...Arr.makeBy(2_000, () => ({ _tag: "GetDevicesInfo" }) as const))
      let event = yield* a.next
      while (event._tag !== "Closed") event = yield* a.next
      assert.strictEqual(event.code, 1006)
      yield* b.send({ _tag: "GetDevicesInfo" })
      yield* b.until("DevicesInfo")
      const view = Option.getOrThrow(yield* (yield* Mediator).group(keys.groupId))
      assert.deepStrictEqual(
        view.devices.map(({ connection }) => connection._tag),
        ["Disconnected", "Connected"]
      )
      const again = yield* join(1, {}, 1)
      yield* again.send({ _tag: "GetDevicesInfo" })
      yield* again.until("DevicesInfo")
    }).pipe(Effect.provide(mediatorWith(options)))
  )

  it.effect("has room for a whole transaction", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.send(begin(1))
      yield* a.until("BeginTransactionAck")
      for (let n = 0; n < 8; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(8_000) }))
      yield* a.send(commit)
      yield* a.until("CommitTransactionAck")
      for (let n = 1; n <= 8; n++) assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
      yield* b.until("TransactionEnded")
    }).pipe(Effect.provide(mediatorWith(options)))
  )

  it.effect("is counted with all blobs and with what is in the socket", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.send({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", new Uint8Array(10_000)), ttl: 0 })
      yield* a.until("BeginTransactionAck")
      const told: Array<Happening> = []
      yield* (yield* Mediator).observe((happening) => told.push(happening))
      yield* b.link.inject({ _tag: "Stall", direction: "down" })
      // Each is refused with the scope of the other. So much is in the socket and no reason to stop reading.
      yield* b.send(...Arr.makeBy(2, () => begin(2)))
      // The ninth finds more than 100 000 bytes, with those two.
      yield* b.send(...Arr.makeBy(8, () => begin(2)))
      const ends = Effect.sync(() => told.filter(({ _tag }) => _tag === "Ended"))
      assert.deepStrictEqual(yield* ends, [])
      const c = yield* join(3)
      yield* c.link.inject({ _tag: "Stall", direction: "down" })
      yield* c.send(...Arr.makeBy(2, () => begin(3)))
      yield* c.send(...Arr.makeBy(9, () => begin(3)))
      const [end, ...more] = yield* ends
      assert.deepStrictEqual(more, [])
      assert(end?._tag === "Ended")
      assert.strictEqual(end.code, 1006)
      assert.strictEqual(end.connection.deviceId, 3n)
      // Nothing of what it asked for in one go was made for it.
      assert.isBelow(end.connection.traffic.bytesOut, 30_000)
      yield* a.send({ _tag: "GetDevicesInfo" })
      yield* a.until("DevicesInfo")
    }).pipe(Effect.provide(mediatorWith(options)))
  )

  it.effect("is nothing to be cut for where others put it, as a commit of many small ephemerals does", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      const stall = yield* Scope.make()
      yield* Scope.provide(b.link.inject({ _tag: "Stall", direction: "down" }), stall)
      // Almost at its high water.
      for (let n = 0; n < 14; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(1_000) }))
      yield* a.send({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", new Uint8Array(20_000)), ttl: 0 })
      yield* a.send(...Arr.makeBy(640, (n) => reflect(n, { flags: 1, envelope: new Uint8Array(100) })), commit)
      yield* a.until("CommitTransactionAck")
      yield* b.send({ _tag: "GetDevicesInfo" })
      yield* Scope.close(stall, Exit.void)
      for (let n = 1; n <= 654; n++) assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
      yield* b.until("TransactionEnded")
      yield* b.until("DevicesInfo")
    }).pipe(Effect.provide(mediatorWith({ ...options, outgoingLimit: 80_000 })))
  )

  it.effect("must have that room, and what a client is read for", () =>
    Effect.gen(function* () {
      const refusal = (changed: Partial<MediatorOptions>) =>
        Effect.map(Effect.result(makeOptions({ ...options, ...changed })), (result) =>
          Result.isFailure(result) ? result.failure.message : ""
        )
      assert.include(yield* refusal({ outgoingLimit: 79_999 }), "outgoingLimit must have room")
      const small = { transactionBytes: 1, outgoingLimit: 31_999 }
      assert.include(yield* refusal(small), "outgoingLimit must not be below twice outgoingHighWater")
      yield* makeOptions({ ...options, outgoingLimit: 80_000 })
      yield* makeOptions({ ...options, ...small, outgoingLimit: 32_000 })
    })
  )
})

describe("what may wait for all clients together", () => {
  const small = { ...options, outgoingTotal: 100_000 }
  const withInfo = Effect.fnUntraced(function* (device: number) {
    const opened = yield* open()
    yield* opened.register(device, 0, { encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(2_000)) })
    yield* opened.until("ReflectionQueueDry")
    return opened
  })

  it.effect("is bounded: whoever lets most of it wait is cut with 1006, and others go on", () =>
    Effect.gen(function* () {
      const [a, b, c, d] = [yield* withInfo(1), yield* withInfo(2), yield* withInfo(3), yield* withInfo(4)]
      const envelope = new Uint8Array(1_000)
      for (const device of [a, b, c]) yield* device.link.inject({ _tag: "Stall", direction: "down" })
      /** For each of the others, wherever it is. */
      const say = Effect.fnUntraced(function* (count: number) {
        for (let n = 0; n < count; n++) yield* d.send(reflect(n, { envelope }))
        for (let n = 0; n < count; n++) yield* d.until("ReflectAck")
      })
      // Three queues that wait at their high water are within it.
      yield* say(40)
      const view = () =>
        Effect.map(
          Effect.flatMap(Mediator, ({ group }) => group(keys.groupId)),
          Option.getOrThrow
        )
      const connected = Effect.map(view(), ({ devices }) => devices.map(({ connection }) => connection._tag))
      assert.deepStrictEqual(yield* connected, ["Connected", "Connected", "Connected", "Connected"])
      // Answers do not wait in a queue: this one has most.
      yield* b.send(...Arr.makeBy(8, () => ({ _tag: "GetDevicesInfo" }) as const))
      yield* say(1)
      assert.deepStrictEqual(yield* connected, ["Connected", "Disconnected", "Connected", "Connected"])
    }).pipe(Effect.provide(mediatorWith(small)))
  )

  it.effect("costs nobody the connection for what somebody else has read meanwhile", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* withInfo(1), yield* withInfo(2)]
      for (const device of [3, 4]) yield* withInfo(device)
      for (const device of [a, b]) {
        const stall = yield* Scope.make()
        yield* Scope.provide(device.link.inject({ _tag: "Stall", direction: "down" }), stall)
        // More than half of what there is for all.
        yield* device.send(...Arr.makeBy(7, () => ({ _tag: "GetDevicesInfo" }) as const))
        yield* device.rest
        yield* Scope.close(stall, Exit.void)
        for (let n = 0; n < 7; n++) yield* device.until("DevicesInfo")
      }
      for (const device of [a, b]) {
        yield* device.send({ _tag: "GetDevicesInfo" })
        yield* device.until("DevicesInfo")
      }
    }).pipe(Effect.provide(mediatorWith(small)))
  )

  it.effect("costs nobody the connection whose chat had filled the socket before its ClientHello", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* open()]
      const response = answer(yield* b.until("ServerHello"))
      const stall = yield* Scope.make()
      yield* Scope.provide(b.link.inject({ _tag: "Stall", direction: "down" }), stall)
      yield* b.send(...Arr.makeBy(20, () => ({ _tag: "Proxy", data: new Uint8Array(1_000) }) as const))
      yield* b.rest
      yield* b.send(hello(2, { response }))
      for (let n = 0; n < 100; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(1_000) }))
      for (let n = 0; n < 100; n++) yield* a.until("ReflectAck")
      const view = Option.getOrThrow(yield* (yield* Mediator).group(keys.groupId))
      assert.strictEqual(view.devices[1]?.connection._tag, "Connected")
      yield* Scope.close(stall, Exit.void)
      for (let n = 0; n < 20; n++) yield* b.until("Proxy")
      assert.strictEqual((yield* b.until("ServerInfo")).reflectionQueueLength, 0)
      for (let n = 1; n <= 100; n++) assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
    }).pipe(Effect.provide(mediatorWith(small, { chat: ChatUpstream.layerEcho })))
  )

  it.effect("cannot be less than for one of them", () =>
    Effect.gen(function* () {
      const result = yield* Effect.result(makeOptions({ ...options, outgoingTotal: 99_999 }))
      assert.include(Result.isFailure(result) ? result.failure.message : "", "outgoingTotal must not be below")
      yield* makeOptions(small)
    })
  )
})
