/**
 * A device of the group that writes envelopes which nobody can read: they open, because who has the key of the group has
 * sealed them, and inside is no message.
 *
 * Owns what is wrong with them, carried out on frames between a real client and the network, as no client of this project
 * writes such. A mediator cannot: it has no key of the group. What others make of it is for oracles to say (decision 20).
 *
 * @since 0.1.0
 */
import { type Crypto, type DeviceGroupKeys, encodeClientFrame, Limits } from "@d2m/codec"
import { Result } from "effect"
import type { Garbler } from "./Pipe.ts"
import type { Prng } from "./Prng.ts"

/** What is no message of protobuf, whoever reads it. */
const drawGarbled = (prng: Prng, plain: Uint8Array): Uint8Array => {
  switch (prng.below(4)) {
    case 0:
      // The end of its last field is missing.
      return plain.slice(0, -1)
    case 1:
      // Its padding is longer than all of it.
      return Uint8Array.of(0x0a, 0x7f, 0, 0)
    case 2:
      // A field that has the number 0.
      return Uint8Array.of(0x02, 0)
    default:
      // A number without end.
      return new Uint8Array(11).fill(0xff)
  }
}

/** Garbles what a device reflects, `count` times; the nonce stays, so that it is the same box for who looks on. */
export const garbler = (
  crypto: Crypto["Service"],
  { dgrk }: Pick<DeviceGroupKeys, "dgrk">,
  count: number,
  prng: Prng,
  fired: () => void
): Garbler => {
  let left = count
  return (frame) => {
    if (left === 0) return undefined
    const plain = crypto.open(dgrk, frame.envelope)
    if (Result.isFailure(plain)) return undefined
    left--
    fired()
    const nonce = frame.envelope.slice(0, Limits.nonce)
    return encodeClientFrame({ ...frame, envelope: crypto.seal(dgrk, nonce, drawGarbled(prng, plain.success)) })
  }
}
