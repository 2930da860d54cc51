import { encodeClientFrame } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import {
  Fault,
  InvalidOptions,
  lenientOptions,
  makeOptions,
  Mediator,
  type MediatorOptionsInput,
  strictOptions
} from "@d2m/server-sim"
import { Context, Duration, Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { begin, commit, id, reflect } from "./drive.ts"
import { codeOf, join, keys, mediatorWith, openLink, path } from "./memory-device.ts"
import { wrongSpans } from "./wrong-spans.ts"

const withTest = Effect.provide(Mediator.layerTest)
const device = (n: number) => ({ groupId: keys.groupId, deviceId: id(n) })

describe("a link", () => {
  it.effect("carries frames both ways, and a pull returns all that is there", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      const mediator = yield* Mediator
      const link = yield* mediator.link(path)
      yield* a.send(reflect(1), reflect(2), reflect(3))
      assert.deepStrictEqual((yield* a.rest).map(({ _tag }) => _tag).slice(-3), [
        "ReflectAck",
        "ReflectAck",
        "ReflectAck"
      ])
      const { pull } = yield* link.socket.reader
      assert.lengthOf(yield* pull, 1)
    }).pipe(withTest)
  )

  it.effect("takes its time in each direction and keeps the order", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const link = yield* mediator.link(path, {
        latencyUp: "30 millis",
        latencyDown: { min: "5 millis", max: "90 millis" }
      })
      const fiber = yield* Effect.forkScoped(
        Effect.gen(function* () {
          const a = yield* openLink(link)
          yield* a.register(1)
          yield* a.send(begin(1), reflect(1), reflect(2), reflect(3), commit)
          for (const tag of ["BeginTransactionAck", "ReflectAck", "ReflectAck", "ReflectAck"] as const)
            yield* a.until(tag)
          yield* a.until("CommitTransactionAck")
        }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("34 millis")
      assert.isUndefined(fiber.pollUnsafe())
      assert.isTrue(Option.isNone(yield* mediator.group(keys.groupId)))
      yield* TestClock.adjust("500 millis")
      assert.isTrue(Exit.isSuccess(fiber.pollUnsafe()!))
    }).pipe(withTest)
  )

  it.effect("delivers what the mediator sent before its close, then the code and reason", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      yield* a.rest
      yield* a.send(reflect(1), reflect(2), { _tag: "CommitTransaction" })
      assert.deepStrictEqual(
        (yield* a.rest).map(({ _tag }) => _tag),
        ["ReflectAck", "ReflectAck", "Closed"]
      )
      assert.isFalse(yield* mediator.close(device(1), 4113))
      const b = yield* join(1, {}, 1)
      assert.isTrue(yield* mediator.close(device(1), 4113, "bye"))
      assert.deepStrictEqual(yield* b.until("Closed"), { _tag: "Closed", code: 4113, reason: "bye" })
    }).pipe(withTest)
  )

  it.effect("gives a writer of the connection that its scope has opened, whoever dials meanwhile", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const { socket } = yield* mediator.link(path)
      const [one, other] = yield* Effect.all([Scope.make(), Scope.make()])
      const { pull } = yield* Scope.provide(socket.reader, one)
      yield* Scope.provide(socket.reader, other)
      yield* pull
      const next = yield* Effect.forkScoped(pull, { startImmediately: true })
      const writer = yield* Scope.provide(socket.writer, one)
      // No frame that may come first: the mediator ends the connection that it came on.
      yield* writer.write(encodeClientFrame(reflect(1)))
      yield* TestClock.adjust("1 millis")
      assert.isDefined(next.pollUnsafe())
      assert.strictEqual(codeOf(next.pollUnsafe()!), 4010)
      yield* Scope.provide(socket.reader, one)
      const late = yield* Effect.exit(writer.write(encodeClientFrame(reflect(1))))
      assert.strictEqual(codeOf(late), "SocketWriteError")
    }).pipe(withTest)
  )

  it.effect("fails writes once it has ended, and never keeps them for the next connection", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const link = yield* mediator.link(path)
      const scope = yield* Scope.make()
      const a = yield* Scope.provide(openLink(link), scope)
      yield* a.register(1)
      yield* mediator.close(device(1), 1011)
      assert.strictEqual(codeOf(yield* Effect.exit(a.send(reflect(1)))), "SocketWriteError")
      yield* Scope.close(scope, Exit.void)
      const again = yield* openLink(link)
      yield* again.register(1, 1)
      assert.strictEqual(codeOf(yield* Effect.exit(a.send(reflect(1)))), "SocketWriteError")
      assert.isUndefined((yield* again.rest).find(({ _tag }) => _tag === "ReflectAck"))
      assert.strictEqual(yield* link.dials, 2)
    }).pipe(withTest)
  )

  it.effect("hangs up when its scope closes, which ends a pull that waits", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const socket = yield* mediator.connect(path)
      const scope = yield* Scope.make()
      const { pull } = yield* Scope.provide(socket.reader, scope)
      yield* pull
      const waiting = yield* Effect.forkChild(Effect.exit(pull), { startImmediately: true })
      assert.strictEqual(Option.getOrThrow(yield* mediator.group(keys.groupId)).connections, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(codeOf(yield* Fiber.join(waiting)), 1000)
      assert.isTrue(Option.isNone(yield* mediator.group(keys.groupId)))
    }).pipe(withTest)
  )

  it.effect("closes with the device's own code, which both sides see, behind what is under way", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkChild(Scope.provide(join(1, { latency: "10 millis" }), scope), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      const a = yield* Fiber.join(fiber)
      yield* a.send(reflect(1))
      yield* a.close(4321, "enough")
      yield* TestClock.adjust("15 millis")
      assert.strictEqual(
        Option.getOrThrow(yield* mediator.group(keys.groupId)).devices[0]?.connection._tag,
        "Disconnected"
      )
      yield* TestClock.adjust("15 millis")
      const tags = (yield* a.rest).filter(({ _tag }) => _tag === "ReflectAck" || _tag === "Closed")
      assert.deepStrictEqual(
        tags.map((event) => (event._tag === "Closed" ? event.code : event._tag)),
        ["ReflectAck", 4321]
      )
    }).pipe(withTest)
  )

  it.effect("lets a writer wait for the first connection if there was none yet", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const socket = yield* mediator.connect(path)
      const writer = yield* socket.writer
      const written = yield* Effect.forkChild(writer.write("text"), { startImmediately: true })
      assert.isUndefined(written.pollUnsafe())
      const { pull } = yield* socket.reader
      yield* Fiber.join(written)
      yield* pull
      assert.strictEqual(codeOf(yield* Effect.exit(pull)), 4010)
    }).pipe(withTest)
  )

  it.effect("makes a writer wait while too much is under way", () =>
    Effect.gen(function* () {
      const a = yield* join(1, { highWaterUp: 100 })
      const scope = yield* Scope.make()
      yield* Scope.provide(a.link.inject(Fault.Stall({ direction: "up" })), scope)
      yield* a.send(reflect(1))
      const blocked = yield* Effect.forkChild(a.send(reflect(2, { envelope: new Uint8Array(200) })), {
        startImmediately: true
      })
      assert.isUndefined(blocked.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(blocked)
      yield* a.until("ReflectAck")
      yield* a.until("ReflectAck")
    }).pipe(withTest)
  )

  it.effect("refuses a path that is no ClientUrlInfo", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      for (const bad of [
        { ...path, serverGroup: "" },
        { ...path, deviceGroupId: new Uint8Array(31) }
      ]) {
        const socket = yield* mediator.connect(bad)
        assert.strictEqual(codeOf(yield* Effect.exit(Effect.scoped(socket.reader))), "SocketOpenError")
      }
    }).pipe(withTest)
  )

  it.effect("cannot be dialed with a latency that is no finite duration", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      for (const wrong of [NaN, -1, Infinity, { minute: 5 }] as ReadonlyArray<Duration.Input>) {
        for (const options of [
          { latency: wrong },
          { latencyUp: wrong },
          { latencyDown: { min: "1 milli", max: wrong } },
          { latencyDown: { min: wrong, max: "1 milli" } }
        ] as const) {
          const { socket } = yield* mediator.link(path, options)
          const dialed = yield* Effect.flip(Effect.scoped(socket.reader))
          assert.include(String(dialed.reason.cause), "a latency must be a finite duration of 0 or more, and is")
        }
      }
    }).pipe(withTest)
  )

  it.effect("is told 1001 when the mediator ends, however far away it is", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(Mediator.layerTest, scope)
      const opened = yield* Effect.forkScoped(Effect.provide(join(1, { latency: "50 millis" }), services), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      const a = yield* Fiber.join(opened)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("50 millis")
      assert.strictEqual((yield* a.until("Closed")).code, 1001)
    })
  )
})

