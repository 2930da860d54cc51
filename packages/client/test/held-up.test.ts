// What becomes of a connection while its device does not read, because its handler takes its time.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Queue, Scheduler, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Capacities, type ChatDuplex, type ChatEnd, type DeviceHandlers, defaultCapacities } from "../src/index.ts"
import { connect, expectState, makeWorld, reflected, settle, text, textOf, type World } from "./scripted-peer.ts"

const messages = 12

/** A device with a queue for four messages, twelve that wait for it, and a handler that takes one for each `permit`. */
const heldUp = (handlers: Pick<DeviceHandlers<never>, "chat"> = {}) =>
  Effect.gen(function* () {
    const permits = yield* Queue.unbounded<void>()
    const world = yield* makeWorld({ ...handlers, onReflected: () => Queue.take(permits) })
    const peer = yield* connect(world)
    for (let id = 1; id <= messages; id++) {
      yield* peer.send(reflected(id, world.group.envelope(text(String(id)))))
      yield* settle
    }
    const permit = Effect.andThen(Queue.offer(permits, undefined), settle)
    return { world, peer, permit }
  }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 4 }))

/** Two ways in which a device notices that it cannot write any more. */
const byEphemeral = ({ device }: World) => Effect.asVoid(Effect.result(device.reflectEphemeral(text("breaks"))))
const byProbe = (_world: World) => TestClock.adjust("20 seconds")

