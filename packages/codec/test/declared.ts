/**
 * Every declared message, frames included, with its arbitrary and its codec over bare protobuf.
 */
import type { Arbitrary, Result } from "effect"
import { decodeClientFrame, encodeClientFrame } from "../src/ClientFrame.ts"
import { type ContainerInfo, containerInfo } from "../src/Container.ts"
import type { DecodeError } from "../src/DecodeError.ts"
import { clientFrames as clientSchemas, serverFrames as serverSchemas } from "../src/frames/index.ts"
import { messageInfo, type MessageSchema } from "../src/Protobuf.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { decodeServerFrame, encodeServerFrame } from "../src/ServerFrame.ts"
import { clientFrames, message, messageSchemas, serverFrames } from "../src/testing.ts"

export interface Declared {
  readonly name: string
  readonly schema: MessageSchema
  readonly values: Arbitrary.Arbitrary<object>
  readonly encode: (value: object) => Uint8Array
  readonly decode: (bytes: Uint8Array) => Result.Result<object, DecodeError>
}

type Frames = Readonly<Record<string, Arbitrary.Arbitrary<object>>>

const headerLength = 4

const framed = (
  schema: MessageSchema,
  info: ContainerInfo,
  values: Arbitrary.Arbitrary<object>,
  encode: (frame: never) => Uint8Array,
  decode: (bytes: Uint8Array) => Result.Result<object, DecodeError>
): Declared => ({
  name: messageInfo(schema).name,
  schema,
  values,
  encode: (value) => encode(value as never).subarray(headerLength),
  decode: (bytes) => {
    const frame = new Uint8Array(headerLength + bytes.length)
    frame[0] = info.type
    frame.set(bytes, headerLength)
    return decode(frame)
  }
})

const framesOf = (
  schemas: ReadonlyArray<MessageSchema>,
  arbitraries: Frames,
  encode: (frame: never) => Uint8Array,
  decode: (bytes: Uint8Array) => Result.Result<object, DecodeError>
): ReadonlyArray<Declared> =>
  schemas.flatMap((schema) => {
    const info = containerInfo(schema)!
    return info.body._tag === "Protobuf" ? [framed(schema, info, arbitraries[info.name]!, encode, decode)] : []
  })

export const declared: ReadonlyArray<Declared> = [
  ...messageSchemas.map((schema): Declared => ({
    name: messageInfo(schema).name,
    schema,
    values: message(schema) as Arbitrary.Arbitrary<object>,
    encode: (value) => encodeMessage(schema, value),
    decode: (bytes) => decodeMessage(schema, bytes) as Result.Result<object, DecodeError>
  })),
  ...framesOf(clientSchemas, clientFrames, encodeClientFrame, decodeClientFrame),
  ...framesOf(serverSchemas, serverFrames, encodeServerFrame, decodeServerFrame)
]
