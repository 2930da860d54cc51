import { inspect } from "node:util"
import { D2d } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Redacted, Schema, Stream } from "effect"
import { type Content, DeviceStopped } from "../src/index.ts"
import { ackOf, connect, expectState, makeWorld, other, settle, text, textOf } from "./scripted-peer.ts"

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })

describe("stopping", () => {
  it("fails with an error that a log may show: it says how many contents there are, and none of them", () => {
    const secret = D2d.OutgoingMessage.make({ messageId: 424_242n, body: new TextEncoder().encode("SECRET") })
    const unacked = Redacted.make<ReadonlyArray<Content>>([{ _tag: "outgoingMessage", value: secret }])
    const error = new DeviceStopped({ died: false, unacked })
    // The last is how an error is printed that nobody has caught.
    const shown = [JSON.stringify(error), String(error), inspect(error, { depth: 10, customInspect: false })].join()
    assert.include(shown, "with 1 un-acked reflects")
    assert.notMatch(shown, /424242|83|SECRET/)
    assert.lengthOf(Redacted.value(error.unacked), 1)
  })

  it.effect(
    "tells what was never acked: to whoever asks, in the state, and to the waiting callers with their contents",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const a = yield* fork(world.device.reflect(text("a")))
        const bc = yield* fork(world.device.reflectAll([text("b"), text("c")]))
        yield* peer.expect("Reflect")
        const b = yield* peer.expect("Reflect")
        yield* peer.send(ackOf(b))
        yield* settle
        const events = yield* fork(Stream.runDrain(world.device.events))
        const unacked = yield* world.device.stop
        yield* Fiber.join(events)
        assert.deepStrictEqual(unacked.map(textOf), ["a", "c"])
        assert.strictEqual((yield* peer.closedWith).code, 1000)
        const stopped = yield* expectState(world, "Stopped")
        assert.isFalse(stopped.died)
        assert.strictEqual(stopped.pendingReflects, 2)
        assert.strictEqual(world.states.at(-1)?._tag, "Stopped")
        const errors = [yield* Effect.flip(Fiber.join(a)), yield* Effect.flip(Fiber.join(bc))]
        assert.deepStrictEqual(
          errors.map((error) => (error._tag === "DeviceStopped" ? Redacted.value(error.unacked).map(textOf) : [])),
          [["a"], ["c"]]
        )
        assert.strictEqual((yield* Effect.flip(world.device.reflect(text("late"))))._tag, "DeviceStopped")
        assert.deepStrictEqual((yield* world.device.stop).map(textOf), ["a", "c"])
        assert.deepStrictEqual(
          (yield* Stream.runCollect(world.device.state.changes)).map(({ _tag }) => _tag),
          ["Stopped"]
        )
      })
  )

  it.effect("gives back a content with a field that is undefined, which is reflected like one without the field", () =>
    Effect.gen(function* () {
      const given = text("a")
      const content = { ...given, value: { ...given.value, conversation: undefined } } as unknown as Content
      const { device, reflect } = yield* Effect.scoped(
        Effect.gen(function* () {
          const world = yield* makeWorld()
          const peer = yield* connect(world)
          const acked = yield* fork(world.device.reflect(content))
          yield* peer.send(ackOf(yield* peer.expect("Reflect"), 7n))
          assert.strictEqual(yield* Fiber.join(acked), 7n)
          const reflect = yield* Effect.forkDetach(world.device.reflect(content), { startImmediately: true })
          yield* settle
          return { device: world.device, reflect }
        })
      )
      const error = yield* Effect.flip(Fiber.join(reflect))
      assert.ok(error._tag === "DeviceStopped")
      assert.deepStrictEqual(Redacted.value(error.unacked), [content])
      assert.deepStrictEqual(yield* device.stop, [content])
      assert.propertyVal(yield* device.state.get, "_tag", "Stopped")
    })
  )

  it.effect("a content that waited goes into a file with its error, and comes out again", () =>
    Effect.gen(function* () {
      const codec = Schema.toCodecJson(DeviceStopped)
      const json = yield* Schema.encodeEffect(codec)(
        new DeviceStopped({ died: false, unacked: Redacted.make([text("a")]) })
      )
      const error = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(JSON.stringify(json)))
      assert.deepStrictEqual(Redacted.value(error.unacked).map(textOf), ["a"])
    })
  )

  it.effect("looks at what a caller has given once, however many contents that are", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const count = 500
      let looks = 0
      const contents = new Proxy(
        Array.from({ length: count }, (_, n) => text(`${n}`)),
        {
          get: (given, key) => {
            if (typeof key === "string" && /^\d+$/.test(key)) looks++
            return Reflect.get(given, key)
          }
        }
      )
      const waiting = yield* fork(Effect.flip(world.device.reflectAll(contents as unknown as [Content, ...Content[]])))
      yield* settle
      looks = 0
      assert.lengthOf(yield* world.device.stop, count)
      const error = yield* Fiber.join(waiting)
      assert.ok(error._tag === "DeviceStopped")
      assert.lengthOf(Redacted.value(error.unacked), count)
      assert.strictEqual(looks, count)
    })
  )

  it.effect("is the state by the time that a caller is told", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* connect(world)
      const seen: Array<string> = []
      const look = Effect.flatMap(world.device.state.get, ({ _tag }) =>
        Effect.flatMap(Effect.flip(world.device.reflectEphemeral(text("e"))), ({ message }) =>
          Effect.sync(() => seen.push(_tag, message))
        )
      )
      yield* fork(Effect.catchTag(world.device.reflect(text("a")), "DeviceStopped", () => look))
      yield* settle
      yield* world.device.stop
      assert.deepStrictEqual(seen, ["Stopped", "the device is not connected (Stopped)"])
    })
  )

  it.effect("is not kept from the others by a caller who throws when it is told", () => {
    const logged: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])
    return Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* connect(world)
      const thrower = yield* Effect.forkDetach(world.device.reflect(text("a")), { startImmediately: true })
      thrower.addObserver(() => {
        throw new Error("a caller throws")
      })
      const other = yield* fork(Effect.flip(world.device.reflect(text("b"))))
      yield* settle
      assert.deepStrictEqual((yield* world.device.stop).map(textOf), ["a", "b"])
      yield* expectState(world, "Stopped")
      assert.strictEqual((yield* Fiber.join(other))._tag, "DeviceStopped")
      assert.match(logged.join(), /whoever waited for the device has thrown.*a caller throws/)
    }).pipe(Effect.provide(logger))
  })

  it.effect("closing the scope closes the connection with 1000", () =>
    Effect.gen(function* () {
      const { exit, peer, waiting } = yield* Effect.scoped(
        Effect.gen(function* () {
          const world = yield* makeWorld()
          const peer = yield* connect(world)
          const waiting = yield* Effect.forkDetach(world.device.reflect(text("a")), { startImmediately: true })
          yield* peer.expect("Reflect")
          return { peer, waiting, exit: Fiber.await(waiting) }
        })
      )
      assert.strictEqual((yield* peer.closedWith).code, 1000)
      assert.isTrue(Exit.isFailure(yield* exit))
      void waiting
    })
  )

  it.effect("stopping in the middle of a handshake hangs up, too", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* world.mediator.accept
      yield* settle
      yield* world.device.stop
      assert.strictEqual((yield* peer.closedWith).code, 1000)
      assert.strictEqual(world.mediator.dials(), 1)
    })
  )
})

it("contents are what an envelope carries", () => {
  assert.strictEqual(D2d.Envelope.make({ content: text("a"), deviceId: other }).content?._tag, "outgoingMessage")
})