describe("the journal", () => {
  it.effect("tells what happened, for those who come late too", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      yield* a.send(reflect(1))
      yield* a.link.inject(Fault.Cut())
      const entries = yield* mediator.journal.pipe(
        Stream.takeUntil(({ _tag }) => _tag === "Gone"),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        entries.map((entry) => {
          switch (entry._tag) {
            case "Received":
              return `> ${entry.frame?._tag}`
            case "Sent":
              return `< ${entry.frame._tag}`
            case "Decided":
              return entry.decision._tag
            case "FaultFired":
              return entry.fault
            default:
              return entry._tag
          }
        }),
        [
          "Opened",
          "< ServerHello",
          "> ClientHello",
          "Registered",
          "BecameDry",
          "BecameLeader",
          "< ServerInfo",
          "< ReflectionQueueDry",
          "< RolePromotedToLeader",
          "> Reflect",
          "< ReflectAck",
          "Cut",
          "Gone"
        ]
      )
      assert.deepInclude(entries.at(-1), { deviceId: id(1), connection: 1 })
    }).pipe(withTest)
  )

  it.effect("ends with the mediator, behind the last close, for those who come later still too", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(mediatorWith({ journalCapacity: 2 }), scope)
      const { journal } = Context.get(context, Mediator)
      const reading = yield* Effect.forkChild(Stream.runCollect(journal), { startImmediately: true })
      const a = yield* Effect.provideContext(join(1), context)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* a.until("Closed")).code, 1001)
      const entries = yield* Fiber.join(reading)
      assert.strictEqual(entries[0]?._tag, "Opened")
      assert.deepInclude(entries.at(-1), { _tag: "Closed", code: 1001, connection: 1 })
      assert.deepStrictEqual(yield* Stream.runCollect(journal), entries.slice(-2))
    })
  )
})

