import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Queue, References } from "effect"
import { HandlerError, HandlerPolicy } from "../src/index.ts"
import { connect, makeWorld, reflected, text } from "./scripted-peer.ts"

class Inbox extends Context.Service<Inbox, string>()("test/Inbox") {}

/** What a handler can tell of where it runs. */
const surroundings = Effect.gen(function* () {
  return {
    span: Option.getOrUndefined(Option.map(yield* Effect.option(Effect.currentSpan), ({ name }) => name)),
    annotations: yield* References.CurrentLogAnnotations,
    spanAnnotations: yield* References.TracerSpanAnnotations,
    logSpans: (yield* References.CurrentLogSpans).map(([label]) => label),
    inbox: yield* Inbox
  }
})

/** Runs in a span of that name, with annotations and services that tell it too. */
const within =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.annotateLogs({ who: name }),
      Effect.annotateSpans({ who: name }),
      Effect.withLogSpan(name),
      Effect.withSpan(name),
      Effect.provideService(Inbox, name)
    )

describe("a handler", () => {
  it.effect("is no part of the span in which its device was made, and has its services and annotations", () =>
    Effect.gen(function* () {
      const told = yield* Queue.unbounded<Effect.Success<typeof surroundings>>()
      const tell = Effect.flatMap(surroundings, (found) => Queue.offer(told, found))
      const world = yield* makeWorld({
        onReflected: () => Effect.asVoid(tell),
        chat: () => Effect.as(tell, { _tag: "Ended" } as const)
      }).pipe(within("maker"))
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      for (const found of [yield* Queue.take(told), yield* Queue.take(told)]) {
        assert.isUndefined(found.span)
        assert.deepInclude(found, { annotations: { who: "maker" }, inbox: "maker" })
      }
    })
  )

  it.effect("is a part of the span of who replays, and is annotated as its logs and spans are", () =>
    Effect.gen(function* () {
      const told = yield* Queue.unbounded<Effect.Success<typeof surroundings>>()
      let bad = true
      const world = yield* makeWorld({
        onReflected: () =>
          Effect.suspend(() =>
            bad
              ? new HandlerError({ detail: "no" })
              : Effect.flatMap(surroundings, (found) => Effect.asVoid(Queue.offer(told, found)))
          )
      }).pipe(within("maker"))
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))), reflected(2, world.group.envelope(text("b"))))
      yield* peer.expect("ReflectedAck")
      bad = false
      const [first, second] = yield* world.device.quarantine.list
      yield* within("caller")(world.device.quarantine.replay(first!.id))
      assert.deepStrictEqual(yield* Queue.take(told), {
        span: "caller",
        annotations: { who: "caller" },
        spanAnnotations: { who: "caller" },
        logSpans: ["caller"],
        // Its services are those that the device was made with: another one of that name may be another device's.
        inbox: "maker"
      })
      yield* Effect.withSpan(world.device.quarantine.replay(second!.id), "bare")
      assert.deepInclude(yield* Queue.take(told), { span: "bare", annotations: { who: "maker" } })
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "quarantine" }))
  )
})
