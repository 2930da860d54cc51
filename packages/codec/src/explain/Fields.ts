/**
 * Decoded values as plain JSON: what `d2m inspect --json` prints, and what test vectors are written in.
 *
 * 64-bit numbers are decimal strings, bytes are lowercase hex under the field's name and `Hex`, repeated bytes an array
 * of hex, maps objects by key. Of a oneof the chosen member stands under its own name; which member of `content` it is
 * also stands under `content`, null for none.
 *
 * @since 0.1.0
 */
import { Result, type Schema } from "effect"
import { Hex } from "effect/encoding"
import type { BoxInfo } from "../Box.ts"
import type { ClientFrame } from "../ClientFrame.ts"
import type { BoxError } from "../Crypto.ts"
import type { DecodeError } from "../DecodeError.ts"
import { type Element, fieldsOf, type MessageSchema } from "../Protobuf.ts"
import { decodeMessage } from "../ProtobufCodec.ts"
import type { ServerFrame } from "../ServerFrame.ts"
import { structFieldOf } from "../Struct.ts"
import type { Opener } from "./BoxMap.ts"
import { frameOfTag, messages } from "./Declarations.ts"

/**
 * A JSON value.
 *
 * @category models
 * @since 0.1.0
 */
export type Json = string | number | boolean | null | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * A JSON object.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonObject {
  readonly [key: string]: Json
}

type Entry = readonly [name: string, value: Json]

/** Longer envelopes are told by their length alone. */
const longestEnvelope = 1024

const jsonOf = (element: Element, value: unknown): Json => {
  switch (element.type) {
    case "bytes":
      return Hex.encode(value as Uint8Array)
    case "message":
      return messageFieldsJson(element.schema, value as object)
    case "uint64":
    case "fixed64":
      return String(value)
    default:
      return value as number | boolean | string
  }
}

const named = (name: string, element: Element, value: unknown): Entry => [
  element.type === "bytes" ? `${name}Hex` : name,
  jsonOf(element, value)
]

/**
 * A decoded message as JSON.
 *
 * @category getters
 * @since 0.1.0
 */
export const messageFieldsJson = (schema: MessageSchema, message: object): JsonObject =>
  Object.fromEntries(
    fieldsOf(schema).flatMap(([name, field]): ReadonlyArray<Entry> => {
      const value = (message as Readonly<Record<string, unknown>>)[name]
      if (field.label === "oneof") {
        const chosen = value as { readonly _tag: string; readonly value: unknown } | undefined
        const entry = chosen === undefined ? [] : [named(chosen._tag, field.cases[chosen._tag]!.element, chosen.value)]
        return name === "content" ? [[name, chosen?._tag ?? null], ...entry] : entry
      }
      if (value === undefined) return []
      switch (field.label) {
        case "repeated":
          return [[name, (value as ReadonlyArray<unknown>).map((item) => jsonOf(field.element, item))]]
        case "map":
          return [
            [
              name,
              Object.fromEntries(
                Array.from(value as ReadonlyMap<unknown, unknown>, ([key, item]) => [
                  String(key),
                  jsonOf(field.element, item)
                ])
              )
            ]
          ]
        default:
          return [named(name, field.element, value)]
      }
    })
  )

const structFieldsJson = (schema: MessageSchema, frame: object): JsonObject =>
  Object.fromEntries(
    Object.entries(schema.fields).flatMap(([name, property]): ReadonlyArray<Entry> => {
      const field = structFieldOf(property as Schema.Top)
      if (field === undefined) return []
      const value = (frame as Readonly<Record<string, unknown>>)[name]
      if (!(value instanceof Uint8Array)) return [[name, field.type === "u64" ? String(value) : (value as number)]]
      return field.box !== undefined && value.length > longestEnvelope
        ? [[`${name}Length`, value.length]]
        : [[`${name}Hex`, Hex.encode(value)]]
    })
  )

