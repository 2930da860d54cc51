/**
 * Messages of the tests' own, with one field of each kind, and what the tests do with them.
 */
import { Schema } from "effect"
import type { DecodeError } from "../src/DecodeError.ts"
import * as Protobuf from "../src/Protobuf.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { failed, hex, succeeded } from "./frame-vectors.ts"
import { concat } from "./wire-bytes.ts"

export const Colour = Protobuf.openEnum("test.Colour", { RED: 0, GREEN: 1, NEGATIVE: -3 })

export class Inner extends Schema.Opaque<Inner>()(
  Protobuf.message("test.Inner", "A message in a message", {
    name: Protobuf.string(1, "A name"),
    count: Protobuf.uint32(2, "A count"),
    tags: Protobuf.repeated(Protobuf.string(3, "Tags")),
    size: Protobuf.uint64(4, "A size")
  })
) {}

export class Outer extends Schema.Opaque<Outer>()(
  Protobuf.message("test.Outer", "One field of each kind", {
    small: Protobuf.uint32(1, "A u32"),
    big: Protobuf.uint64(2, "A u64"),
    id: Protobuf.fixed64(3, "A u64 of 8 bytes"),
    flag: Protobuf.bool(4, "A flag"),
    text: Protobuf.string(5, "A text"),
    blob: Protobuf.bytes(6, "Bytes"),
    colour: Protobuf.enumeration(Colour, 7, "A colour"),
    maybeText: Protobuf.optional(Protobuf.string(8, "A text, if any")),
    maybeColour: Protobuf.optional(Protobuf.enumeration(Colour, 9, "A colour, if any")),
    inner: Protobuf.embed(Inner, 10, "A message"),
    texts: Protobuf.repeated(Protobuf.string(11, "Texts")),
    inners: Protobuf.repeated(Protobuf.embed(Inner, 12, "Messages")),
    byDevice: Protobuf.mapByDeviceId(Protobuf.embed(Inner, 13, "Messages by device")),
    byName: Protobuf.mapByString(Protobuf.enumeration(Colour, 14, "Colours by name")),
    choice: Protobuf.oneof("One of three", {
      word: Protobuf.string(15, "A word"),
      number: Protobuf.uint32(16, "A number"),
      message: Protobuf.embed(Inner, 17, "A message")
    }),
    maybeBlob: Protobuf.optional(Protobuf.bytes(18, "Bytes, if any")),
    maybeBig: Protobuf.optional(Protobuf.uint64(19, "A u64, if any")),
    blobs: Protobuf.repeated(Protobuf.bytes(20, "Several bytes"))
  })
) {}

export class Exact extends Schema.Opaque<Exact>()(
  Protobuf.message("test.Exact", "Bytes of one length", { key: Protobuf.fixedBytes(4, 2, "A key") })
) {}

export const decode = (...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>): Outer =>
  succeeded(decodeMessage(Outer, concat(...parts)))

export const refused = (...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>): DecodeError =>
  failed(decodeMessage(Outer, concat(...parts)))

export const outer = (fields: Parameters<typeof Outer.make>[0]): Outer => Outer.make(fields)

export const encode = (fields: Parameters<typeof Outer.make>[0]): string => hex(encodeMessage(Outer, outer(fields)))

export const inner = (fields: Parameters<typeof Inner.make>[0] = {}): Inner => Inner.make(fields)
