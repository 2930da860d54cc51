/**
 * How oracles tell which message of a workload is in a box.
 *
 * Owns opening it with the key of the device's group. What can be told without opening it is `Envelopes`'.
 *
 * @since 0.1.0
 */
import { type ClientFrame, D2d, decodeMessage } from "@d2m/codec"
import { Result } from "effect"
import { messageIdOf } from "../Application.ts"
import type { Schedule } from "../Schedule.ts"
import { cryptoOf, groupKeyOf } from "../World.ts"
import { ownerOf } from "../WorldEvent.ts"

export type ReflectFrame = Extract<ClientFrame, { readonly _tag: "Reflect" }>

/** The id of the message that a device reflects; `undefined` when it has none, `Nothing` when there is no envelope in it. */
export type BoxOpener = (device: string, frame: ReflectFrame) => number | "Nothing" | undefined

/** Opens the boxes of the groups of a schedule. */
export const boxOpener = (schedule: Schedule): BoxOpener => {
  const crypto = cryptoOf(schedule.conditions.crypto)
  const groups = new Map(schedule.devices.map(({ group, name }) => [name, group]))
  return (device, frame) => {
    const group = groups.get(ownerOf(device)) ?? 0
    const plain = crypto.open(crypto.deriveKeys(groupKeyOf(group)).dgrk, frame.envelope)
    if (Result.isFailure(plain)) return "Nothing"
    const envelope = decodeMessage(D2d.Envelope, plain.success)
    return Result.isSuccess(envelope) ? messageIdOf(envelope.success.content) : "Nothing"
  }
}
