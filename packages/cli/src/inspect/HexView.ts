/**
 * A byte map for people: on the left the bytes in hex, on the right what they are and what that means.
 *
 * Owns the rendering, in colours or plain. It reads the map and nothing else, and writes nothing itself.
 *
 * @since 0.1.0
 */
import { type ByteField, type ByteMap, type Role, words } from "@d2m/codec/explain"
import { Result } from "effect"

/**
 * How wide the picture is, whether it may use colours, and whether it shows every byte however many there are.
 *
 * @category models
 * @since 0.1.0
 */
export interface Canvas {
  readonly columns: number
  readonly colours: boolean
  readonly full: boolean
}

type Colour = number

const bold: Colour = 1
const dim: Colour = 2
const red: Colour = 31
const green: Colour = 32
const yellow: Colour = 33
const blue: Colour = 34
const magenta: Colour = 35
const cyan: Colour = 36

const roleColours: Readonly<Record<Role, Colour>> = {
  type: blue,
  reserved: dim,
  "header-length": blue,
  surplus: dim,
  trailing: dim,
  field: cyan,
  entry: cyan,
  tag: dim,
  length: dim,
  value: cyan,
  unknown: dim,
  nonce: magenta,
  mac: magenta,
  ciphertext: magenta,
  payload: cyan,
  unread: red
}

const colourOf = ({ role, value }: ByteField): Colour => {
  if (role !== "field" && role !== "value") return roleColours[role]
  if (typeof value === "string") return green
  return value === undefined || value instanceof Uint8Array ? roleColours[role] : yellow
}

const paint = ({ colours }: Canvas, text: string, colour: Colour): string =>
  colours && text.trim() !== "" ? `\u001b[${colour}m${text}\u001b[0m` : text

/** Breaks text at spaces into lines of at most `width` characters; a longer word is cut. */
const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line: Array<string> = []
  for (const word of text.split(" ").map((word) => [...word])) {
    if (line.length > 0 && line.length + 1 + word.length > width) {
      lines.push(line.join(""))
      line = []
    }
    line = line.length === 0 ? word : [...line, " ", ...word]
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width).join(""))
  }
  return line.length === 0 ? lines : [...lines, line.join("")]
}

/** Bytes that stand together on the left. */
interface Run {
  readonly offset: number
  readonly bytes: Uint8Array
  readonly colour: Colour
}

/** A part of what is said on the right. */
interface Saying {
  readonly text: string
  readonly colour: Colour
}

interface Row {
  readonly offset: string
  readonly hex: string
  readonly colour: Colour
}

const byteCount = (length: number): string => (length === 1 ? "1 byte" : `${length} bytes`)

/** Rows of one run, beyond which only their length is told. */
const mostRows = 8

const perRow = ({ columns }: Canvas): number => (columns >= 120 ? 16 : 8)

const rowsOf = ({ bytes, colour, offset }: Run, canvas: Canvas): ReadonlyArray<Row> => {
  const width = perRow(canvas)
  const count = Math.ceil(bytes.length / width)
  const shown = canvas.full || count <= mostRows ? count : mostRows - 1
  const rows = Array.from({ length: shown }, (_, row) => ({
    offset: String(offset + row * width),
    hex: Array.from(bytes.subarray(row * width, (row + 1) * width), (byte) => byte.toString(16).padStart(2, "0")).join(
      " "
    ),
    colour
  }))
  return shown === count
    ? rows
    : [...rows, { offset: "", hex: `… ${byteCount(bytes.length - shown * width)} more`, colour: dim }]
}

const offsetWidth = 5
const narrowest = 24

/** Bytes beside words, as many lines as the longer of the two needs. */
const block = (
  runs: ReadonlyArray<Run>,
  sayings: ReadonlyArray<Saying>,
  depth: number,
  canvas: Canvas
): ReadonlyArray<string> => {
  const indent = "  ".repeat(depth)
  const hexWidth = 3 * perRow(canvas)
  const width = Math.max(narrowest, canvas.columns - offsetWidth - hexWidth - 3 - indent.length)
  const rows = runs.flatMap((run) => rowsOf(run, canvas))
  const texts = sayings.flatMap(({ colour, text }) => wrap(text, width).map((line) => ({ text: line, colour })))
  return Array.from({ length: Math.max(rows.length, texts.length) }, (_, at) => {
    const row = rows[at] ?? { offset: "", hex: "", colour: dim }
    const text = texts[at]
    const offset = paint(canvas, row.offset.padStart(offsetWidth), dim)
    const hex = paint(canvas, row.hex, row.colour) + " ".repeat(Math.max(0, hexWidth - row.hex.length))
    return `${offset}  ${hex} ${text === undefined ? "" : indent + paint(canvas, text.text, text.colour)}`.trimEnd()
  })
}

