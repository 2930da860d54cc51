/**
 * A story on a page: time goes down, every participant has a column.
 *
 * Owns the layout: how wide columns are, what shares a row, where a long silence is left out, which rows are left out where
 * there are too many, and how the verdict stands below. Plain text of a given width; colours only for whoever asks for them.
 *
 * @since 0.1.0
 */
import { mediatorName } from "./Names.ts"
import type { Violation } from "./Oracle.ts"
import { newYear2026 } from "./Simulation.ts"
import { faultLane, type StoryEntry } from "./Story.ts"

/**
 * How a story is laid out.
 *
 * @category models
 * @since 0.1.0
 */
export interface LanesOptions {
  /** Columns of the page: 120 unless given. Many participants take more if they must. */
  readonly width?: number
  /** Whether everything is told, handshakes and all; not unless given. */
  readonly full?: boolean
  /** How many rows are shown, counted from the end: all unless given. */
  readonly last?: number
  /**
   * How many rows before and after each fault are shown as well, where not all are: none unless given. Altogether there are
   * no more of them than `last`, those of late faults first.
   */
  readonly around?: number
  /** Whether ANSI colours are used; not unless given. */
  readonly colours?: boolean
}

/** So narrow that words still fit. */
const narrowest = 14
const separator = " │ "
/** A silence this long, in ms, has a row of its own. */
const silence = 10_000

interface Row {
  readonly at: number
  readonly time: string
  /** By lane; a row without any is told across all of them. */
  readonly cells: Map<string, StoryEntry>
  readonly across: string | undefined
}

const two = (value: number): string => String(value).padStart(2, "0")

/**
 * Virtual time since the start: `+mm:ss.mmm`, with hours where there are any.
 *
 * @category rendering
 * @since 0.1.0
 */
export const timeText = (millis: number): string => {
  const whole = Math.floor(millis)
  const seconds = Math.floor(whole / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const clock = `${two(minutes % 60)}:${two(seconds % 60)}.${String(whole % 1000).padStart(3, "0")}`
  return hours === 0 ? `+${clock}` : `+${hours}:${clock}`
}

/** What happens at the same ms to different participants shares a row, unless something general comes in between. */
const rowsOf = (entries: ReadonlyArray<StoryEntry>): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  for (const entry of entries) {
    const { at, lane, text } = entry
    const time = timeText(at)
    const last = rows.at(-1)
    if (last !== undefined && at - last.at >= silence) {
      rows.push({ at, time: "", cells: new Map(), across: `${Math.round((at - last.at) / 1000)} s later` })
    }
    if (lane === undefined) rows.push({ at, time, cells: new Map(), across: text })
    else if (last?.across === undefined && last?.time === time && !last.cells.has(lane)) last.cells.set(lane, entry)
    else rows.push({ at, time, cells: new Map([[lane, entry]]), across: undefined })
  }
  return rows
}

/** Which rows are shown: the last ones, and before them some around faults. */
const shownOf = (rows: ReadonlyArray<Row>, last: number, around: number): ReadonlyArray<boolean> => {
  const end = rows.length - last
  const isShown = rows.map((_, index) => index >= end)
  let room = last
  for (let fault = rows.length - 1; fault >= 0; fault--) {
    if (!rows[fault]!.cells.has(faultLane)) continue
    for (let at = Math.max(0, fault - around); at <= Math.min(fault + around, end - 1) && around > 0; at++) {
      if (isShown[at] || room === 0) continue
      isShown[at] = true
      room--
    }
  }
  return isShown
}

/** Devices in the order they appear, what goes wrong, and the mediator. */
const lanesOf = (entries: ReadonlyArray<StoryEntry>): ReadonlyArray<string> => {
  const lanes = new Set(entries.flatMap(({ lane }) => (lane === undefined ? [] : [lane])))
  const rest = [faultLane, mediatorName].filter((lane) => lanes.delete(lane))
  return [...lanes, ...rest]
}

/** Breaks a text into lines at words, or within one that is too long. */
const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    let rest = word
    if (line !== "" && line.length + 1 + rest.length <= width) {
      line += ` ${rest}`
      continue
    }
    if (line !== "") lines.push(line)
    const indent = lines.length === 0 ? "" : "  "
    while (indent.length + rest.length > width) {
      const head = rest.slice(0, width - indent.length)
      // Names of frames break where one of their words begins.
      const capital = rest.slice(0, head.length + 1).search(/[A-Z][^A-Z]*$/)
      const length = capital > 0 ? capital : head.length
      lines.push(indent + rest.slice(0, length))
      rest = rest.slice(length)
    }
    line = indent + rest
  }
  return line.trim() === "" && lines.length > 0 ? lines : [...lines, line]
}

