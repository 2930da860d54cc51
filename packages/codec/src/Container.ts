/**
 * Declares what a frame's payload is: its type byte, its direction and how its body is laid out.
 *
 * A frame is one WebSocket binary message: type (u8), three reserved bytes, payload to the end (PROTOCOL A3). This
 * module owns the vocabulary; `FrameCodec` compiles the frames of one direction.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { constructing } from "./Constructor.ts"
import * as Protobuf from "./Protobuf.ts"
import { containerHeaderLength, reserved, type StructFiller } from "./Struct.ts"

/**
 * Who sends a frame.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "client-to-server" | "server-to-client" | "both"

/**
 * What the wire annotation of a frame holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContainerInfo {
  /** The protocol's own name of the payload, as documents and byte maps show it. */
  readonly name: string
  readonly type: number
  readonly direction: Direction
  readonly meaning: string
  readonly body:
    | { readonly _tag: "Struct"; readonly fillers: ReadonlyArray<StructFiller> }
    | {
        readonly _tag: "Protobuf"
      }
}

/**
 * The bytes before every payload; offsets are those of the frame.
 *
 * @category constants
 * @since 0.1.0
 */
export const containerFields = [
  { name: "type", at: 0, length: 1, meaning: "What the payload is" },
  { name: "reserved", at: 1, length: containerHeaderLength - 1, meaning: reserved(1, 3).meaning }
] as const

const containerKey = "d2m/container"

/**
 * Declares a frame whose payload is a packed struct. Its `make` throws an `EncodeError` at a value that a field cannot hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const structFrame = <const Tag extends string, const Fields extends Schema.Struct.Fields>(
  tag: Tag,
  info: Omit<ContainerInfo, "body"> & { readonly fillers?: ReadonlyArray<StructFiller> },
  fields: Fields
): Schema.TaggedStruct<Tag, Fields> => {
  const { fillers = [], ...rest } = info
  const container: ContainerInfo = { ...rest, body: { _tag: "Struct", fillers } }
  return constructing(
    info.name,
    Schema.TaggedStruct(tag, fields).annotate({ [containerKey]: container, identifier: tag })
  )
}

/**
 * Declares a frame whose payload is a protobuf message of the package `d2m`. Its `make` fills in what has a default, and
 * throws an `EncodeError` at a value that a field cannot hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const protobufFrame = <const Tag extends string, const Fields extends Schema.Struct.Fields>(
  tag: Tag,
  info: Omit<ContainerInfo, "body" | "name">,
  fields: Fields
): Schema.TaggedStruct<Tag, Fields> => {
  const container: ContainerInfo = { ...info, name: tag, body: { _tag: "Protobuf" } }
  const name = `d2m.${tag}`
  const message = Protobuf.message(name, info.meaning, { _tag: Schema.tag(tag), ...fields })
  return constructing(name, message.annotate({ [containerKey]: container }))
}

/**
 * Reads the wire annotation of a frame; the `Unknown` frames have none.
 *
 * @category getters
 * @since 0.1.0
 */
export const containerInfo = (schema: Schema.Top): ContainerInfo | undefined =>
  Schema.resolveAnnotations(schema)?.[containerKey] as ContainerInfo | undefined
