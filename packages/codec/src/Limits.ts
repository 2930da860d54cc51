/**
 * Sizes of the wire, in bytes.
 *
 * Owns the numbers that follow from the layout of frames and boxes (PROTOCOL A3, A4, B2, B3). Limits that a mediator or
 * a device may choose, such as deadlines and queue lengths, are options of those packages.
 *
 * @since 0.1.0
 */

const containerHeader = 4
const reflectHeader = 8
const reflectedHeader = 16
const nonce = 24
const mac = 16
const challenge = 32
const boxOverhead = nonce + mac
const frame = 65_536
const payload = frame - containerHeader
const envelope = payload - reflectedHeader

/**
 * Sizes in bytes, each derived from the ones above it where it can be.
 *
 * @category constants
 * @since 0.1.0
 */
export const Limits = {
  /** The largest container, header included: 65536. */
  frame,
  /** The container header, and so the smallest container: type byte and three reserved bytes. */
  containerHeader,
  /** The largest payload of a container: 65532. */
  payload,
  /** The header of a `reflect` payload, its `header-length` as written today: 8. */
  reflectHeader,
  /** The header of a `reflected` payload, its `header-length` as written today: 16. */
  reflectedHeader,
  /** The largest sealed envelope that fits into a `reflect`: 65524. It is not deliverable; see `envelope`. */
  reflectEnvelope: payload - reflectHeader,
  /**
   * The largest sealed envelope that is deliverable: 65516.
   *
   * A `reflected` header is 8 bytes longer than a `reflect` header, so its room decides for both directions.
   */
  envelope,
  /**
   * The largest envelope before sealing, padding included: 65476 (decision 1).
   *
   * The published 65492 subtracts the nonce only and forgets the 16 bytes of the Poly1305 tag: an envelope of that size
   * becomes a frame of 65552 bytes, which receivers discard.
   */
  plainEnvelope: envelope - boxOverhead,
  /** What sealing adds: nonce and tag, 40. Also the smallest box, that of an empty plaintext. */
  boxOverhead,
  /** The nonce of a box: 24. */
  nonce,
  /** The Poly1305 tag of a box: 16. */
  mac,
  /** Every key, secret or public, and the device group id: 32. */
  key: 32,
  /** The challenge of a ServerHello: 32. */
  challenge,
  /** The response of a ClientHello: the challenge in a box, 72. */
  response: boxOverhead + challenge,
  /** The longest reason of a WebSocket close frame, in bytes of UTF-8: 123 (RFC 6455, 125 less the code). */
  closeReason: 123
} as const
