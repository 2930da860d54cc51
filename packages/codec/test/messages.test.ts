import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { ClientUrlInfo } from "../src/ClientUrlInfo.ts"
import * as Devices from "../src/frames/Devices.ts"
import * as Handshake from "../src/frames/Handshake.ts"
import { clientFrames, serverFrames } from "../src/frames/index.ts"
import * as Common from "../src/messages/Common.ts"
import * as D2d from "../src/messages/D2d.ts"
import * as D2dJoin from "../src/messages/D2dJoin.ts"
import * as Sync from "../src/messages/Sync.ts"
import {
  type Element,
  enumName,
  type Field,
  fieldsOf,
  messageInfo,
  type MessageSchema,
  type NumberedField,
  type OpenEnum
} from "../src/Protobuf.ts"
import { enums, messages } from "./protocol-table.ts"

const namespaces = { common: Common, d2d: D2d, d2d_join: D2dJoin, d2d_sync: Sync }

const isMessage = (value: unknown): value is MessageSchema => Schema.isSchema(value)

/** Every declared message and enum, with the name it is exported under where that follows from the protobuf name. */
const exported = Object.entries(namespaces).flatMap(([proto, namespace]) =>
  Object.entries(namespace).map(([name, value]) => ({ name, proto, value: value as MessageSchema | OpenEnum }))
)

const declaredMessages: ReadonlyArray<MessageSchema> = [
  ...exported.flatMap(({ value }) => (isMessage(value) ? [value] : [])),
  ...[...clientFrames, ...serverFrames].filter((schema) => messageInfo(schema) !== undefined),
  ClientUrlInfo,
  Devices.AugmentedDeviceInfo
]

const declaredEnums: ReadonlyArray<OpenEnum> = [
  ...exported.flatMap(({ value }) => (isMessage(value) ? [] : [value])),
  Handshake.DeviceSlotsExhaustedPolicy,
  Handshake.DeviceSlotExpirationPolicy,
  Handshake.DeviceSlotState,
  Handshake.ProtocolVersion
]

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const typeOf = (element: Element): string =>
  element.type === "enum"
    ? enumName(element.values)
    : element.type === "message"
      ? messageInfo(element.schema).name
      : element.type

const numbered = (name: string, { element, label, number }: NumberedField): string =>
  // A message always has presence: the protocol need not say `optional`.
  `${number} ${snake(name)} ${label === "implicit" || (label === "optional" && element.type === "message") ? "" : `${label} `}${typeOf(
    element
  )}`

const lines = ([name, field]: readonly [string, Field]): ReadonlyArray<readonly [number, string]> => {
  switch (field.label) {
    case "oneof":
      return Object.entries(field.cases).map(([member, of]) => {
        assert.isTrue(of.label === "implicit" || of.element.type === "message", `${name}.${member}`)
        return [of.number, `${numbered(member, of)} in ${snake(name)}`]
      })
    case "map":
      return [[field.number, `${field.number} ${snake(name)} map<${typeOf(field.key)}, ${typeOf(field.element)}>`]]
    default:
      return [[field.number, numbered(name, field)]]
  }
}

const described = (schema: MessageSchema): ReadonlyArray<string> =>
  fieldsOf(schema)
    .flatMap(lines)
    .toSorted(([a], [b]) => a - b)
    .map(([, line]) => line)

const meanings = (field: Field): ReadonlyArray<string> => [
  field.meaning,
  ...(field.label === "oneof" ? Object.values(field.cases).map(({ meaning }) => meaning) : [])
]

describe("messages", () => {
  it("are those of the protocol, each once", () => {
    const names = declaredMessages.map((schema) => messageInfo(schema).name)
    assert.strictEqual(new Set(names).size, names.length)
    assert.deepStrictEqual(names.toSorted(), Object.keys(messages).toSorted())
  })

  for (const schema of declaredMessages) {
    const { meaning, name } = messageInfo(schema)

    it(`${name} has the fields of the protocol`, () => {
      assert.deepStrictEqual(described(schema), messages[name]!)
    })

    it(`${name} says what each of its fields means`, () => {
      for (const text of [meaning, ...fieldsOf(schema).flatMap(([, field]) => meanings(field))]) {
        assert.match(text, /^(?:[A-Z]|d2d\.)[^@]{4,}[^.@\s]$/)
      }
    })
  }

  it("are exported under their own name, nested ones joined", () => {
    for (const { name, proto, value } of exported) {
      const full = isMessage(value) ? messageInfo(value).name : enumName(value)
      assert.strictEqual(`${proto}.${name}`, `${full.split(".")[0]}.${full.split(".").slice(1).join("")}`)
    }
  })
})

describe("enums", () => {
  it("are those of the protocol, with their numbers", () => {
    assert.strictEqual(new Set(declaredEnums.map(enumName)).size, declaredEnums.length)
    assert.deepStrictEqual(Object.fromEntries(declaredEnums.map((values) => [enumName(values), { ...values }])), {
      ...enums
    } as never)
  })

  it("have a name for 0, which an absent field is", () => {
    for (const values of declaredEnums) assert.include(Object.values(values), 0, enumName(values))
  })
})