/** Tag and length, which say how a field is written. */
const isFrame = ({ role }: ByteField): boolean => role === "tag" || role === "length"

/** How a field is written: its number, its type, its oneof, as far as the value does not say so. */
const formOf = ({ fields, name, oneof, type, value }: ByteField): string => {
  const tag = fields.find(({ role }) => role === "tag")?.value
  const number = typeof tag === "number" ? `field ${tag >>> 3}` : name
  return [
    ...(number === name ? [] : [number]),
    ...(value instanceof Uint8Array && type === "bytes" ? [] : [type]),
    ...(oneof === undefined ? [] : [`of ${oneof}`])
  ].join(", ")
}

const sayingsOf = (field: ByteField): ReadonlyArray<Saying> => {
  const said = words(field)
  const form = formOf(field)
  const head = `${field.name}${said === "" ? "" : ` = ${said}`}${form === "" ? "" : ` · ${form}`}`
  return [
    { text: head, colour: colourOf(field) },
    { text: field.meaning, colour: dim },
    ...(field.note === undefined ? [] : [{ text: `! ${field.note}`, colour: red }])
  ]
}

const draw = (field: ByteField, depth: number, canvas: Canvas): ReadonlyArray<string> => {
  const inside = field.fields.filter((part) => !isFrame(part))
  const framed = field.fields.filter(isFrame).reduce((length, part) => length + part.length, 0)
  const frame: Run = { offset: field.offset, bytes: field.bytes.subarray(0, framed), colour: dim }
  const value = inside.find(({ role }) => role === "value")
  const parts = value === undefined ? inside : value.fields
  const own = field.fields.length === 0 ? field : value?.fields.length === 0 ? value : undefined
  const run: ReadonlyArray<Run> = own === undefined ? [] : [{ ...own, colour: colourOf(field) }]
  return [
    ...block([frame, ...run], sayingsOf(field), depth, canvas),
    ...parts.flatMap((part) => draw(part, depth + 1, canvas)),
    ...drawOpened(field, canvas)
  ]
}

const drawOpened = ({ box, opened }: ByteField, canvas: Canvas): ReadonlyArray<string> => {
  if (opened === undefined || box === undefined) return []
  const key = box.key.toUpperCase()
  const bar = `  ${paint(canvas, "│", magenta)}`
  return Result.match(opened, {
    onFailure: (error) => [paint(canvas, `  ✗ not opened with ${key}: ${error.message}`, red)],
    onSuccess: (map) =>
      drawMap(map, [byteCount(map.bytes.length), `opened with ${key}`], { ...canvas, columns: canvas.columns - 4 }).map(
        (line) => `${bar} ${line}`.trimEnd()
      )
  })
}

const drawMap = (map: ByteMap, facts: ReadonlyArray<string>, canvas: Canvas): ReadonlyArray<string> => [
  [paint(canvas, map.name, bold), ...facts].join(" · "),
  paint(canvas, map.meaning, dim),
  "",
  ...map.fields.flatMap((field) => draw(field, 0, canvas)),
  ...(map.error === undefined ? [] : [paint(canvas, `✗ ${map.error.message}`, red)])
]

const senders = {
  "client-to-server": "from a client to the mediator",
  "server-to-client": "from the mediator to a client",
  both: "either way"
}

/**
 * The byte map of a frame as lines of text. `remark` is put behind who sends it.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (map: ByteMap, canvas: Canvas, remark?: string): string => {
  const sender = map.direction === undefined ? [] : [senders[map.direction]]
  const facts = [
    ...(map.type === undefined ? [] : [`0x${map.type.toString(16).padStart(2, "0")}`]),
    byteCount(map.bytes.length),
    ...(remark === undefined ? sender : [`${sender.join("")} (${remark})`])
  ]
  return drawMap(map, facts, canvas).join("\n")
}

/**
 * Why a text is no frame, as a line of text.
 *
 * @category rendering
 * @since 0.1.0
 */
export const renderNotHex = (message: string, canvas: Canvas): string =>
  paint(canvas, `✗ not the hex of a frame: ${message}`, red)
