/**
 * What a device says of itself before the WebSocket is open: the last segment of the mediator's URL path.
 *
 * Owns the message and its lowercase hex form. Building a whole URL from a template is `MediatorUrl`'s.
 *
 * @since 0.1.0
 */
import { Result, Schema } from "effect"
import { Hex } from "effect/encoding"
import { DecodeError } from "./DecodeError.ts"
import { EncodeError } from "./EncodeError.ts"
import * as Protobuf from "./Protobuf.ts"
import { decodeMessage, encodeMessage } from "./ProtobufCodec.ts"

/**
 * Which group a device belongs to, and which chat servers (PROTOCOL A1).
 *
 * @category messages
 * @since 0.1.0
 */
export class ClientUrlInfo extends Schema.Opaque<ClientUrlInfo>()(
  Protobuf.message("d2m.ClientUrlInfo", "Which group a device belongs to; the hex of it ends the URL path", {
    deviceGroupId: Protobuf.fixedBytes(32, 1, "X25519 public key of DGPK: the id of the device group"),
    serverGroup: Protobuf.string(
      3,
      "Chat server group: one or more ASCII letters or digits, in practice two hex digits"
    )
  })
) {}

const within = "d2m.ClientUrlInfo"
const someLetters = "one or more ASCII letters or digits"

/** What a server group has that it cannot have, if anything; no mediator accepts it then (PROTOCOL A1). */
const flawOfGroup = (group: string): string | undefined => {
  if (group === "") return "no character"
  const wrong = group.search(/[^0-9A-Za-z]/)
  return wrong < 0 ? undefined : `another one as character ${wrong + 1} of ${group.length}`
}

/**
 * Writes the last segment of the URL path: lowercase hex of the serialized message. Throws an `EncodeError` unless the id has
 * 32 bytes and the server group is alphanumeric.
 *
 * @category codecs
 * @since 0.1.0
 */
export const toUrlPath = (info: ClientUrlInfo): string => {
  const bytes = encodeMessage(ClientUrlInfo, info)
  const found = flawOfGroup(info.serverGroup)
  if (found !== undefined) throw new EncodeError({ within, field: "serverGroup", expected: someLetters, found })
  return Hex.encode(bytes)
}

const invalid = (offset: number, expected: string, found: string, field?: string): DecodeError =>
  DecodeError.new({
    kind: "InvalidUrl",
    within,
    ...(field === undefined ? {} : { field }),
    offset,
    expected,
    found
  })

/**
 * Reads the last segment of a URL path, in either case.
 *
 * Fails with `InvalidUrl` for text that is not hex or a server group that is not alphanumeric, and like
 * {@link decodeMessage} for the bytes; offsets count bytes, not hex digits.
 *
 * @category codecs
 * @since 0.1.0
 */
export const fromUrlPath = (segment: string): Result.Result<ClientUrlInfo, DecodeError> => {
  const bytes = Hex.decode(segment)
  if (Result.isFailure(bytes)) return Result.fail(invalid(0, "an even number of hex digits", "other text"))
  const info = decodeMessage(ClientUrlInfo, bytes.success)
  if (Result.isFailure(info)) return info
  const found = flawOfGroup(info.success.serverGroup)
  return found === undefined ? info : Result.fail(invalid(0, someLetters, found, "serverGroup"))
}
