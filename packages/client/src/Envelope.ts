/**
 * What devices say to each other, and its way into and out of a box.
 * Owns content, padding, sealing and opening of `d2d.Envelope` (PROTOCOL A6, B3).
 * Leaves nonces, their store, and what becomes of a box that does not open to others.
 */
import {
  type BoxKey,
  type Crypto,
  D2d,
  decodeMessage,
  type DeviceId,
  EncodeError,
  encodeMessageResult,
  encodeReflectInPlace,
  isEphemeral,
  Limits,
  paddingFieldLength,
  putPadding,
  type Reflected,
  reflectEnvelopeAt,
  type ReflectId,
  type ReflectedId,
  type Timestamp
} from "@d2m/codec"
import { Effect, Predicate, Result, Schema, SchemaTransformation } from "effect"

/**
 * What one reflects: one of the contents of a `d2d.Envelope`, e.g. `{ _tag: "outgoingMessage", value: … }`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Content: Schema.Codec<Content> = D2d.Envelope.fields.content.schema

/**
 * What one envelope carries: the one message of its `content`.
 *
 * @category models
 * @since 0.1.0
 */
export type Content = NonNullable<D2d.Envelope["content"]>

/**
 * A content on its way back to the application that gave it. What could be written is not looked at again: the wire has a
 * form for more than {@link Content} does, such as an optional field that is `undefined`.
 *
 * @internal
 */
export const GivenContent: Schema.Codec<Content> = Schema.declare<Content>(
  (input): input is Content => Predicate.isObject(input),
  { expected: "Content", toCodecJson: () => Schema.link<Content>()(Content, SchemaTransformation.passthrough()) }
)

/**
 * A message that another device of the group reflected, opened.
 *
 * Byte fields in `content` are views of the opened message, which nobody else uses.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReflectedMessage {
  /** Absent when the sender's version knows more contents than this one. */
  readonly content: Content | undefined
  /** The device that reflected it, 0 when it did not say. */
  readonly sender: DeviceId
  /** When the mediator took it, milliseconds since 1970; the sender's `reflect` resolved with the same. */
  readonly timestamp: Timestamp
  /** Its number in this device's queue; the same at each redelivery. */
  readonly reflectedId: ReflectedId
  /** Whether it was only for who was connected. */
  readonly ephemeral: boolean
  /** D2D version of the sender: high byte major, low byte minor, 0 for V0.1. */
  readonly protocolVersion: number
}

/**
 * An envelope is larger than 65476 bytes before it is sealed; nothing was encrypted or sent (decision 1).
 *
 * @category errors
 * @since 0.1.0
 */
export class EnvelopeTooLarge extends Schema.TaggedError<EnvelopeTooLarge>("@d2m/client/EnvelopeTooLarge")(
  "EnvelopeTooLarge",
  { length: Schema.Int, limit: Schema.Int }
) {
  override get message(): string {
    return `an envelope holds at most ${this.limit} bytes, this one needs ${this.length}`
  }
}

/**
 * A content, the scope of a transaction or shared data hold a value that the wire has no form for; nothing was encrypted or
 * sent.
 *
 * `because` names the message and the field.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidContent extends Schema.TaggedError<InvalidContent>("@d2m/client/InvalidContent")("InvalidContent", {
  because: EncodeError
}) {
  override get message(): string {
    return `no message can hold this: ${this.because.message}`
  }
}

/**
 * Why no envelope holds a content.
 *
 * @category errors
 * @since 0.1.0
 */
export type ContentError = InvalidContent | EnvelopeTooLarge

/**
 * Writes a message, or says why that cannot be done.
 *
 * @internal
 */
export const encodeOrFail = <S extends Parameters<typeof encodeMessageResult>[0]>(
  schema: S,
  value: S["Type"]
): Effect.Effect<Uint8Array, InvalidContent> =>
  Effect.mapError(Effect.fromResult(encodeMessageResult(schema, value)), (because) => new InvalidContent({ because }))

const empty = new Uint8Array(0)

