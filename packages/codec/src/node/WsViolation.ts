/**
 * What breaks the rules of WebSocket, as the library `ws` tells it.
 * Owns the close code for each of its errors, which both sides need.
 *
 * @since 0.1.0
 */

/**
 * The code that `ws` closes with when it does not accept what it read, told by the `code` of its error (RFC 6455, 7.4.1);
 * `undefined` for an error that is about something else.
 *
 * @example
 * ```ts
 * import { violationCode } from "@d2m/codec/node"
 *
 * console.log(violationCode("WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"), violationCode("ECONNRESET")) // 1009 undefined
 * ```
 *
 * @category predicates
 * @since 0.1.0
 */
export const violationCode = (code: string | undefined): number | undefined => {
  switch (code) {
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
      return 1009
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return 1008
    case "WS_ERR_INVALID_UTF8":
      return 1007
    default:
      return code?.startsWith("WS_ERR_") === true ? 1002 : undefined
  }
}
