/**
 * Arbitraries of bytes that are nearly a frame or a message.
 *
 * Owns how chance becomes a mutation that can shrink: the draws are part of the generated value, fewer and smaller ones
 * change less.
 *
 * @since 0.1.0
 */
import { Arbitrary, Schema } from "effect"
import { encodeClientFrame } from "../ClientFrame.ts"
import { Limits } from "../Limits.ts"
import type { MessageSchema } from "../Protobuf.ts"
import { encodeMessage } from "../ProtobufCodec.ts"
import { encodeServerFrame } from "../ServerFrame.ts"
import { clientFrame, serverFrame } from "./Frame.ts"
import { message, type MessageOptions } from "./Message.ts"
import { type Draw, frameSpecimen, messageSpecimen, mutate, type Specimen } from "./Mutation.ts"

const draws = Arbitrary.schema(
  Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))).check(
    Schema.isBetweenLength(24, 24)
  )
)

/** Takes one number after the other; there is always another 0. */
const drawFrom = (numbers: ReadonlyArray<number>): Draw => {
  let next = 0
  return (below) => (numbers[next++] ?? 0) % below
}

const almost = (specimen: Arbitrary.Arbitrary<Specimen>): Arbitrary.Arbitrary<Uint8Array> =>
  Arbitrary.map(Arbitrary.all([specimen, specimen, draws]), ([valid, other, numbers]) =>
    mutate(valid, other, drawFrom(numbers))
  )

/**
 * Bytes that are nearly a frame from a client, at times one: at most 65792 of them.
 *
 * @category bytes
 * @since 0.1.0
 */
export const almostClientFrame: Arbitrary.Arbitrary<Uint8Array> = almost(
  Arbitrary.map(clientFrame, (frame) => frameSpecimen(encodeClientFrame(frame)))
)

/**
 * Bytes that are nearly a frame from the mediator, at times one: at most 65792 of them.
 *
 * @category bytes
 * @since 0.1.0
 */
export const almostServerFrame: Arbitrary.Arbitrary<Uint8Array> = almost(
  Arbitrary.map(serverFrame, (frame) => frameSpecimen(encodeServerFrame(frame)))
)

/**
 * Bytes that are nearly a message of a schema, at times one: what a box may hold once it is open.
 *
 * @category bytes
 * @since 0.1.0
 */
export const almostMessage = <S extends MessageSchema>(
  schema: S,
  options?: MessageOptions
): Arbitrary.Arbitrary<Uint8Array> =>
  almost(
    Arbitrary.map(
      Arbitrary.filter(
        Arbitrary.map(message(schema, options), (value) => encodeMessage(schema, value)),
        (bytes) => bytes.length <= Limits.frame
      ),
      messageSpecimen
    )
  )
