/**
 * The messages as other protobuf libraries know them, built from the codec's own declarations.
 *
 * `protobufjs` compiles each message with the generator that its command line writes static modules with, so its
 * functions are the same ones as in generated code. `@bufbuild/protobuf` has no generated functions at all: its
 * generated code is a descriptor, and so is what is built here.
 */
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary
} from "@bufbuild/protobuf"
import {
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema
} from "@bufbuild/protobuf/wkt"
import { Protobuf } from "@d2m/codec"
import protobufjs from "protobufjs"

/** A library's way of writing and reading one message. */
export interface Peer<A> {
  readonly encode: (value: A) => Uint8Array
  readonly decode: (bytes: Uint8Array) => A
}

type Schema = Protobuf.MessageSchema

/** One name for the nested types of a package as for the others. */
const flat = (name: string): string => name.replaceAll(".", "_")

const nameOf = (schema: Schema): string => flat(Protobuf.messageInfo(schema).name)

interface Numbered {
  readonly name: string
  readonly field: Exclude<Protobuf.Field, { readonly label: "oneof" }>
  readonly oneof: string | undefined
}

/** The fields of a message under numbers of their own, with the oneof that each belongs to. */
const numbered = (schema: Schema): ReadonlyArray<Numbered> =>
  Protobuf.fieldsOf(schema).flatMap(([name, field]): ReadonlyArray<Numbered> =>
    field.label === "oneof"
      ? Object.entries(field.cases).map(([member, of]) => ({ name: member, field: of, oneof: name }))
      : [{ name, field, oneof: undefined }]
  )

/** All messages that a message is made of, itself included. */
const closure = (schema: Schema, found = new Map<string, Schema>()): ReadonlyMap<string, Schema> => {
  if (found.has(nameOf(schema))) return found
  found.set(nameOf(schema), schema)
  for (const { field } of numbered(schema)) {
    if (field.element.type === "message") closure(field.element.schema, found)
  }
  return found
}

const typeName = (element: Protobuf.Element): string =>
  element.type === "message" ? nameOf(element.schema) : element.type === "enum" ? "int32" : element.type

const line = ({ field, name }: Numbered): string => {
  const type = typeName(field.element)
  const what =
    field.label === "map"
      ? `map<${typeName(field.key)}, ${type}>`
      : field.label === "repeated"
        ? `repeated ${type}`
        : field.label === "optional" && field.element.type !== "message"
          ? `optional ${type}`
          : type
  return `${what} ${name} = ${field.number};`
}

/** A message and all that it is made of, in protobuf's own language. */
export const protoOf = (schema: Schema): string => {
  const messages = [...closure(schema)].map(([name, of]) => {
    const all = numbered(of)
    const oneofs = new Set(all.flatMap(({ oneof }) => oneof ?? []))
    const fields = all.filter(({ oneof }) => oneof === undefined).map(line)
    // A member has presence because it is a member.
    const member = ({ field, name }: Numbered) => `${typeName(field.element)} ${name} = ${field.number};`
    const choices = [...oneofs].map(
      (oneof) =>
        `oneof ${oneof} { ${all
          .filter((one) => one.oneof === oneof)
          .map(member)
          .join(" ")} }`
    )
    return `message ${name} {\n  ${[...fields, ...choices].join("\n  ")}\n}`
  })
  return ['syntax = "proto3";', ...messages].join("\n")
}

/** The message as protobufjs has it. */
export const protobufjsType = (schema: Schema): protobufjs.Type => {
  const { root } = protobufjs.parse(protoOf(schema), { keepCase: true })
  return root.resolveAll().lookupType(nameOf(schema)).setup()
}

const scalars = {
  uint32: Type.UINT32,
  uint64: Type.UINT64,
  fixed64: Type.FIXED64,
  bool: Type.BOOL,
  string: Type.STRING,
  bytes: Type.BYTES,
  enum: Type.INT32,
  message: Type.MESSAGE
} satisfies Record<Protobuf.Element["type"], Type>

const described = (name: string, number: number, element: Protobuf.Element, label: Label): FieldDescriptorProto =>
  create(FieldDescriptorProtoSchema, {
    name,
    jsonName: name,
    number,
    label,
    type: scalars[element.type],
    ...(element.type === "message" ? { typeName: `.${nameOf(element.schema)}` } : {})
  })

/** The message as protobuf-es has it. */
export const protobufEsType = (schema: Schema): DescMessage => {
  const messageType = [...closure(schema)].map(([name, of]) => {
    const oneofs: Array<string> = []
    const nested: Array<{ readonly name: string; readonly field: Array<FieldDescriptorProto> }> = []
    const field = numbered(of).map(({ field, name: property, oneof }) => {
      if (field.label === "map") {
        const entry = `${property[0]!.toUpperCase()}${property.slice(1)}Entry`
        nested.push({
          name: entry,
          field: [described("key", 1, field.key, Label.OPTIONAL), described("value", 2, field.element, Label.OPTIONAL)]
        })
        return create(FieldDescriptorProtoSchema, {
          name: property,
          jsonName: property,
          number: field.number,
          label: Label.REPEATED,
          type: Type.MESSAGE,
          typeName: `.${name}.${entry}`
        })
      }
      const proto = described(
        property,
        field.number,
        field.element,
        field.label === "repeated" ? Label.REPEATED : Label.OPTIONAL
      )
      if (oneof !== undefined) {
        if (!oneofs.includes(oneof)) oneofs.push(oneof)
        proto.oneofIndex = oneofs.indexOf(oneof)
      }
      return proto
    })
    // A scalar's presence is a oneof of its own, which stands behind those with a name.
    numbered(of).forEach((one, at) => {
      if (one.field.label === "optional" && one.oneof === undefined && one.field.element.type !== "message") {
        field[at]!.proto3Optional = true
        field[at]!.oneofIndex = oneofs.push(`_${one.name}`) - 1
      }
    })
    return create(DescriptorProtoSchema, {
      name,
      field,
      oneofDecl: oneofs.map((name) => ({ name })),
      nestedType: nested.map((entry) => ({ ...entry, options: { mapEntry: true } }))
    })
  })
  const file = create(FileDescriptorProtoSchema, { name: "d2m.proto", syntax: "proto3", messageType })
  const files = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
  const message = files.getMessage(nameOf(schema))
  if (message === undefined) throw new TypeError(`no message ${nameOf(schema)}`)
  return message
}

/** protobufjs, with whatever a message is to it. */
export const protobufjsPeer = (schema: Schema): Peer<protobufjs.Message> => {
  const type = protobufjsType(schema)
  return { encode: (value) => type.encode(value).finish(), decode: (bytes) => type.decode(bytes) }
}

/** protobuf-es, with whatever a message is to it. */
export const protobufEsPeer = (schema: Schema): Peer<MessageShape<DescMessage>> => {
  const type = protobufEsType(schema)
  return { encode: (value) => toBinary(type, value), decode: (bytes) => fromBinary(type, bytes) }
}
