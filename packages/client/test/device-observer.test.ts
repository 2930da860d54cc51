import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Logger, Queue, Scope } from "effect"
import { TestClock } from "effect/testing"
import { DeviceObserver, type DeviceStore, KeepAlive, makeDeviceStoreMemory } from "../src/index.ts"
import { connect, expectState, makeWorld, reflected, settle, text } from "./scripted-peer.ts"

/** Collects what is logged as an error. */
const logging = (logged: Array<string>) =>
  Logger.layer([Logger.make(({ cause, message }) => void logged.push(`${String(message)} ${Cause.pretty(cause)}`))])

describe("an observer", () => {
  it.effect("that throws does the device no harm, and is told of in the log", () => {
    const logged: Array<string> = []
    const thrower = (name: string) => () => {
      throw new Error(`${name} throws`)
    }
    const observer: DeviceObserver = {
      onState: thrower("onState"),
      onEvent: thrower("onEvent"),
      onDefect: thrower("onDefect"),
      onHandlerDefect: thrower("onHandlerDefect"),
      onChatDefect: thrower("onChatDefect")
    }
    return Effect.gen(function* () {
      const world = yield* makeWorld({ onReflected: () => Effect.die("a bug"), chat: () => Effect.die("another") })
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "ReflectionQueueDry" }, reflected(1, world.group.envelope(text("a"))))
      yield* settle
      yield* expectState(world, "Live")
      assert.deepStrictEqual(yield* world.device.stop, [])
      yield* expectState(world, "Stopped")
      yield* settle
      for (const name of ["onState", "onEvent", "onHandlerDefect", "onChatDefect"]) {
        assert.isTrue(
          logged.some((line) => line.includes(`observer`) && line.includes(`${name} throws`)),
          name
        )
      }
    }).pipe(Effect.provideService(DeviceObserver, observer), Effect.provide(logging(logged)))
  })

  it.effect("is told why a chat handler died, and the log where nobody listens", () => {
    const logged: Array<string> = []
    const told: Array<unknown> = []
    const observer: DeviceObserver = {
      onState: () => {},
      onEvent: () => {},
      onChatDefect: (cause) => told.push(Cause.squash(cause))
    }
    const died = Effect.andThen(Effect.flatMap(makeWorld({ chat: () => Effect.die("a chat bug") }), connect), settle)
    return Effect.gen(function* () {
      yield* Effect.provideService(died, DeviceObserver, observer)
      assert.deepStrictEqual([told, logged], [["a chat bug"], []])
      yield* died
      assert.match(logged.join(), /a chat handler died .*a chat bug/)
    }).pipe(Effect.provide(logging(logged)))
  })

  it.effect("sees every state from the first on, and every event before it is too late to subscribe", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const observer: DeviceObserver = {
        onState: (state) => seen.push(state._tag),
        onEvent: (event) => seen.push(event._tag)
      }
      const world = yield* Effect.provideService(makeWorld(), DeviceObserver, observer)
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      yield* settle
      // Two in one step of the device: the stream of states would show both, a late subscriber neither.
      yield* world.device.stop
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(seen, ["Connecting", "Handshaking", "Live", "Live", "Dry", "Stopped"])
    })
  )

  it.effect("is told the defect that ends a device, and of none when it is stopped", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const observer: DeviceObserver = {
        onState: (state) => void (state._tag === "Stopped" && seen.push(state.died ? "Died" : "Stopped")),
        onEvent: () => {},
        onDefect: (cause) => seen.push(Cause.squash(cause))
      }
      const observed = Effect.provideService(DeviceObserver, observer)
      const sound = yield* makeWorld().pipe(observed)
      yield* sound.device.stop
      assert.deepStrictEqual(seen.splice(0), ["Stopped"])
      const store = { ...(yield* makeDeviceStoreMemory()), setSlot: () => Effect.die("a broken store") }
      const broken = yield* makeWorld({ store }).pipe(observed)
      const reflect = yield* Effect.forkChild(Effect.flip(broken.device.reflect(text("waits"))))
      yield* Effect.forkChild(connect(broken))
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(seen, ["a broken store", "Died"])
      for (const error of [yield* Fiber.join(reflect), yield* Effect.flip(broken.device.reflect(text("late")))]) {
        assert.propertyVal(error, "died", true)
      }
    })
  )

  /** What a store over a worker does once the worker's queue was shut down. */
  const interrupted = Effect.flatMap(Queue.bounded<never>(1), (gone) =>
    Effect.andThen(Queue.shutdown(gone), Queue.take(gone))
  )
  const interrupting: Readonly<Record<string, Partial<DeviceStore["Service"]>>> = {
    "the store as the device reflects": { addNonces: () => interrupted },
    "the store as the device is reflected to": { hasNonces: () => interrupted },
    "the store between connections": { setSlot: () => interrupted },
    "the keep-alive": {}
  }
  for (const [what, broken] of Object.entries(interrupting)) {
    it.effect(
      `is told of an interruption that is not the device's own, and the log where nobody listens: ${what}`,
      () => {
        const logged: Array<string> = []
        const told: Array<Cause.Cause<never>> = []
        const observer: DeviceObserver = {
          onState: () => {},
          onEvent: () => {},
          onDefect: (cause) => told.push(cause)
        }
        const died = Effect.gen(function* () {
          const world = yield* makeWorld({ store: { ...(yield* makeDeviceStoreMemory()), ...broken } })
          yield* Effect.forkScoped(
            Effect.flatMap(connect(world), (peer) => peer.send(reflected(1, world.group.envelope(text("a"))))),
            { startImmediately: true }
          )
          const reflect = yield* Effect.forkScoped(Effect.flip(world.device.reflect(text("b"))), {
            startImmediately: true
          })
          assert.propertyVal(yield* Fiber.join(reflect), "died", true)
          assert.isTrue((yield* expectState(world, "Stopped")).died)
        }).pipe(
          Effect.scoped,
          Effect.provideService(
            KeepAlive,
            what === "the keep-alive" ? { watch: () => interrupted } : { watch: () => Effect.never }
          )
        )
        return Effect.gen(function* () {
          yield* Effect.provideService(died, DeviceObserver, observer)
          assert.isTrue(told.length === 1 && Cause.hasInterruptsOnly(told[0]!))
          assert.deepStrictEqual(logged, [])
          yield* died
          assert.match(logged.join(), /^the device died /)
        }).pipe(Effect.provide(logging(logged)))
      }
    )
  }

  it.effect("is told of no defect when the scope closes as the device is made, or later", () => {
    const logged: Array<string> = []
    return Effect.gen(function* () {
      yield* Effect.scoped(makeWorld())
      yield* Effect.scoped(Effect.flatMap(makeWorld(), connect))
      const scope = yield* Scope.make("parallel")
      yield* Effect.flatMap(makeWorld(), connect).pipe(Scope.provide(scope))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(logged, [])
    }).pipe(Effect.provide(logging(logged)))
  })
})
