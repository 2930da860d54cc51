/**
 * The in-memory mediator as a target: each wire is one connection over its own link.
 *
 * Owns the pump from Effect's `Socket` to a wire.
 */
import { Effect, Latch, Layer, Queue } from "effect"
import { Socket } from "effect/socket"
import { Fault, Mediator } from "../../src/index.ts"
import type { KeptStore } from "./KeptStore.ts"
import { underTest } from "./MediatorUnderTest.ts"
import { OpenError, Target, type TargetLayer } from "./Target.ts"
import { makeWire, type WireEvent } from "./Wire.ts"

export const inMemory =
  (kept: KeptStore): TargetLayer =>
  (settings) =>
    Layer.effect(
      Target,
      Effect.gen(function* () {
        const { current, ...rest } = yield* underTest(
          settings,
          kept,
          Effect.map(Mediator, (mediator) => mediator)
        )

        return Target.of({
          ...rest,
          name: "in-memory",
          open: (path) =>
            Effect.gen(function* () {
              const scope = yield* Effect.scope
              const link = yield* current().link(path)
              const { pull } = yield* link.socket.reader.pipe(
                Effect.mapError((error) => new OpenError({ detail: error.message }))
              )
              const writer = yield* link.socket.writer
              const events = yield* Queue.unbounded<WireEvent>()
              const reading = Latch.makeUnsafe(true)
              const pump = Effect.forever(
                Effect.gen(function* () {
                  yield* reading.await
                  for (const message of yield* pull) yield* Queue.offer(events, { _tag: "Message", message })
                })
              )
              yield* pump.pipe(
                Effect.catch(({ reason }) =>
                  Queue.offer(events, {
                    _tag: "Closed",
                    ...(reason._tag === "SocketCloseError"
                      ? { code: reason.code, reason: reason.closeReason ?? "" }
                      : { code: 1006, reason: reason._tag })
                  })
                ),
                Effect.forkIn(scope, { startImmediately: true })
              )
              // What is written to a connection that has ended is lost, as it would be in a socket's buffer.
              return makeWire({
                events,
                send: (message) => Effect.ignore(writer.write(message)),
                close: (code) => Effect.ignore(writer.write(new Socket.CloseEvent(code))),
                cut: Effect.scoped(Effect.orDie(link.inject(Fault.Cut()))),
                pause: reading.close,
                resume: reading.open
              })
            })
        })
      })
    )
