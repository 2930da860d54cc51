import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Stream } from "effect"
import { HandlerError, HandlerPolicy, linearBackoff, ReconnectPolicy } from "../src/index.ts"
import { connect, makeWorld, reflected, settle, text } from "./scripted-peer.ts"

describe("what a handler acquires", () => {
  it.effect("is released behind each try of a batch, before the ack", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      let tries = 0
      const world = yield* makeWorld({
        onReflected: () =>
          Effect.acquireRelease(
            Effect.sync(() => log.push("acquired")),
            () => Effect.sync(() => log.push("released"))
          ).pipe(
            Effect.andThen(Effect.suspend(() => (++tries === 1 ? new HandlerError({ detail: "no" }) : Effect.void)))
          )
      })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* peer.expect("ReflectedAck")
      assert.deepStrictEqual(log, ["acquired", "released", "acquired", "released"])
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 2, delay: () => 0, giveUp: "quarantine" }))
  )

  it.effect("counts as handled only when its release does not die", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ onReflected: () => Effect.addFinalizer(() => Effect.die("a bug")) })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* peer.expect("ReflectedAck")
      assert.deepInclude((yield* world.device.quarantine.list)[0], { reason: "HandlerFailed" })
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "quarantine" }))
  )

  it.effect("is released behind a replay", () =>
    Effect.gen(function* () {
      let bad = true
      let held = 0
      const world = yield* makeWorld({
        onReflected: () =>
          Effect.acquireRelease(
            Effect.sync(() => held++),
            () => Effect.sync(() => held--)
          ).pipe(Effect.andThen(Effect.suspend(() => (bad ? new HandlerError({ detail: "no" }) : Effect.void))))
      })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* peer.expect("ReflectedAck")
      bad = false
      yield* world.device.quarantine.replay((yield* world.device.quarantine.list)[0]!.id)
      assert.strictEqual(held, 0)
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "quarantine" }))
  )
})

describe("what a chat session forks", () => {
  it.effect("ends with it, before the next connection", () =>
    Effect.gen(function* () {
      let alive = 0
      const messages = yield* Queue.unbounded<number>()
      const world = yield* makeWorld({
        chat: (io) =>
          Effect.gen(function* () {
            yield* Effect.forkScoped(
              Effect.suspend(() => {
                alive++
                return Effect.ensuring(
                  Effect.never,
                  Effect.sync(() => alive--)
                )
              })
            )
            yield* Stream.runForEach(io.incoming, (data) => Queue.offer(messages, data[0]!))
            return { _tag: "Ended" } as const
          })
      })
      for (let at = 1; at <= 3; at++) {
        const peer = yield* connect(world)
        yield* peer.send({ _tag: "Proxy", data: Uint8Array.of(at) })
        assert.strictEqual(yield* Queue.take(messages), at)
        assert.strictEqual(alive, 1)
        yield* peer.close(1006)
        yield* settle
        assert.strictEqual(alive, 0)
        yield* world.device.retryNow
      }
    }).pipe(Effect.provideService(ReconnectPolicy, linearBackoff({ maximumFailures: Infinity })))
  )
})
