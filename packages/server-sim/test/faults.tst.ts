import { type Direction, Fault, type FrameFault } from "@d2m/server-sim"
import { describe, expectTypeOf, test } from "vitest"

declare const direction: Direction

describe("a fault of frames", () => {
  test("picks kinds of frames that travel in its direction", () => {
    Fault.Drop({ direction: "down", match: { frame: "ReflectAck", skip: 1, count: 1 } })
    Fault.Delay({ direction: "up", match: { frame: "Reflect" }, millis: 100, overtake: true })

    // @ts-expect-error TS2345: '{ direction: "up"; match: { frame: "ReflectAck"; }; }' is not assignable
    Fault.Drop({ direction: "up", match: { frame: "ReflectAck" } })

    // @ts-expect-error TS2345: '{ direction: "down"; match: { frame: "ClientHello"; }; with: () => never[]; }' is not
    Fault.Rewrite({ direction: "down", match: { frame: "ClientHello" }, with: () => [] })
  })

  test("of either direction picks no kind of frame", () => {
    expectTypeOf(Fault.Garble({ direction, match: { skip: 1 }, at: 4 })).toExtend<FrameFault>()

    // @ts-expect-error TS2345: is not assignable
    Fault.Duplicate({ direction, match: { frame: "Reflect" } })
  })
})
