/**
 * Writes `docs/wire.md` from the declarations of `@d2m/codec`. With `--check` it writes nothing and fails when the page
 * is not what the declarations say.
 */
import {
  type BoxInfo,
  type BoxUse,
  deriveDeviceGroupKeys,
  deriveKey,
  DeviceGroupKey,
  encodeServerFrame,
  Limits,
  Protobuf,
  ReflectId,
  Timestamp,
  tweetNacl
} from "@d2m/codec"
import {
  enums,
  explainServerFrame,
  type FrameDeclaration,
  frames,
  layoutOf,
  leaves,
  type MessageRow,
  messageRows,
  messages,
  typeOf,
  words
} from "@d2m/codec/explain"
import { Redacted } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"

const page = Path.resolve(import.meta.dirname, "..", "docs", "wire.md")

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")))
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`
  return [line(cells[0]!), line(widths.map((width) => "-".repeat(width))), ...cells.slice(1).map(line)].join("\n")
}

const code = (text: string): string => `\`${text}\``
const hex = (number: number, digits = 2): string => `0x${number.toString(16).padStart(digits, "0")}`

const frameHeading = ({ name, type }: FrameDeclaration): string => `${hex(type)} ${name}`

const anchors = new Set<string>()

/** The anchor that a heading gets, of which there may be only one. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-")

const heading = (level: number, text: string): string => {
  const anchor = anchorOf(text)
  if (anchors.has(anchor)) throw new Error(`two headings have the anchor ${anchor}`)
  anchors.add(anchor)
  return `${"#".repeat(level)} ${text}`
}

const link = (name: string): string => `[${code(name)}](#${anchorOf(name)})`

const frameOfMessage: ReadonlyMap<string, FrameDeclaration> = new Map(
  Array.from(frames.values())
    .filter(({ body }) => body._tag === "Protobuf")
    .map((frame) => [Protobuf.messageInfo(frame.schema).name, frame])
)

const typeLink = (element: Protobuf.Element): string => {
  const name = typeOf(element)
  return messages.has(name) || enums.has(name) ? link(name) : code(name)
}

const keyOf = ({ key }: BoxInfo): string => (key === "dgpk" ? "DGPK and ESK" : key.toUpperCase())

const fieldType = ({ element, key, label }: MessageRow): string => {
  if (label === "map") return `map of ${code(typeOf(key!))} to ${typeLink(element)}`
  const length = element.type === "bytes" && element.length !== undefined ? `, exactly ${element.length}` : ""
  const presence =
    label === "repeated" ? "repeated " : label === "optional" && element.type !== "message" ? "optional " : ""
  return `${presence}${typeLink(element)}${length}`
}

/** The bytes of a tag: a varint. */
const tagBytes = (tag: number): string =>
  tag < 0x80 ? tag.toString(16).padStart(2, "0") : `${((tag & 0x7f) | 0x80).toString(16)} ${tagBytes(tag >>> 7)}`

const messageTable = (schema: Protobuf.MessageSchema): string => {
  const rows = messageRows(schema)
  if (rows.length === 0) return "No fields."
  return table(
    ["No.", "Tag", "Field", "Type", "Meaning"],
    rows.map((row) => [
      String(row.number),
      code(tagBytes(row.tag)),
      code(row.name),
      fieldType(row),
      row.oneof === undefined ? row.meaning : `${row.meaning} (one of ${code(row.oneof.name)})`
    ])
  )
}

const oneofs = (schema: Protobuf.MessageSchema): string => {
  const found = new Map(messageRows(schema).flatMap(({ oneof }) => (oneof === undefined ? [] : [[oneof.name, oneof]])))
  return Array.from(found.values(), ({ meaning, name }) => `At most one of ${code(name)}: ${meaning}.`).join(" ")
}

const directions = {
  "client-to-server": "client to mediator",
  "server-to-client": "mediator to client",
  both: "both ways"
}

const structTable = (frame: FrameDeclaration): string => {
  const rows = layoutOf(frame)
  const extensible = rows.some(({ role }) => role === "header-length")
  return table(
    ["Offset", "Length", "Type", "Field", "Meaning"],
    rows.map(({ at, bits, length, meaning, name, type }) => [
      extensible && length === undefined ? `${at} or later` : String(at),
      length === undefined ? "the rest" : String(length),
      code(type),
      code(name),
      bits === undefined
        ? meaning
        : `${meaning} (${Object.entries(bits)
            .map(([bit, mask]) => `${code(hex(mask, 4))} ${bit}`)
            .join(", ")})`
    ])
  )
}

const frameSection = (frame: FrameDeclaration): string => {
  const parts = [heading(3, frameHeading(frame)), `${frame.meaning}. Direction: ${directions[frame.direction]}.`]
  if (frame.body._tag === "Struct") return [...parts, structTable(frame)].join("\n\n")
  return [
    ...parts,
    `Behind the ${Limits.containerHeader} bytes of the container header: a protobuf message, ${code(
      Protobuf.messageInfo(frame.schema).name
    )}.`,
    messageTable(frame.schema)
  ].join("\n\n")
}

