/**
 * What reading and writing an element have in common: wire types, tags and defaults.
 *
 * @since 0.1.0
 */
import type { Element } from "./Protobuf.ts"

/** The wire type that each element is written with. */
export const wireTypes = {
  uint32: 0,
  uint64: 0,
  bool: 0,
  enum: 0,
  fixed64: 1,
  string: 2,
  bytes: 2,
  message: 2
} satisfies Record<Element["type"], number>

/** What stands before a value on the wire. */
export const tagOf = (number: number, element: Element): number => (number << 3) | wireTypes[element.type]

const emptyBytes = new Uint8Array(0)

/** The value that proto3 does not write; a message has none. */
export const emptyOf = (element: Element): unknown => {
  switch (element.type) {
    case "uint32":
    case "enum":
      return 0
    case "uint64":
    case "fixed64":
      return 0n
    case "bool":
      return false
    case "string":
      return ""
    case "bytes":
      return emptyBytes
    case "message":
      return undefined
  }
}
