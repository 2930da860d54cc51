/**
 * The demo's live picture: what happens, when, and to whom, one lane a participant.
 *
 * Owns the rendering, as coloured lanes, plain lanes or JSON lines. It has no clock and writes nothing itself.
 *
 * @since 0.1.0
 */

/** Who a line of the timeline is about. */
export type Lane = "phone" | "desktop" | "tablet" | "mediator"

/** What kind of thing happened; it decides the colour and the sign before the text. */
export type EventKind =
  | "chapter"
  | "state"
  | "sent"
  | "acked"
  | "received"
  | "ephemeral"
  | "transaction"
  | "note"
  | "trouble"

/** One thing that happened to one participant. */
export interface TimelineEvent {
  /** Milliseconds since the demo began. */
  readonly at: number
  readonly lane: Lane | "story"
  readonly kind: EventKind
  readonly text: string
}

/** The lanes from left to right. */
export const lanes: ReadonlyArray<Lane> = ["phone", "desktop", "tablet", "mediator"]

const signs: Record<EventKind, string> = {
  chapter: "",
  state: "•",
  sent: "→",
  acked: "✓",
  received: "←",
  ephemeral: "~",
  transaction: "§",
  note: "·",
  trouble: "!"
}

const colours: Record<EventKind, number> = {
  chapter: 1,
  state: 36,
  sent: 33,
  acked: 32,
  received: 34,
  ephemeral: 35,
  transaction: 95,
  note: 2,
  trouble: 31
}

const timeWidth = 8

/** How wide the picture is, and whether it may use colours. */
export interface Canvas {
  readonly columns: number
  readonly colours: boolean
}

const paint = (canvas: Canvas, kind: EventKind, text: string): string =>
  canvas.colours ? `\u001b[${colours[kind]}m${text}\u001b[0m` : text

/** Control characters of somebody's own text must not reach the terminal. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, "·")

/** Breaks text at spaces into lines of at most `width` characters; a longer word is cut. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (let word of printable(text).split(" ")) {
    while ([...word].length > width) {
      if (line !== "") lines.push(line)
      line = ""
      lines.push([...word].slice(0, width).join(""))
      word = [...word].slice(width).join("")
    }
    const joined = line === "" ? word : `${line} ${word}`
    if ([...joined].length > width) {
      lines.push(line)
      line = word
    } else line = joined
  }
  if (line !== "" || lines.length === 0) lines.push(line)
  return lines
}

const laneWidth = (canvas: Canvas): number => Math.max(16, Math.floor((canvas.columns - timeWidth) / lanes.length))

const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - [...text].length))

/** The names above the lanes. */
export const header = (canvas: Canvas): string =>
  paint(
    canvas,
    "chapter",
    " ".repeat(timeWidth) +
      lanes
        .map((lane) => pad(lane, laneWidth(canvas)))
        .join("")
        .trimEnd()
  )

/** One event as lines of text, in the lane of its participant. */
export const render = (event: TimelineEvent, canvas: Canvas): string => {
  const time = `${(event.at / 1000).toFixed(3).padStart(6)}  `
  if (event.lane === "story") return `\n${time}${paint(canvas, "chapter", event.text)}`
  const width = laneWidth(canvas)
  const indent = lanes.indexOf(event.lane) * width
  return wrap(event.text, width - 3)
    .map(
      (line, index) =>
        (index === 0 ? time : " ".repeat(timeWidth)) +
        " ".repeat(indent) +
        paint(canvas, event.kind, `${index === 0 ? signs[event.kind] : " "} ${line}`)
    )
    .join("\n")
}

/** One event as a JSON line. */
export const toJson = (event: TimelineEvent): string => JSON.stringify({ type: "event", ...event })