/**
 * A decoded frame as its protocol name and JSON fields; a frame of unknown type is `unknown` with its `payloadHex`. An
 * envelope of more than 1 KiB is told by its `envelopeLength` alone.
 *
 * @category getters
 * @since 0.1.0
 */
export const frameFieldsJson = (
  frame: ClientFrame | ServerFrame
): { readonly name: string; readonly fields: JsonObject } => {
  if (frame._tag === "Unknown") return { name: "unknown", fields: { payloadHex: Hex.encode(frame.payload) } }
  const { body, name, schema } = frameOfTag(frame._tag)!
  return { name, fields: body._tag === "Struct" ? structFieldsJson(schema, frame) : messageFieldsJson(schema, frame) }
}

/**
 * What the boxes of a frame hold, each under the name of its field: decoded plaintexts in `opened`, the reasons of the
 * others in `unopened`. Empty fields and boxes whose key is not at hand are in neither.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenedBoxes {
  readonly opened: JsonObject
  readonly unopened: JsonObject
}

/** An error as JSON. */
const errorJson = (error: DecodeError | BoxError): JsonObject => ({
  _tag: error._tag,
  ...(error._tag === "DecodeError" ? { offset: error.offset } : {}),
  reason: error.message
})

const nothing: OpenedBoxes = { opened: {}, unopened: {} }

const under = (name: string, { opened, unopened }: OpenedBoxes): OpenedBoxes => ({
  opened: Object.keys(opened).length === 0 ? {} : { [name]: opened },
  unopened: Object.keys(unopened).length === 0 ? {} : { [name]: unopened }
})

const together = (all: ReadonlyArray<OpenedBoxes>): OpenedBoxes => ({
  opened: Object.assign({}, ...all.map(({ opened }) => opened)) as JsonObject,
  unopened: Object.assign({}, ...all.map(({ unopened }) => unopened)) as JsonObject
})

const openBox = (name: string, box: BoxInfo | undefined, value: unknown, open: Opener): OpenedBoxes => {
  if (box === undefined || !(value instanceof Uint8Array) || value.length === 0) return nothing
  const plain = open(box, value)
  if (plain === undefined) return nothing
  if (Result.isFailure(plain)) return { opened: {}, unopened: { [name]: errorJson(plain.failure) } }
  const schema = messages.get(box.holds)
  if (schema === undefined) return { opened: { [`${name}Hex`]: Hex.encode(plain.success) }, unopened: {} }
  const decoded = decodeMessage(schema, plain.success)
  return Result.isSuccess(decoded)
    ? { opened: { [name]: messageFieldsJson(schema, decoded.success as object) }, unopened: {} }
    : { opened: {}, unopened: { [name]: errorJson(decoded.failure) } }
}

const openMessage = (schema: MessageSchema, message: object, open: Opener): OpenedBoxes =>
  together(
    fieldsOf(schema).map(([name, field]) => {
      const value = (message as Readonly<Record<string, unknown>>)[name]
      if (value === undefined || field.label === "oneof") return nothing
      const { element } = field
      if (element.type === "bytes" && field.label !== "map") return openBox(name, element.box, value, open)
      if (element.type !== "message") return nothing
      if (field.label !== "map") return nothing
      const entries = Array.from(value as ReadonlyMap<unknown, object>, ([key, item]) =>
        under(String(key), openMessage(element.schema, item, open))
      )
      return under(name, together(entries))
    })
  )

/**
 * Opens the boxes of a decoded frame.
 *
 * @category getters
 * @since 0.1.0
 */
export const openedJson = (frame: ClientFrame | ServerFrame, open: Opener): OpenedBoxes => {
  if (frame._tag === "Unknown") return nothing
  const { body, schema } = frameOfTag(frame._tag)!
  if (body._tag === "Protobuf") return openMessage(schema, frame, open)
  const values: Readonly<Record<string, unknown>> = { ...frame }
  return together(
    Object.entries(schema.fields).map(([name, property]) =>
      openBox(name, structFieldOf(property as Schema.Top)?.box, values[name], open)
    )
  )
}