const messageSection = (name: string, schema: Protobuf.MessageSchema): string =>
  [
    heading(3, name),
    [`${Protobuf.messageInfo(schema).meaning}.`, oneofs(schema)].filter((text) => text !== "").join(" "),
    messageTable(schema)
  ].join("\n\n")

const packages: Readonly<Record<string, string>> = {
  d2m: "Parts of frames, and what a device says of itself in the URL (`d2m`)",
  d2d: "What devices tell each other in boxes (`d2d`)",
  d2d_sync: "What the devices of a group keep in step (`d2d_sync`)",
  common: "What several of them share (`common`)",
  d2d_join: "How a device joins a group, beside the mediator (`d2d_join`)"
}

const packageOf = (name: string): string => name.slice(0, name.indexOf("."))

const messageSections = (): ReadonlyArray<string> => {
  const inner = Array.from(messages).filter(([name]) => !frameOfMessage.has(name))
  const unplaced = inner.find(([name]) => !(packageOf(name) in packages))
  if (unplaced !== undefined) throw new Error(`no heading for the package of ${unplaced[0]}`)
  return Object.entries(packages).flatMap(([prefix, title]) => [
    heading(2, title),
    ...inner
      .filter(([name]) => packageOf(name) === prefix)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, schema]) => messageSection(name, schema))
  ])
}

const enumSections = (): ReadonlyArray<string> =>
  Array.from(enums)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, values]) =>
      [
        heading(3, name),
        table(
          ["Number", "Name"],
          Object.entries(values)
            .toSorted(([, a], [, b]) => a - b)
            .map(([member, number]) => [String(number), code(member)])
        )
      ].join("\n\n")
    )

/** All fields that hold boxes, with the place where they stand. */
const boxes = (): ReadonlyArray<readonly [place: string, field: string, box: BoxInfo]> => {
  const structs = Array.from(frames.values()).flatMap((frame) =>
    layoutOf(frame).flatMap(({ box, name }) =>
      box === undefined ? [] : [[`[${frame.name}](#${anchorOf(frameHeading(frame))})`, name, box] as const]
    )
  )
  const fields = Array.from(messages).flatMap(([name, schema]) => {
    const frame = frameOfMessage.get(name)
    const place = frame === undefined ? link(name) : `[${frame.name}](#${anchorOf(frameHeading(frame))})`
    return messageRows(schema).flatMap((row) =>
      row.element.type === "bytes" && row.element.box !== undefined ? [[place, row.name, row.element.box] as const] : []
    )
  })
  return [...structs, ...fields]
}

const personal = "3ma-mdev"

const derivedKeys: ReadonlyArray<readonly [use: BoxUse | "dgpk", salt: string, does: string]> = [
  ["dgpk", "p", "An X25519 secret: its public key is the device group id, and it answers the mediator's challenge"],
  ["dgrk", "r", "Seals what devices reflect to each other"],
  ["dgdik", "di", "Seals what a device says of itself"],
  ["dgsddk", "sdd", "Seals the data that all devices share"],
  ["dgtsk", "ts", "Seals what a transaction is about"],
  ["dghek", "he", "Seals the exchange of history, which does not pass the mediator"]
]

/** The keys by name, each with the salt that gives it: one that the codec derives otherwise is an error. */
const keyTable = (): string => {
  const utf8 = (text: string) => new TextEncoder().encode(text)
  const dgk = DeviceGroupKey.make(new Uint8Array(Limits.key).fill(1))
  const keys = deriveDeviceGroupKeys(tweetNacl, dgk)
  const bytesOf = (key: Redacted.Redacted<Uint8Array>): string => Redacted.value(key).join(" ")
  return table(
    ["Key", "Salt", "What it does"],
    derivedKeys.map(([use, salt, does]) => {
      if (bytesOf(keys[use]) !== bytesOf(deriveKey(tweetNacl, dgk, utf8(salt), utf8(personal)))) {
        throw new Error(`${use} does not follow from the salt ${salt}`)
      }
      return [use.toUpperCase(), code(salt), does]
    })
  )
}

