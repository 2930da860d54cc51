/**
 * What is fuzzed: a decoder with its encoder, and the valid bytes that are changed for it.
 */
import { Arbitrary, Effect, type Result } from "effect"
import { readFileSync } from "node:fs"
import {
  decodeClientFrame,
  type DecodeError,
  decodeMessage,
  decodeServerFrame,
  encodeClientFrame,
  encodeMessage,
  encodeServerFrame
} from "../src/index.ts"
import { Limits } from "../src/Limits.ts"
import { messageInfo } from "../src/Protobuf.ts"
import {
  clientFrames,
  frameSpecimen,
  message,
  messageSchemas,
  messageSpecimen,
  serverFrames,
  type Specimen
} from "../src/testing.ts"

/** A decoder and the encoder that undoes it. */
export interface Codec {
  /** `client`, `server`, or the name of a message. */
  readonly name: string
  readonly decode: (bytes: Uint8Array) => Result.Result<unknown, DecodeError>
  readonly encode: (value: never) => Uint8Array
}

/** What of the codec is fuzzed, and with what. */
export interface Target {
  readonly codec: Codec
  readonly specimens: ReadonlyArray<Specimen>
}

/** Both directions of frames, and the messages that travel in boxes. */
export interface Targets {
  readonly frames: readonly [client: Target, server: Target]
  readonly messages: ReadonlyArray<Target>
}

interface Vectors {
  readonly frames: ReadonlyArray<{ readonly direction: "c2s" | "s2c"; readonly hex?: string }>
  readonly envelopes: ReadonlyArray<{ readonly plaintext: string }>
  readonly encrypted: ReadonlyArray<{ readonly message: string; readonly plaintext: string }>
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("../test/vectors.json", import.meta.url), "utf8"))

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

const frameVectors = (direction: "c2s" | "s2c"): ReadonlyArray<Specimen> =>
  vectors.frames.flatMap((vector) =>
    vector.direction === direction && vector.hex !== undefined ? [frameSpecimen(fromHex(vector.hex))] : []
  )

const messageVectors = (name: string): ReadonlyArray<Specimen> =>
  [...vectors.envelopes.map(({ plaintext }) => ({ message: "d2d.Envelope", plaintext })), ...vectors.encrypted].flatMap(
    (vector) =>
      vector.message === name || `d2d.${vector.message}` === name ? [messageSpecimen(fromHex(vector.plaintext))] : []
  )

/** How many generated specimens there are of each frame and of each message. */
const perKind = 24

/** Of longer ones only one in so many is kept: copying them would be most of what a run does. */
const longest = 2048
const longOnesKept = 8

const sample = <A>(
  arbitrary: Arbitrary.Arbitrary<A>,
  seed: string,
  encode: (value: A) => Uint8Array
): ReadonlyArray<Uint8Array> => {
  const values = Effect.runSync(Arbitrary.sampleEffect(arbitrary, { count: perKind, seed, size: 8 }))
  let long = 0
  return values.map(encode).filter((bytes) => {
    if (bytes.length > Limits.frame) return false
    return bytes.length <= longest || long++ % longOnesKept === 0
  })
}

const framesOf = <Frame>(frames: object, encode: (frame: Frame) => Uint8Array, seed: number): ReadonlyArray<Specimen> =>
  Object.entries(frames as Readonly<Record<string, Arbitrary.Arbitrary<Frame>>>).flatMap(([tag, arbitrary]) =>
    sample(arbitrary, `${seed} ${tag}`, encode).map(frameSpecimen)
  )

/** The codecs of both directions. */
export const clientCodec: Codec = {
  name: "client",
  decode: decodeClientFrame,
  encode: encodeClientFrame
}

export const serverCodec: Codec = {
  name: "server",
  decode: decodeServerFrame,
  encode: encodeServerFrame
}

/** The codecs of all messages that are not frames. */
export const messageCodecs: ReadonlyArray<Codec> = messageSchemas.map((schema) => ({
  name: messageInfo(schema).name,
  decode: (bytes) => decodeMessage(schema, bytes),
  encode: (value) => encodeMessage(schema, value)
}))

const makeTargets = (seed: number): Targets => ({
  frames: [
    {
      codec: clientCodec,
      specimens: [...frameVectors("c2s"), ...framesOf(clientFrames, encodeClientFrame, seed)]
    },
    {
      codec: serverCodec,
      specimens: [...frameVectors("s2c"), ...framesOf(serverFrames, encodeServerFrame, seed)]
    }
  ],
  messages: messageSchemas.map((schema, index) => {
    const codec = messageCodecs[index]!
    const values = sample(message(schema), `${seed} ${codec.name}`, (value) => encodeMessage(schema, value))
    return { codec, specimens: [...messageVectors(codec.name), ...values.map(messageSpecimen)] }
  })
})

let last: { readonly seed: number; readonly targets: Targets } | undefined

/** Everything that is fuzzed, with specimens that follow from the seed. */
export const targetsOf = (seed: number): Targets => {
  if (last?.seed !== seed) last = { seed, targets: makeTargets(seed) }
  return last.targets
}
