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
import { MessageReader } from "./MessageReader.ts"
import * as Protobuf from "./Protobuf.ts"
import { decodeMessage, encodeMessage } from "./ProtobufCodec.ts"

const serverGroupNumber = 3

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
      serverGroupNumber,
      "Chat server group: one or more ASCII letters or digits, in practice two hex digits"
    )
  })
) {}

const within = "d2m.ClientUrlInfo"
const serverGroupTag = (serverGroupNumber << 3) | 2
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

const notHex = (segment: string): DecodeError => {
  const wrong = segment.search(/[^0-9A-Fa-f]/)
  return DecodeError.new({
    kind: "InvalidUrl",
    within,
    offset: wrong < 0 ? segment.length : wrong,
    expected: "hex digits",
    found: wrong < 0 ? "an odd number of digits" : "another character"
  })
}

/** Where the server group begins, of several the last one, which counts. */
const serverGroupAt = (bytes: Uint8Array): number | undefined => {
  const reader = new MessageReader(bytes, 0, within)
  let found: number | undefined
  while (reader.pos < bytes.length) {
    const at = reader.pos
    const tag = reader.tag()
    reader.skip(tag)
    if (tag === serverGroupTag) found = at
  }
  return found
}

const badGroup = (bytes: Uint8Array, found: string): DecodeError => {
  const at = serverGroupAt(bytes)
  return DecodeError.new({
    kind: "InvalidUrl",
    within,
    field: "serverGroup",
    offset: at ?? bytes.length,
    expected: someLetters,
    found: at === undefined ? "no such field" : found
  })
}

/**
 * Reads the last segment of a URL path, in either case.
 *
 * Fails with `InvalidUrl` for text that is not hex or a server group that is not alphanumeric, and like
 * {@link decodeMessage} for the bytes. Offsets count bytes of the message, and for text that is not hex its digits.
 *
 * @category codecs
 * @since 0.1.0
 */
export const fromUrlPath = (segment: string): Result.Result<ClientUrlInfo, DecodeError> => {
  const bytes = Hex.decode(segment)
  if (Result.isFailure(bytes)) return Result.fail(notHex(segment))
  const info = decodeMessage(ClientUrlInfo, bytes.success)
  if (Result.isFailure(info)) return info
  const found = flawOfGroup(info.success.serverGroup)
  return found === undefined ? info : Result.fail(badGroup(bytes.success, found))
}