type Colour = "dim" | "red" | "yellow" | "bold"
const codes: Readonly<Record<Colour, number>> = { dim: 2, red: 31, yellow: 33, bold: 1 }

const colourOf = ({ isLost, kind }: StoryEntry): Colour | undefined => {
  if (kind === "Fault" || kind === "Machine") return "red"
  if (kind === "StateChanged") return "bold"
  return isLost === true ? "yellow" : undefined
}

const cellText = ({ isLost, text }: StoryEntry): string => (isLost === true ? `${text} (not arrived)` : text)

/** What was found may be long, and of several lines. */
const mostLines = 20
const indented = (text: string): string => {
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  const shown = lines.length > mostLines ? [...lines.slice(0, mostLines), "…"] : lines
  return shown.join(`\n${" ".repeat("  found     ".length)}`)
}

/**
 * The verdict in lines.
 *
 * @category rendering
 * @since 0.1.0
 */
export const violationText = ({ at, device, expected, found, oracle, rule }: Violation): string =>
  [
    `broken: ${oracle}: ${rule}`,
    `  when      ${timeText(at - newYear2026)}${device === undefined ? "" : `, ${device}`}`,
    `  found     ${indented(found)}`,
    `  expected  ${expected}`
  ].join("\n")

/**
 * A story as lanes, one column a participant, with the verdict below.
 *
 * @category rendering
 * @since 0.1.0
 */
export const lanesText = (
  entries: ReadonlyArray<StoryEntry>,
  violation: Violation | undefined,
  options: LanesOptions = {}
): string => {
  const { around = 0, colours = false, full = false, last = Infinity, width = 120 } = options
  const paint = (text: string, colour: Colour | undefined): string =>
    colours && colour !== undefined ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text

  const told = full ? entries : entries.filter(({ isNoise }) => !isNoise)
  const rows = rowsOf(told)
  const isShown = shownOf(rows, last, around)
  const lanes = lanesOf(told)
  const timeWidth = rows.reduce((most, { time }, index) => (isShown[index] ? Math.max(most, time.length) : most), 4)
  const room = width - timeWidth - lanes.length * separator.length
  const laneWidth = Math.max(narrowest, Math.floor(room / Math.max(1, lanes.length)))

  const line = (time: string, cells: ReadonlyArray<{ readonly text: string; readonly colour: Colour | undefined }>) =>
    [
      paint(time.padEnd(timeWidth), "dim"),
      ...cells.map(({ colour, text }) => (text === "" ? " ".repeat(laneWidth) : paint(text.padEnd(laneWidth), colour)))
    ]
      .join(separator)
      .trimEnd()

  const page = [
    line(
      "time",
      lanes.map((text) => ({ text: text.slice(0, laneWidth), colour: "bold" }))
    ),
    ["─".repeat(timeWidth), ...lanes.map(() => "─".repeat(laneWidth))].join("─┼─")
  ]
  let shown = ""
  let isFirst = true
  let leftOut = 0
  for (const [index, { across, cells, time: exact }] of rows.entries()) {
    if (!isShown[index]) {
      leftOut++
      continue
    }
    if (leftOut > 0) {
      page.push(`(${leftOut} ${leftOut === 1 ? "row" : "rows"}${isFirst ? " before" : ""})`)
      leftOut = 0
      shown = ""
    }
    isFirst = false
    const time = exact === shown ? "" : exact
    shown = exact
    if (across !== undefined) {
      page.push(`${paint(time.padEnd(timeWidth), "dim")} ${paint(`--- ${across} ---`, "dim")}`)
      continue
    }
    const columns = lanes.map((lane) => {
      const entry = cells.get(lane)
      return entry === undefined
        ? { lines: [], colour: undefined }
        : { lines: wrap(cellText(entry), laneWidth), colour: colourOf(entry) }
    })
    const height = Math.max(...columns.map(({ lines }) => lines.length))
    for (let index = 0; index < height; index++) {
      page.push(
        line(
          index === 0 ? time : "",
          columns.map(({ colour, lines }) => ({ text: lines[index] ?? "", colour }))
        )
      )
    }
  }
  if (violation !== undefined) page.push("", paint(violationText(violation), "red"))
  return page.join("\n")
}