describe("options", () => {
  it.effect("that contradict each other are a typed error", () =>
    Effect.gen(function* () {
      for (const options of [{ idleTimeout: 5_000 }, { maxDeviceSlots: 0 }, { versions: { min: 2, max: 1 } }]) {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(mediatorWith(options))))
        assert(Exit.isFailure(exit))
        const reason = exit.cause.reasons[0]
        assert(reason?._tag === "Fail" && reason.error instanceof InvalidOptions)
        assert.include(reason.error.message, Object.keys(options)[0]!)
      }
      yield* Effect.scoped(Layer.build(mediatorWith({ idleTimeout: 5_000, allowShortIdleTimeout: true })))
    })
  )

  it.effect("that are spans of time are any duration, and are told in milliseconds", () =>
    Effect.gen(function* () {
      const options = yield* makeOptions({
        transactionTtl: "20 seconds",
        volatileGrace: Duration.zero,
        handshakeDeadline: { seconds: 1, milliseconds: 500 },
        idleTimeout: "1 hour",
        shutdownTimeout: [2, 500_000_000]
      })
      assert.deepStrictEqual(options, {
        ...strictOptions,
        transactionTtl: 20_000,
        volatileGrace: 0,
        handshakeDeadline: 1_500,
        idleTimeout: 3_600_000,
        shutdownTimeout: 2_500
      })
      assert.deepStrictEqual(yield* makeOptions({ transactionTtl: 20_000_000_000n }, lenientOptions), {
        ...lenientOptions,
        transactionTtl: 20_000
      })
    })
  )

  const spans = ["transactionTtl", "volatileGrace", "handshakeDeadline", "idleTimeout", "shutdownTimeout"] as const
  for (const name of spans) {
    it.effect(`are refused where a span of time is none: ${name}`, () =>
      Effect.forEach(wrongSpans, (span) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(makeOptions({ allowShortIdleTimeout: true, [name]: span }))
          assert.include(error.detail, name)
        })
      )
    )
  }

  it.effect("say of a span of time what it is in place of one, and of a number which it may be", () =>
    Effect.gen(function* () {
      const detail = (options: MediatorOptionsInput) =>
        Effect.map(Effect.flip(makeOptions(options)), ({ detail }) => detail)
      const soon = yield* detail({ idleTimeout: "soon" as never })
      assert.strictEqual(soon, 'idleTimeout must be a duration, and is "soon"')
      const short = "idleTimeout must be at least 30000 ms unless allowShortIdleTimeout is set"
      assert.include(yield* detail({ idleTimeout: "29 seconds" }), short)
      assert.include(yield* detail({ transactionTtl: "1500 micros" }), "Expected an integer")
    })
  )
})