/** An envelope may come without a content, but none of ours does. */
const noContent = { within: "d2d.Envelope", field: "content", expected: "a content", found: "undefined" }

/**
 * Writes the envelope of a content, without padding.
 *
 * @internal
 */
export const encodeEnvelope = (
  content: Content | undefined,
  from: { readonly deviceId: DeviceId; readonly protocolVersion: number }
): Result.Result<Uint8Array, ContentError> => {
  if (content === undefined) return Result.fail(new InvalidContent({ because: new EncodeError(noContent) }))
  const { deviceId, protocolVersion } = from
  const plain = encodeMessageResult(D2d.Envelope, { padding: empty, content, deviceId, protocolVersion })
  if (Result.isFailure(plain)) return Result.fail(new InvalidContent({ because: plain.failure }))
  const { length } = plain.success
  return length > Limits.plainEnvelope
    ? Result.fail(new EnvelopeTooLarge({ length, limit: Limits.plainEnvelope }))
    : Result.succeed(plain.success)
}

/**
 * Random bytes that sealing an envelope takes: a nonce and the length of the padding.
 *
 * @internal
 */
export const envelopeEntropy = Limits.nonce + 1

/** What `sealReflects` makes a frame of. */
interface Unsealed {
  readonly plain: Uint8Array
  readonly flags: number
  readonly reflectId: ReflectId
  readonly nonce: Uint8Array
  /** A random byte, which says how much padding it gets. */
  readonly padding: number
}

/**
 * Pads and seals envelopes into reflect frames that are ready to be written. With another nonce, the same plain envelope
 * becomes another box (decision 22).
 *
 * All frames lie in one piece of memory, which lives as long as the write: a plaintext is copied once, to where it is
 * sealed, and a batch costs one allocation.
 *
 * @internal
 */
export const sealReflects = (
  crypto: Crypto["Service"],
  key: BoxKey<"dgrk">,
  reflects: ReadonlyArray<Unsealed>
): ReadonlyArray<Uint8Array> => {
  const around = reflectEnvelopeAt + Limits.boxOverhead
  const paddings: Array<number> = []
  let total = 0
  for (const { padding: wanted, plain } of reflects) {
    const padding = paddingFieldLength(plain.length, wanted, Limits.plainEnvelope)
    paddings.push(padding)
    total += around + padding + plain.length
  }
  const memory = new Uint8Array(total)
  let from = 0
  return reflects.map(({ flags, nonce, plain, reflectId }, n) => {
    const padding = paddings[n]!
    const frame = memory.subarray(from, from + around + padding + plain.length)
    from += frame.length
    putPadding(frame, around, padding)
    frame.set(plain, around + padding)
    crypto.sealInto(key, nonce, frame.subarray(around), frame, reflectEnvelopeAt)
    encodeReflectInPlace(frame, flags, reflectId)
    return frame
  })
}

/**
 * Why a reflected message cannot be handed on.
 *
 * @internal
 */
export interface Unopened {
  readonly reason: "Undecryptable" | "Malformed"
  readonly detail: string
}

/** @internal */
export const openReflected = (
  crypto: Crypto["Service"],
  key: BoxKey<"dgrk">,
  frame: Pick<Reflected, "envelope" | "flags" | "reflectedId" | "timestamp">
): Result.Result<ReflectedMessage, Unopened> => {
  const plain = crypto.open(key, frame.envelope)
  if (Result.isFailure(plain)) return Result.fail({ reason: "Undecryptable", detail: plain.failure.message })
  const envelope = decodeMessage(D2d.Envelope, plain.success)
  if (Result.isFailure(envelope)) return Result.fail({ reason: "Malformed", detail: envelope.failure.message })
  return Result.succeed({
    content: envelope.success.content,
    sender: envelope.success.deviceId as DeviceId,
    timestamp: frame.timestamp,
    reflectedId: frame.reflectedId,
    ephemeral: isEphemeral(frame.flags),
    protocolVersion: envelope.success.protocolVersion
  })
}
