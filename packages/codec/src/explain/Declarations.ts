/**
 * All declarations of the wire in one place: frames by type, messages and enums by name.
 *
 * Owns nothing but the lists: they are gathered from the modules that declare, so that a new declaration is in byte maps
 * and documents without being named again.
 *
 * @since 0.1.0
 */
import { Predicate } from "effect"
import * as ClientUrlInfo from "../ClientUrlInfo.ts"
import { type ContainerInfo, containerInfo } from "../Container.ts"
import * as Devices from "../frames/Devices.ts"
import * as Handshake from "../frames/Handshake.ts"
import { clientFrames, serverFrames } from "../frames/index.ts"
import * as Common from "../messages/Common.ts"
import * as D2d from "../messages/D2d.ts"
import * as D2dJoin from "../messages/D2dJoin.ts"
import * as Sync from "../messages/Sync.ts"
import { enumName, messageInfo, type MessageSchema, openEnum, type OpenEnum } from "../Protobuf.ts"

/**
 * A declared frame: its schema and what its annotation says.
 *
 * @category models
 * @since 0.1.0
 */
export interface FrameDeclaration extends ContainerInfo {
  /** The `_tag` of a decoded frame. */
  readonly tag: string
  readonly schema: MessageSchema
}

const tagOf = (schema: MessageSchema): string =>
  (schema.fields["_tag"] as unknown as { readonly schema: { readonly literal: string } }).schema.literal

const declared = (schema: MessageSchema): FrameDeclaration => ({
  ...containerInfo(schema)!,
  tag: tagOf(schema),
  schema
})

/**
 * All frames, by type.
 *
 * @category declarations
 * @since 0.1.0
 */
export const frames: ReadonlyMap<number, FrameDeclaration> = new Map(
  [...clientFrames, ...serverFrames]
    .map((schema) => declared(schema))
    .toSorted((a, b) => a.type - b.type)
    .map((frame) => [frame.type, frame])
)

/** The type bytes by the protocol's names. */
export const frameTypes: OpenEnum = openEnum(
  "type of a frame",
  Object.fromEntries(Array.from(frames.values(), ({ name, type }) => [name, type]))
)

const exported: ReadonlyArray<unknown> = [Handshake, Devices, ClientUrlInfo, D2d, Sync, Common, D2dJoin].flatMap(
  (module) => Object.values<unknown>({ ...module })
)

const isMessage = (value: unknown): value is MessageSchema =>
  Predicate.hasProperty(value, "fields") &&
  Predicate.hasProperty(value, "ast") &&
  messageInfo(value as unknown as MessageSchema) !== undefined

const isEnum = (value: unknown): value is OpenEnum =>
  Predicate.isObject(value) && !Array.isArray(value) && typeof enumName(value as OpenEnum) === "string"

/**
 * All messages by full protobuf name, those of frames included.
 *
 * @category declarations
 * @since 0.1.0
 */
export const messages: ReadonlyMap<string, MessageSchema> = new Map(
  [
    ...[...frames.values()].filter(({ body }) => body._tag === "Protobuf").map(({ schema }) => schema),
    ...exported.filter(isMessage)
  ].map((schema) => [messageInfo(schema).name, schema])
)

/**
 * All enums by full protobuf name.
 *
 * @category declarations
 * @since 0.1.0
 */
export const enums: ReadonlyMap<string, OpenEnum> = new Map(
  exported.filter(isEnum).map((values) => [enumName(values), values])
)

/**
 * The frame that a decoded value is, by its `_tag`; none for `Unknown`.
 *
 * @category getters
 * @since 0.1.0
 */
export const frameOfTag = (tag: string): FrameDeclaration | undefined => byTag.get(tag)

const byTag: ReadonlyMap<string, FrameDeclaration> = new Map([...frames.values()].map((frame) => [frame.tag, frame]))
