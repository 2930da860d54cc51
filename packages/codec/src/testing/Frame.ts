/**
 * Arbitraries of frames, derived from their declarations.
 *
 * Owns the bound of 65536 bytes: every generated frame can be sent. Frames of both directions come apart and by name.
 *
 * @since 0.1.0
 */
import { Arbitrary, Result } from "effect"
import { ClientFrame, encodeClientFrameResult } from "../ClientFrame.ts"
import { type ContainerInfo, containerInfo } from "../Container.ts"
import { clientFrames as clientSchemas, serverFrames as serverSchemas } from "../frames/index.ts"
import { Limits } from "../Limits.ts"
import { type MessageSchema } from "../Protobuf.ts"
import { encodeServerFrameResult, ServerFrame } from "../ServerFrame.ts"
import { type StructField, structFieldOf } from "../Struct.ts"
import { messageFields } from "./Message.ts"
import { bytes, choice, element, u16, u32, u64 } from "./Value.ts"

type Fields = Readonly<Record<string, unknown>>

const structValue = (field: StructField): Arbitrary.Arbitrary<unknown> => {
  switch (field.type) {
    case "u16":
      return u16
    case "u32":
      return u32
    case "u64":
      return u64
    case "rest":
      return bytes(Limits.payload - field.at)
  }
}

const structFields = (schema: MessageSchema, tag: string): Arbitrary.Arbitrary<Fields> => {
  const values: Record<string, Arbitrary.Arbitrary<unknown>> = {}
  for (const [name, property] of Object.entries(schema.fields)) {
    const field = structFieldOf(property as never)
    if (field !== undefined) values[name] = structValue(field)
  }
  return Arbitrary.map(Arbitrary.all(values), (generated) => ({ _tag: tag, ...generated }))
}

const framesOf = (info: ContainerInfo, schema: MessageSchema, tag: string): Arbitrary.Arbitrary<Fields> =>
  // A field of full length leaves no room for others: such a frame is filtered out below.
  info.body._tag === "Struct" ? structFields(schema, tag) : messageFields(schema, Limits.payload - 0x80, tag)

const knownTypes = new Set([...clientSchemas, ...serverSchemas].map((schema) => containerInfo(schema)!.type))

const unknownFrame = Arbitrary.map(
  Arbitrary.all([
    element(Array.from({ length: 0x100 }, (_, type) => type).filter((type) => !knownTypes.has(type))),
    bytes(Limits.payload)
  ]),
  ([type, payload]): Fields => ({ _tag: "Unknown", type, payload })
)

type ByName<Cases> = {
  readonly [Tag in keyof Cases]: Arbitrary.Arbitrary<Cases[Tag] extends { readonly Type: infer A } ? A : never>
}

const byName = <Cases extends object, Frame>(
  cases: Cases,
  encode: (frame: Frame) => Result.Result<Uint8Array, unknown>
): ByName<Cases> => {
  const fits = (frame: Fields): boolean => Result.isSuccess(encode(frame as Frame))
  const frames: Record<string, Arbitrary.Arbitrary<Fields>> = {}
  for (const [tag, schema] of Object.entries(cases)) {
    const info = containerInfo(schema as MessageSchema)
    frames[tag] =
      info === undefined ? unknownFrame : Arbitrary.filter(framesOf(info, schema as MessageSchema, tag), fits)
  }
  return frames as ByName<Cases>
}

/**
 * Frames that a client sends, by tag: `clientFrames.Reflect`. An `Unknown` frame has a type that nobody defines.
 *
 * @category frames
 * @since 0.1.0
 */
export const clientFrames = byName(ClientFrame.cases, encodeClientFrameResult)

/**
 * Frames that the mediator sends, by tag: `serverFrames.Reflected`. An `Unknown` frame has a type that nobody defines.
 *
 * @category frames
 * @since 0.1.0
 */
export const serverFrames = byName(ServerFrame.cases, encodeServerFrameResult)

/**
 * Any frame that a client may send, `Unknown` ones included; at most 65536 bytes when encoded.
 *
 * @category frames
 * @since 0.1.0
 */
export const clientFrame: Arbitrary.Arbitrary<ClientFrame> = choice<ClientFrame>(Object.values(clientFrames))

/**
 * Any frame that the mediator may send, `Unknown` ones included; at most 65536 bytes when encoded.
 *
 * @category frames
 * @since 0.1.0
 */
export const serverFrame: Arbitrary.Arbitrary<ServerFrame> = choice<ServerFrame>(Object.values(serverFrames))
