/**
 * How oracles tell what is in a box: which message of a workload, what a device says of itself, what its group shares.
 *
 * Owns opening it with the key of the device's group. What can be told without opening it is `Envelopes`'.
 *
 * @since 0.1.0
 */
import type { Content } from "@d2m/client"
import { Box, type ClientFrame, D2d, decodeMessage, type DeviceGroupKeys } from "@d2m/codec"
import { type Option, Result } from "effect"
import { messageIdOf } from "../Application.ts"
import type { Schedule } from "../Schedule.ts"
import { cryptoOf, deviceGroupKeyOf } from "../World.ts"
import type { Specs } from "./Specs.ts"

export type ReflectFrame = Extract<ClientFrame, { readonly _tag: "Reflect" }>

/** The id of the message that a device reflects; `undefined` when it has none, `Nothing` when there is no envelope in it. */
export type BoxOpener = (device: string, frame: ReflectFrame) => number | "Nothing" | undefined

/** What a device reflects, whatever it is; `undefined` when nobody knows it, `Nothing` when there is no envelope in it. */
export type ContentOpener = (device: string, frame: ReflectFrame) => Content | "Nothing" | undefined

/** The message in a box that the mediator keeps for the group of a device; none when it does not open. */
export type BlobOpener = <S extends typeof D2d.DeviceInfo | typeof D2d.SharedDeviceData>(
  device: string,
  key: "dgdik" | "dgsddk",
  schema: S,
  box: Box<"dgdik" | "dgsddk">
) => Option.Option<S["Type"]>

const keysOf = (schedule: Schedule, specs: Specs) => {
  const crypto = cryptoOf(schedule.conditions.crypto)
  const keys = (device: string): DeviceGroupKeys => crypto.deriveKeys(deviceGroupKeyOf(specs.of(device)?.group ?? 0))
  return { crypto, keys }
}

/** The frame that was opened last: who looks on at a run does so one after the other, and opening a box takes longest. */
let latest: { readonly frame: ReflectFrame; readonly content: ReturnType<ContentOpener> } | undefined

/** Opens the boxes of the groups of a world. */
export const contentOpener = (schedule: Schedule, specs: Specs): ContentOpener => {
  const { crypto, keys } = keysOf(schedule, specs)
  const open: ContentOpener = (device, frame) => {
    const plain = crypto.open(keys(device).dgrk, frame.envelope)
    if (Result.isFailure(plain)) return "Nothing"
    const envelope = decodeMessage(D2d.Envelope, plain.success)
    return Result.isSuccess(envelope) ? envelope.success.content : "Nothing"
  }
  return (device, frame) => {
    if (latest?.frame !== frame) latest = { frame, content: open(device, frame) }
    return latest.content
  }
}

/** Tells which message of a workload is in a box. */
export const boxOpener = (schedule: Schedule, specs: Specs): BoxOpener => {
  const open = contentOpener(schedule, specs)
  return (device, frame) => {
    const content = open(device, frame)
    return content === "Nothing" ? content : messageIdOf(content)
  }
}

/** Whether a device can open the box of a message that was reflected to it. */
export const opensFor = (schedule: Schedule, specs: Specs): ((device: string, envelope: Uint8Array) => boolean) => {
  const { crypto, keys } = keysOf(schedule, specs)
  return (device, envelope) => Result.isSuccess(crypto.open(keys(device).dgrk, Box.make("dgrk", envelope)))
}

/** Opens what the groups of a world leave with the mediator. */
export const blobOpener = (schedule: Schedule, specs: Specs): BlobOpener => {
  const { crypto, keys } = keysOf(schedule, specs)
  return (device, key, schema, box) =>
    Result.getSuccess(Result.flatMap(crypto.open(keys(device)[key], box), (plain) => decodeMessage(schema, plain)))
}