const example = (): string => {
  const frame = encodeServerFrame({
    _tag: "ReflectAck",
    reflectId: ReflectId.make(1),
    timestamp: Timestamp.make(1_732_347_000_500n)
  })
  const rows = leaves(explainServerFrame(frame)).map((field) => [
    String(field.offset),
    code(Array.from(field.bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ")),
    code(field.name),
    words(field)
  ])
  const text = Array.from(frame, (byte) => byte.toString(16).padStart(2, "0")).join("")
  return [
    `The ${frame.length} bytes ${code(text)} are a reflect-ack:`,
    table(["Offset", "Bytes", "Field", "Says"], rows),
    `${code(`d2m inspect ${text}`)} prints this for any frame, with the meaning of each field.`
  ].join("\n\n")
}

const sizes: ReadonlyArray<readonly [keyof typeof Limits, string]> = [
  ["frame", "The longest frame"],
  ["containerHeader", "Container header, and so the shortest frame"],
  ["payload", "The longest payload"],
  ["reflectHeader", "Header of reflect, before the envelope"],
  ["reflectedHeader", "Header of reflected, before the envelope"],
  ["envelope", "The longest box with an envelope: it must fit into reflected, whose header is the longer one"],
  ["boxOverhead", "What a box adds to what is in it: nonce and tag"],
  ["nonce", "Nonce of a box"],
  ["mac", "Tag of a box"],
  ["plainEnvelope", "The longest envelope before it is boxed, padding included"],
  ["key", "Every key, and the device group id"],
  ["challenge", "The challenge of ServerHello"],
  ["response", "The response of ClientHello: the challenge in a box"]
]

const document = (): string =>
  [
    heading(1, "The wire of D2M"),
    "Every frame, message and enum that devices and the mediator exchange, byte by byte. This page is generated from the declarations in `packages/codec/src` by `node scripts/wire-docs.ts`, so it says what the code does; change the declarations, not this page.",
    heading(2, "How to read it"),
    "A device and the mediator talk over one WebSocket. **A frame is one binary message**: a byte that says what it is, three reserved bytes, and a payload. The payload is either a packed struct, whose fields have fixed places, or a protobuf message, whose fields carry numbers and come in any order.",
    [
      "- Numbers of structs are little endian: `01 00 00 00` is 1. Offsets count from the type byte, the first byte of the frame.",
      "- Reserved bytes are sent as zero and ignored when received. Bytes behind a struct's last field are ignored as well.",
      "- Reflect and reflected say in `header-length` how many bytes stand between the container header and the envelope, so that a later version can add fields; a reader skips those it does not know.",
      "- Messages are proto3. A field without presence that has its default value (0, false, empty) is not written; `optional` fields and messages are either there or not. Unknown fields are skipped, and of a field that comes twice the last one counts.",
      "- A protobuf field begins with a tag, its number and the way it is written in one; the tables give its bytes. Strings, bytes, messages and maps have their length behind it.",
      "- Names are those of the code; where protobuf files are written, `deviceId` is `device_id`.",
      "- Enums are open: a number without a name is kept as it is.",
      "- **The mediator can read frames, but not boxes.** A box is a nonce, a tag and a ciphertext (XSalsa20-Poly1305); its key follows from a secret that only the devices share, as [Keys](#keys) tells."
    ].join("\n"),
    example(),
    heading(2, "Sizes"),
    table(
      ["Bytes", "What"],
      sizes.map(([name, what]) => [String(Limits[name]), what])
    ),
    heading(2, "Keys"),
    `All devices of a group have one secret of ${Limits.key} bytes, the device group key (DGK), and no one else has it. Six keys follow from it: each is the ${Limits.key} bytes of BLAKE2b over nothing, with the DGK as its key, the salt below and ${code(personal)} as personal, both filled up with zeros to 16 bytes. ${code("d2m keys")} prints all of them.`,
    keyTable(),
    "ESK is the mediator's own: an X25519 pair made for one connection, whose public half is in ServerHello. DGPK and ESK agree on the key of one box, the response of ClientHello, as NaCl's `box` does.",
    heading(2, "Boxes"),
    "Which fields hold boxes, the key that seals them and what is inside.",
    table(
      ["In", "Field", "Key", "Holds"],
      boxes().map(([place, field, box]) => [
        place,
        code(field),
        keyOf(box),
        messages.has(box.holds) ? link(box.holds) : `the ${box.holds}`
      ])
    ),
    heading(2, "Frames"),
    table(
      ["Type", "Frame", "Direction", "Payload", "Meaning"],
      Array.from(frames.values(), (frame) => [
        code(hex(frame.type)),
        `[${frame.name}](#${anchorOf(frameHeading(frame))})`,
        directions[frame.direction],
        frame.body._tag === "Struct" ? "struct" : messageRows(frame.schema).length === 0 ? "empty" : "protobuf",
        frame.meaning
      ])
    ),
    ...Array.from(frames.values(), frameSection),
    ...messageSections(),
    heading(2, "Enums"),
    ...enumSections()
  ].join("\n\n") + "\n"

const text = document()
// A link that leads nowhere would be no mistake of the reader's.
for (const [, anchor] of text.matchAll(/\]\(#([^)]+)\)/g)) {
  if (!anchors.has(anchor!)) throw new Error(`nothing has the anchor ${anchor}`)
}
const known = `${frames.size} frames, ${messages.size} messages, ${enums.size} enums`
if (process.argv.includes("--check")) {
  if (!Fs.existsSync(page) || Fs.readFileSync(page, "utf8") !== text) {
    console.error("docs/wire.md is not what the declarations say; run: node scripts/wire-docs.ts")
    process.exitCode = 1
  } else console.log(`wire documentation: ${known}, up to date`)
} else {
  Fs.mkdirSync(Path.dirname(page), { recursive: true })
  Fs.writeFileSync(page, text)
  console.log(`docs/wire.md: ${known}`)
}
