/**
 * Type tests: which options of devices a simulation leaves to its caller, what a witness of some kinds may look at, and that
 * whatever lasts may be any duration where it is an option, and is a number where it is data.
 */
import { D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import type { Duration } from "effect"
import { expectTypeOf } from "vitest"
import {
  type chatWorkload,
  type Conditions,
  only,
  type RunOptions,
  type Schedule,
  type SimulateOptions,
  type SwarmOptions,
  type Witness
} from "../src/index.ts"
import type { SimulateTestOptions } from "../src/vitest.ts"

export const free: SimulateOptions = { deviceOptions: { firstReflectId: 7 } }
export const described: RunOptions = {
  deviceOptions: {
    identity: "ECHOECHO",
    description: { platform: D2d.DeviceInfoPlatform.WEB, platformDetails: "", appVersion: "", label: "" }
  }
}

// All devices would be the same one.
// @ts-expect-error TS2353: 'deviceId' does not exist in type
export const one: SimulateOptions = { deviceOptions: { deviceId: DeviceId.make(1n) } }

// Groups would be one, whatever the specs say.
// @ts-expect-error TS2353: 'groupKey' does not exist in type
export const group: RunOptions = { deviceOptions: { groupKey: DeviceGroupKey.make(new Uint8Array(32)) } }

// Oracles judge slots by what the specs say.
// @ts-expect-error TS2353: 'slotExpiration' does not exist in type
export const expiring: RunOptions = { deviceOptions: { slotExpiration: 0 } }
// @ts-expect-error TS2353: 'slotsExhausted' does not exist in type
export const exhausted: RunOptions = { deviceOptions: { slotsExhausted: 1 } }

// An oracle judges questions about clocks by the usual tolerance.
// @ts-expect-error TS2353: 'clockTolerance' does not exist in type
export const tolerant: SimulateOptions = { deviceOptions: { clockTolerance: "1 hour" } }

// It is not called for any other.
export const some: Witness = only(["Handled", "Opened"], (event) => {
  if (event._tag === "Opened") return event.connection
  // @ts-expect-error TS2339: Property 'connection' does not exist on type
  void event.connection
  // @ts-expect-error TS2367: have no overlap
  return event._tag === "DeviceSent"
})

// Nor for any other frame.
export const hellos: Witness = only(
  ["DeviceSent", "DeviceReceived"],
  (event) => {
    if (event._tag === "DeviceReceived") return event.frame?._tag === "ServerInfo"
    expectTypeOf(event.frame._tag).toEqualTypeOf<"ClientHello" | "Reflect">()
    // @ts-expect-error TS2367: have no overlap
    return event.frame._tag === "Proxy"
  },
  { DeviceSent: ["ClientHello", "Reflect"] }
)
// @ts-expect-error TS2322: Type '"ServerInfo"' is not assignable to type
export const none: Witness = only(["DeviceSent"], () => {}, { DeviceSent: ["ServerInfo"] })

expectTypeOf<Required<SimulateOptions>["duration"]>().toEqualTypeOf<Duration.Input>()
expectTypeOf<Required<SwarmOptions>["duration"]>().toEqualTypeOf<Duration.Input>()
expectTypeOf<Required<SimulateTestOptions>["timeout"]>().toEqualTypeOf<Duration.Input>()
expectTypeOf<Parameters<typeof chatWorkload>[0]>().toEqualTypeOf<Duration.Input>()
expectTypeOf<Schedule["duration"]>().toEqualTypeOf<number>()
expectTypeOf<Conditions["userDelay"]>().toEqualTypeOf<number>()
expectTypeOf<Required<Conditions["mediator"]>["volatileGrace"]>().toEqualTypeOf<number>()
