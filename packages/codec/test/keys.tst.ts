import { Redacted } from "effect"
import { describe, expectTypeOf, test } from "vitest"
import type { Crypto, EphemeralKey } from "../src/Crypto.ts"
import type { BoxKey, DeviceGroupKey, DeviceGroupKeys } from "../src/DeviceGroupKey.ts"

type Service = Crypto["Service"]

describe("keys", () => {
  test("a key of one use is not a key of another", () => {
    expectTypeOf<DeviceGroupKeys["dgrk"]>().toExtend<BoxKey<"dgrk">>()
    expectTypeOf<DeviceGroupKeys["dgrk"]>().not.toExtend<BoxKey<"dgdik">>()
    expectTypeOf<BoxKey>().not.toExtend<BoxKey<"dgrk">>()
    expectTypeOf<DeviceGroupKey>().not.toExtend<BoxKey>()
    expectTypeOf<BoxKey<"dgrk">>().not.toExtend<DeviceGroupKey>()
  })

  test("boxes take every box key, and neither DGK, DGPK nor ESK", () => {
    type Asked = Parameters<Service["seal"]>[0]
    expectTypeOf<DeviceGroupKeys["dgrk" | "dgdik" | "dgsddk" | "dgtsk" | "dghek"]>().toExtend<Asked>()
    expectTypeOf<DeviceGroupKey>().not.toExtend<Asked>()
    expectTypeOf<DeviceGroupKeys["dgpk"]>().not.toExtend<Asked>()
    expectTypeOf<EphemeralKey["secret"]>().not.toExtend<Asked>()
    expectTypeOf<Parameters<Service["open"]>[0]>().toEqualTypeOf<Asked>()
    expectTypeOf<Parameters<Service["sealInto"]>[0]>().toEqualTypeOf<Asked>()
  })

  test("neither bare bytes nor any redacted bytes are a key", () => {
    expectTypeOf<Uint8Array>().not.toExtend<BoxKey>()
    expectTypeOf<Redacted.Redacted<Uint8Array>>().not.toExtend<BoxKey>()
    expectTypeOf(Redacted.make(new Uint8Array(32), { label: "dgk" })).not.toExtend<DeviceGroupKey>()
  })

  test("deriving starts from a device group key only", () => {
    expectTypeOf<Parameters<Service["deriveKeys"]>[0]>().toEqualTypeOf<DeviceGroupKey>()
  })
})