describe("a device that does not read because its handler takes its time", () => {
  it.effect("learns why it was closed when its next ack cannot be written any more", () =>
    Effect.gen(function* () {
      for (const [code, reason] of [
        [4112, "DuplicateDevice"],
        [4113, "Dropped"]
      ] as const) {
        const { peer, permit, world } = yield* heldUp()
        yield* peer.breakWrites
        yield* peer.close(code)
        yield* TestClock.adjust("5 seconds")
        yield* expectState(world, "Live")
        yield* permit
        const { reason: asked } = yield* expectState(world, "NeedsUser")
        assert.strictEqual(asked._tag, reason)
        assert.notInclude(world.eventTags(), "PassedOver")
      }
    })
  )

  it.effect("handles what comes again in the order in which it came, and nothing out of it", () =>
    Effect.gen(function* () {
      const { peer, permit, world } = yield* heldUp()
      yield* peer.breakWrites
      yield* permit
      yield* peer.send(reflected(messages + 1, world.group.envelope(text("late"))))
      for (let n = 0; n < messages; n++) yield* permit
      yield* peer.close(1006)
      yield* TestClock.adjust("3 seconds")
      const handled = world.handled.flat().map(({ content }) => Number(textOf(content)))
      assert.isAbove(handled.length, 1)
      assert.deepStrictEqual(
        handled,
        handled.map((_, at) => at + 1)
      )
    })
  )

  it.effect("hears the last word of the chat server, which stands behind what it has not read", () =>
    Effect.gen(function* () {
      const canReconnect = (io: ChatDuplex) =>
        Stream.runHead(io.incoming).pipe(
          Effect.map((heard): ChatEnd =>
            Option.isSome(heard) ? { _tag: "CloseError", canReconnect: false } : { _tag: "Ended" }
          )
        )
      for (const findOut of [byEphemeral, byProbe]) {
        const { peer, world } = yield* heldUp({ chat: canReconnect })
        yield* peer.send({ _tag: "Proxy", data: Uint8Array.of(0xe0) })
        yield* peer.breakWrites
        yield* peer.close(4000)
        yield* findOut(world)
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "ChatRefused")
      }
    })
  )

  it.effect("learns why it was closed when its sign of life cannot be written any more", () =>
    Effect.gen(function* () {
      for (const [code, reason] of [
        [4112, "DuplicateDevice"],
        [4113, "Dropped"]
      ] as const) {
        const { peer, world } = yield* heldUp()
        yield* peer.breakWrites
        yield* peer.close(code)
        yield* byProbe(world)
        assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, reason)
      }
    })
  )

  it.effect("learns why it was closed while its sign of life waited for room", () =>
    Effect.gen(function* () {
      const { peer, world } = yield* heldUp()
      peer.flow.closeUnsafe()
      yield* byProbe(world)
      yield* expectState(world, "Live")
      // The mediator's end of it lets go of whatever waits to be written.
      yield* peer.close(4112)
      assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "DuplicateDevice")
    })
  )

  it.effect("gives up a connection whose sign of life cannot be written, if nobody says why: 1 s while it reads", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.breakWrites
      yield* byProbe(world)
      yield* TestClock.adjust("999 millis")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("1 millis")
      assert.deepInclude((yield* expectState(world, "Waiting")).because, { _tag: "Closed", code: 1006 })
    })
  )

  it.effect("gives it up after 10 s if it never reads again", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ chat: () => Effect.never })
      const peer = yield* connect(world)
      for (let n = 0; n < 6; n++) yield* peer.send({ _tag: "Proxy", data: Uint8Array.of(n) })
      yield* settle
      yield* peer.breakWrites
      yield* byProbe(world)
      yield* TestClock.adjust("9999 millis")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("1 millis")
      assert.deepInclude((yield* expectState(world, "Waiting")).because, { _tag: "Closed", code: 1006 })
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, chat: 2 }))
  )

  it.effect("gives up a connection that cannot be written to even if its chat is never read", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ chat: () => Effect.never })
      const peer = yield* connect(world)
      for (let n = 0; n < 6; n++) yield* peer.send({ _tag: "Proxy", data: Uint8Array.of(n) })
      yield* settle
      yield* peer.breakWrites
      yield* Effect.ignore(world.device.reflectEphemeral(text("e")))
      yield* settle
      yield* TestClock.adjust("9999 millis")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "Closed")
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, chat: 2 }))
  )

  it.effect("gives its mediator a sign of life every 20 s, and asks for none", () =>
    Effect.gen(function* () {
      const { peer, world } = yield* heldUp()
      for (let n = 0; n < 6; n++) {
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(
          (yield* peer.drain).map(({ _tag }) => _tag),
          ["GetDevicesInfo"]
        )
      }
      yield* expectState(world, "Live")
    })
  )

  it.effect("asks for a sign of life again when it reads again", () =>
    Effect.gen(function* () {
      const { peer, permit, world } = yield* heldUp()
      yield* TestClock.adjust("50 seconds")
      for (const _probe of yield* peer.drain) yield* peer.send({ _tag: "DevicesInfo", augmentedDeviceInfo: new Map() })
      for (let n = 0; n < messages; n++) yield* permit
      yield* expectState(world, "Live")
      yield* TestClock.adjust("20 seconds")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude((yield* expectState(world, "Waiting")).because, { waitedFor: "sign of life" })
    })
  )

  it.effect("is not behind while its handler goes on, though somebody waits for the mediator", () =>
    Effect.gen(function* () {
      const permits = yield* Queue.unbounded<void>()
      const world = yield* makeWorld({ onReflected: () => Queue.take(permits) })
      const peer = yield* connect(world)
      yield* Effect.forkScoped(world.device.reflect(text("waits")))
      yield* peer.send(...Array.from({ length: 13 }, (_, id) => reflected(id, world.group.envelope(text(String(id))))))
      for (let n = 0; n < 3; n++) {
        yield* TestClock.adjust("8 seconds")
        yield* Queue.offer(permits, undefined)
        yield* settle
      }
      assert.notInclude(world.eventTags(), "PassedOver")
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 2 }))
  )

  it.effect("waits for no ack of a reflect that was given up: nothing is passed over for it", () =>
    Effect.gen(function* () {
      const { peer, world } = yield* heldUp()
      const given = yield* Effect.forkScoped(world.device.reflect(text("given up")))
      yield* peer.expect("Reflect")
      yield* Fiber.interrupt(given)
      yield* TestClock.adjust("11 seconds")
      assert.notInclude(world.eventTags(), "PassedOver")
    })
  )

  it.effect("waits for nothing any more when a transaction was interrupted, at whichever step", () =>
    Effect.gen(function* () {
      /** Interrupts its fiber ahead of the nth step. */
      class InterruptAt extends Scheduler.MixedScheduler {
        private steps = 0
        private readonly step: number
        constructor(step: number) {
          super()
          this.step = step
        }
        override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
          if (++this.steps === this.step) fiber.interruptUnsafe()
          return false
        }
      }
      const isHarmless = (step: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const world = yield* makeWorld({ onReflected: () => Effect.never })
            const peer = yield* connect(world)
            const interrupted = Effect.provideService(
              world.device.transaction({ scope: 1 }, Effect.never),
              Scheduler.Scheduler,
              new InterruptAt(step)
            )
            const fiber = yield* Effect.forkScoped(interrupted, { startImmediately: true })
            // Once its Begin is on the way, the device waits for the answer.
            if ((yield* peer.drain).length > 0) return false
            assert.isDefined(fiber.pollUnsafe())
            for (let id = 1; id <= 6; id++) {
              yield* peer.send(reflected(id, world.group.envelope(text(String(id)))))
              yield* Effect.repeat(Effect.yieldNow, { times: 20 })
            }
            yield* TestClock.adjust("11 seconds")
            assert.notInclude(world.eventTags(), "PassedOver", `interrupted at step ${step}`)
            return true
          })
        ).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 1 }))
      let step = 1
      while (yield* isHarmless(step)) step++
      assert.isAbove(step, 5)
    })
  )
})
