/**
 * protobufjs with its own description of the messages, read from the `.proto` files beside this one.
 */
import { readFileSync } from "node:fs"
import protobuf from "protobufjs"

const root = new protobuf.Root()
for (const name of ["common", "d2d_sync", "d2d", "d2d_join", "d2m"]) {
  protobuf.parse(readFileSync(new URL(`proto/${name}.proto`, import.meta.url), "utf8"), root)
}
root.resolveAll()

/** The 64-bit numbers of protobufjs, which its declarations know too little of. */
interface Long {
  readonly toString: () => string
}
const Long = protobuf.util.Long as unknown as {
  readonly fromString: (decimal: string, unsigned: boolean) => Long
  readonly isLong: (value: unknown) => value is Long
}

/** The names of all messages in the files. */
export const messageNames: ReadonlyArray<string> = (() => {
  const names: Array<string> = []
  const visit = (namespace: protobuf.NamespaceBase): void => {
    if (namespace instanceof protobuf.Type) names.push(namespace.fullName.slice(1))
    for (const nested of namespace.nestedArray) if (nested instanceof protobuf.Namespace) visit(nested)
  }
  visit(root)
  return names
})()

type Value = Readonly<Record<string, unknown>>

const oneofOf = (field: protobuf.Field): string | undefined =>
  field.partOf === null || field.options?.["proto3_optional"] === true ? undefined : field.partOf.name

/** A scalar, or a message, of ours as protobufjs takes it. */
const intoScalar = (field: protobuf.Field, value: unknown): unknown => {
  if (field.resolvedType instanceof protobuf.Type) return intoReflection(field.resolvedType, value as Value)
  return typeof value === "bigint" ? Long.fromString(String(value), true) : value
}

const isDefault = (value: unknown): boolean =>
  value === 0 || value === 0n || value === false || value === "" || (value instanceof Uint8Array && value.length === 0)

const keyInto = (key: unknown): string =>
  typeof key === "bigint" ? protobuf.util.longToHash(Long.fromString(String(key), true) as never) : (key as string)

/** A value of ours as protobufjs takes it: the description decides, not the declaration. */
const intoReflection = (type: protobuf.Type, value: Value): object => {
  const properties: Record<string, unknown> = {}
  for (const field of type.fieldsArray) {
    const oneof = oneofOf(field)
    const own = value[oneof ?? field.name]
    if (own === undefined) continue
    if (oneof !== undefined) {
      const chosen = own as { readonly _tag: string; readonly value: unknown }
      if (chosen._tag === field.name) properties[field.name] = intoScalar(field, chosen.value)
    } else if (field.map) {
      const entries = [...(own as ReadonlyMap<unknown, unknown>)]
      properties[field.name] = Object.fromEntries(
        entries.map(([key, entry]) => [keyInto(key), intoScalar(field, entry)])
      )
    } else if (field.repeated) {
      properties[field.name] = (own as ReadonlyArray<unknown>).map((item) => intoScalar(field, item))
    } else if (field.options?.["proto3_optional"] === true || !isDefault(own)) {
      properties[field.name] = intoScalar(field, own)
    }
  }
  return type.create(properties)
}

const outOfScalar = (field: protobuf.Field, value: unknown): unknown => {
  if (field.resolvedType instanceof protobuf.Type) return outOfReflection(field.resolvedType, value as Value)
  // Absent bytes are an empty array, present ones a Buffer.
  if (field.type === "bytes") return Uint8Array.from(value as ArrayLike<number>)
  return Long.isLong(value) ? BigInt.asUintN(64, BigInt(value.toString())) : value
}

/** A map of ours, whose keys protobufjs keeps in an object: their order is lost. */
const sortedMap = (entries: Iterable<readonly [unknown, unknown]>): ReadonlyArray<readonly [unknown, unknown]> =>
  [...entries].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))

/** What protobufjs decoded as a value of ours, with sorted maps. */
const outOfReflection = (type: protobuf.Type, message: Value): Value => {
  const value: Record<string, unknown> = {}
  for (const field of type.fieldsArray) {
    const oneof = oneofOf(field)
    const present = Object.hasOwn(message, field.name)
    const own = message[field.name]
    if (oneof !== undefined) {
      if (present) value[oneof] = { _tag: field.name, value: outOfScalar(field, own) }
    } else if (field instanceof protobuf.MapField) {
      const keyOf = (key: string): unknown => {
        if (field.keyType !== "fixed64") return key
        // 8 characters of one byte each, but "0" where the entry had no key.
        return BigInt(key === "0" ? 0 : (protobuf.util.longFromHash(key, true) as Long).toString())
      }
      const entries = Object.entries(own as Readonly<Record<string, unknown>>)
      value[field.name] = sortedMap(entries.map(([key, entry]) => [keyOf(key), outOfScalar(field, entry)]))
    } else if (field.repeated) {
      value[field.name] = (own as ReadonlyArray<unknown>).map((item) => outOfScalar(field, item))
    } else if (field.resolvedType instanceof protobuf.Type || field.options?.["proto3_optional"] === true) {
      if (present) value[field.name] = outOfScalar(field, own)
    } else value[field.name] = outOfScalar(field, own)
  }
  return value
}

/** A value of ours with its maps as `decodeWithReflection` gives them, and without a frame's tag. */
export const comparable = (value: unknown, top = true): unknown => {
  if (value instanceof Map) return sortedMap(value).map(([key, entry]) => [key, comparable(entry, false)])
  if (Array.isArray(value)) return value.map((item) => comparable(item, false))
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value
  const entries = Object.entries(value).filter(([name]) => !top || name !== "_tag")
  return Object.fromEntries(entries.map(([name, entry]) => [name, comparable(entry, false)]))
}

/**
 * Whether protobufjs writes this value otherwise: it writes defaults in map entries, which proto3 leaves open, and keeps
 * no order of keys that look like numbers.
 */
export const isWrittenOtherwise = (value: unknown): boolean => {
  if (value instanceof Map) {
    return [...value].some(
      ([key, entry]) => isDefault(key) || isDefault(entry) || /^\d+$/.test(String(key)) || isWrittenOtherwise(entry)
    )
  }
  return (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    Object.values(value).some(isWrittenOtherwise)
  )
}

export const encodeWithReflection = (name: string, value: object): Uint8Array => {
  const type = root.lookupType(name)
  return Uint8Array.from(type.encode(intoReflection(type, value as Value)).finish())
}

export const decodeWithReflection = (name: string, bytes: Uint8Array): unknown => {
  const type = root.lookupType(name)
  return outOfReflection(type, type.decode(bytes))
}
