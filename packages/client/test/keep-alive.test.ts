import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import { DeadlinePassed, KeepAlive, layerPinging, noKeepAlive, probing } from "../src/index.ts"
import { WebSocketPing } from "../src/WebSocketPing.ts"
import { connect, expectState, makeWorld, settle, text } from "./scripted-peer.ts"

const answer = { _tag: "DevicesInfo", augmentedDeviceInfo: new Map() } as const

describe("keep-alive", () => {
  it.effect("probes after 20 s without writing; 10 s without an answer and the connection is replaced", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* TestClock.adjust("19999 millis")
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* TestClock.adjust("1 millis")
      yield* peer.expect("GetDevicesInfo")
      yield* TestClock.adjust("9999 millis")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("1 millis")
      const waiting = yield* expectState(world, "Waiting")
      assert.deepInclude(waiting.because, { _tag: "DeadlinePassed", waitedFor: "sign of life", millis: 10_000 })
      assert.strictEqual((yield* peer.closedWith).code, 1000)
    })
  )

  it.effect("any frame is a sign of life, and an answered probe is nobody's answer", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      for (let i = 0; i < 10; i++) {
        yield* TestClock.adjust("20 seconds")
        yield* peer.expect("GetDevicesInfo")
        yield* TestClock.adjust("9 seconds")
        yield* peer.send(answer)
        yield* TestClock.adjust("0 seconds")
        yield* settle
        yield* TestClock.adjust("1 seconds")
        yield* expectState(world, "Live")
        yield* TestClock.adjust("10 seconds")
        yield* peer.expect("GetDevicesInfo")
        yield* peer.send(answer)
        yield* settle
      }
      yield* expectState(world, "Live")
    })
  )

  it.effect("who writes needs no probe", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust("15 seconds")
        yield* world.device.reflectEphemeral(text("e"))
        yield* settle
      }
      assert.deepStrictEqual(
        (yield* peer.drain).map(({ _tag }) => _tag),
        Array.from({ length: 5 }, () => "Reflect")
      )
    })
  )

  it.effect("a socket that takes no bytes does not hold up the verdict", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      yield* TestClock.adjust("20 seconds")
      yield* TestClock.adjust("10 seconds")
      yield* settle
      yield* TestClock.adjust("1 seconds")
      assert.deepInclude((yield* expectState(world, "Waiting")).because, { waitedFor: "sign of life" })
    })
  )

  it.effect("a probe that waits for room is written in the end, and is nobody else's answer", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      yield* TestClock.adjust("20 seconds")
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      yield* TestClock.adjust("10 seconds")
      peer.flow.openUnsafe()
      yield* peer.expect("GetDevicesInfo")
      const fiber = yield* Effect.forkScoped(world.device.devices, { startImmediately: true })
      yield* peer.expect("GetDevicesInfo")
      yield* peer.send(answer)
      yield* settle
      assert.isUndefined(fiber.pollUnsafe())
      yield* peer.send(answer)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("pings where the platform can: no frame is sent, and a pong is a sign of life", () =>
    Effect.gen(function* () {
      let pings = 0
      let answers = true
      const ping = Effect.suspend(() => {
        pings++
        return answers ? Effect.void : Effect.never
      })
      const keepAlive = yield* Layer.build(Layer.provide(layerPinging(), Layer.succeed(WebSocketPing, { ping })))
      const world = yield* Effect.provideContext(makeWorld(), keepAlive)
      const peer = yield* connect(world)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(pings, 3)
      answers = false
      yield* TestClock.adjust("29999 millis")
      yield* expectState(world, "Live")
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* TestClock.adjust("1 millis")
      assert.deepInclude((yield* expectState(world, "Waiting")).because, { waitedFor: "sign of life" })
    })
  )

  it.effect("goes on with requests where a ping fails: it may be that of another connection", () =>
    Effect.gen(function* () {
      let pings = 0
      const ping = Effect.suspend(() => {
        pings++
        return Effect.fail(new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: "which one?" }) }))
      })
      const keepAlive = yield* Layer.build(Layer.provide(layerPinging(), Layer.succeed(WebSocketPing, { ping })))
      const world = yield* Effect.provideContext(makeWorld(), keepAlive)
      const peer = yield* connect(world)
      for (let n = 0; n < 3; n++) {
        yield* TestClock.adjust("20 seconds")
        yield* peer.expect("GetDevicesInfo")
        yield* peer.send(answer)
        yield* settle
      }
      assert.strictEqual(pings, 1)
      yield* expectState(world, "Live")
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude((yield* expectState(world, "Waiting")).because, { waitedFor: "sign of life" })
    })
  )

  it.effect("is replaceable, whole or in its numbers", () =>
    Effect.gen(function* () {
      const quick = yield* Effect.provideService(
        makeWorld(),
        KeepAlive,
        probing({ idle: "1 second", patience: "1 second" })
      )
      yield* connect(quick)
      yield* TestClock.adjust("2 seconds")
      yield* expectState(quick, "Waiting")

      const often = yield* Effect.provideService(
        makeWorld(),
        KeepAlive,
        probing({ idle: "2 seconds", patience: "5 seconds" })
      )
      yield* connect(often)
      yield* TestClock.adjust("6999 millis")
      yield* expectState(often, "Live")
      yield* TestClock.adjust("1 millis")
      yield* expectState(often, "Waiting")

      const none = yield* Effect.provideService(makeWorld(), KeepAlive, noKeepAlive)
      yield* connect(none)
      yield* TestClock.adjust("1 hour")
      yield* expectState(none, "Live")

      const dead = new DeadlinePassed({ waitedFor: "sign of life", millis: 1 })
      const own = yield* Effect.provideService(makeWorld(), KeepAlive, { watch: () => Effect.fail(dead) })
      yield* connect(own)
      assert.strictEqual((yield* expectState(own, "Waiting")).because, dead)
    })
  )
})
