/**
 * Generated frames, messages and near misses of them, for the tests of whoever speaks D2M.
 *
 * Everything here is an `effect/Arbitrary`, so it goes where a Schema goes in `it.effect.prop` and shrinks when a
 * property fails. All of it follows from the declarations: a field that is added to a message is generated from then
 * on.
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { D2d, decodeMessage, decodeServerFrame, encodeMessage } from "@d2m/codec"
 * import { almostServerFrame, message, serverFrames } from "@d2m/codec/testing"
 * import { Effect, Result } from "effect"
 *
 * // Any reflected message that the mediator could send.
 * it.effect.prop("handles what is reflected", { frame: serverFrames.Reflected }, ({ frame }) =>
 *   Effect.sync(() => assert.isAtMost(frame.envelope.length, 65_516))
 * )
 *
 * // Any message of the protocol, by its schema.
 * it.prop("envelopes survive", { envelope: message(D2d.Envelope) }, ({ envelope }) => {
 *   const written = encodeMessage(D2d.Envelope, envelope)
 *   assert.deepStrictEqual(decodeMessage(D2d.Envelope, written), Result.succeed(envelope))
 * })
 *
 * // Bytes that are nearly a frame: most of them fail deep inside the decoder.
 * it.prop("refuses, but never throws", { bytes: almostServerFrame }, ({ bytes }) => {
 *   assert.isTrue(Result.isResult(decodeServerFrame(bytes)))
 * })
 * ```
 *
 * @since 0.1.0
 */
export * from "./testing/AlmostFrame.ts"
export * from "./testing/Frame.ts"
export { message, type MessageOptions, messageSchemas } from "./testing/Message.ts"
export * from "./testing/Mutation.ts"
export * from "./testing/Value.ts"
export * from "./testing/WireSpans.ts"
