/**
 * Near misses: valid frames and messages, changed where decoders break.
 *
 * Owns how often what is changed: fields of protobuf, the headers of frames, or just bytes. All chance comes from the
 * caller, so that the same draws give the same bytes.
 *
 * @since 0.1.0
 */
import { containerInfo } from "../Container.ts"
import { clientFrames, serverFrames } from "../frames/index.ts"
import { Limits } from "../Limits.ts"
import { type Draw, mutateBytes } from "./ByteMutation.ts"
import { mutateField } from "./FieldMutation.ts"
import type { Fielded } from "./WireEdit.ts"
import { wireSpans } from "./WireSpans.ts"

export type { Draw } from "./ByteMutation.ts"

/**
 * Valid bytes with what is known of their structure: made once, changed often.
 *
 * @category models
 * @since 0.1.0
 */
export interface Specimen extends Fielded {
  /** Whether the bytes begin with a container header. */
  readonly framed: boolean
}

const infos = [...clientFrames, ...serverFrames].map((schema) => containerInfo(schema)!)
const knownTypes = [...new Set(infos.map(({ type }) => type))]
const protobufTypes = new Set(infos.filter(({ body }) => body._tag === "Protobuf").map(({ type }) => type))

/**
 * Prepares a frame, container header included.
 *
 * @category constructors
 * @since 0.1.0
 */
export const frameSpecimen = (bytes: Uint8Array): Specimen => ({
  bytes,
  spans: protobufTypes.has(bytes[0] ?? 0) ? wireSpans(bytes, Limits.containerHeader) : [],
  framed: true
})

/**
 * Prepares a bare protobuf message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const messageSpecimen = (bytes: Uint8Array): Specimen => ({ bytes, spans: wireSpans(bytes, 0), framed: false })

/** How far a header reaches: that of a `reflected` behind the container's. */
const longestHeader = Limits.containerHeader + Limits.reflectedHeader

/** Header lengths at and around those of this version, and those that reach beyond most frames. */
const headerLengths = [0, 1, 4, 7, 8, 9, 15, 16, 17, 20, 24, 127, 128, 254, 255]

const mutateHeader = (target: Uint8Array, length: number, draw: Draw): number => {
  switch (draw(8)) {
    case 0:
      return draw(Math.min(length, longestHeader + 1) + 1)
    case 1:
      target[0] = knownTypes[draw(knownTypes.length)]!
      return length
    case 2:
      target[0] = draw(0x100)
      return length
    case 3:
    case 4:
      if (length > Limits.containerHeader) target[Limits.containerHeader] = headerLengths[draw(headerLengths.length)]!
      return length
    default: {
      const count = Math.min(length, longestHeader)
      for (let changes = draw(4); changes >= 0 && count > 0; changes--) {
        target[draw(count)] = draw(2) === 0 ? 0xff : draw(0x100)
      }
      return length
    }
  }
}

/**
 * The longest mutation: 65792, a little more than a frame may be.
 *
 * @category constants
 * @since 0.1.0
 */
export const longestMutation = Limits.frame + 0x100

/**
 * The room that a mutation is made in: two specimens, and the lengths that grow with them.
 *
 * @category constants
 * @since 0.1.0
 */
export const mutationRoom = 2 * longestMutation

/**
 * Writes a mutation of `specimen` to the front of `target`, which has {@link mutationRoom}, and says how many bytes it
 * is: at most {@link longestMutation}. `other` is what it may be crossed with; specimens are at most 65536 bytes long.
 *
 * @category mutation
 * @since 0.1.0
 */
export const mutateInto = (target: Uint8Array, specimen: Specimen, other: Specimen, draw: Draw): number => {
  const { bytes, framed, spans } = specimen
  const kind = draw(32)
  if (kind === 0) {
    target.set(bytes)
    return bytes.length
  }
  let length: number
  if (kind < 20 && spans.length > 0) {
    length = Math.min(mutateField(target, specimen, other, draw), longestMutation)
    if (kind > 3) return length
  } else {
    target.set(bytes)
    length = bytes.length
    if (framed && kind < 26) return mutateHeader(target, length, draw)
  }
  for (let changes = draw(3); changes >= 0; changes--) {
    length = Math.min(mutateBytes(target, length, other.bytes, draw), longestMutation)
  }
  return length
}

const scratch = new Uint8Array(mutationRoom)

/**
 * A mutation of `specimen` as new bytes.
 *
 * ```ts
 * const broken = mutate(frameSpecimen(frame), frameSpecimen(another), (below) => prng.below(below))
 * ```
 *
 * @category mutation
 * @since 0.1.0
 */
export const mutate = (specimen: Specimen, other: Specimen, draw: Draw): Uint8Array =>
  scratch.slice(0, mutateInto(scratch, specimen, other, draw))
