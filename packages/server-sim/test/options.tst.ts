/**
 * Type tests: a span of time is any duration where it is given, and a number of milliseconds where it is told.
 */
import {
  lenientOptions,
  Mediator,
  type MediatorOptions,
  type MediatorOptionsInput,
  strictOptions
} from "@d2m/server-sim"
import {
  defaultGuards,
  type Guards,
  type GuardsInput,
  layerTcpChat,
  type WebSocketServerOptions
} from "@d2m/server-sim/node"
import type { Duration } from "effect"
import { describe, expectTypeOf, test } from "vitest"

describe("a span of time", () => {
  test("is given as any duration", () => {
    expectTypeOf<Required<MediatorOptionsInput>["transactionTtl"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<MediatorOptionsInput>["volatileGrace"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<MediatorOptionsInput>["handshakeDeadline"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<MediatorOptionsInput>["idleTimeout"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<MediatorOptionsInput>["shutdownTimeout"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<GuardsInput>["upgradeDeadline"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<GuardsInput>["slowReaderDeadline"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<WebSocketServerOptions>["closeTimeout"]>().toEqualTypeOf<Duration.Input>()
    Mediator.layer({ ...lenientOptions, idleTimeout: "2 minutes" })
    layerTcpChat({ host: "127.0.0.1", port: 1, connectTimeout: "5 seconds" })

    // @ts-expect-error TS2322: Type '"1 fortnight"' is not assignable to type
    Mediator.layer({ idleTimeout: "1 fortnight" })
    // @ts-expect-error TS2322: Type 'string' is not assignable to type 'number'
    Mediator.layer({ queueMessages: "5 seconds" })
  })

  test("is told as a number, and what has been told may be given again", () => {
    expectTypeOf<MediatorOptions["idleTimeout"]>().toEqualTypeOf<number>()
    expectTypeOf<Guards["upgradeDeadline"]>().toEqualTypeOf<number>()
    expectTypeOf(strictOptions.transactionTtl).toEqualTypeOf<number>()
    expectTypeOf(defaultGuards.slowReaderDeadline).toEqualTypeOf<number>()
    expectTypeOf<Partial<MediatorOptions>>().toExtend<MediatorOptionsInput>()
    expectTypeOf<Partial<Guards>>().toExtend<GuardsInput>()
  })
})
