/**
 * `pnpm demo`: three devices and a mediator, live on a terminal.
 *
 * Owns the options, the summary and the exit code: non-zero when anything that was promised is missing.
 *
 * @since 0.1.0
 */
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import packageJson from "../../package.json" with { type: "json" }
import { FilePath } from "../FilePath.ts"
import { runMain } from "../Run.ts"
import * as Messages from "./Messages.ts"
import * as Recorder from "./Recorder.ts"
import * as Story from "./Story.ts"
import type { Verdict } from "./Tally.ts"

/**
 * Something that was promised did not arrive, or not in order.
 *
 * @category errors
 * @since 0.1.0
 */
class PromiseBroken extends Schema.TaggedError<PromiseBroken>()("PromiseBroken", {}) {
  override get message(): string {
    return "something that was promised is missing; see the summary"
  }
}

const flags = {
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON lines: one an event, the last one the summary"),
    Flag.withDefault(false)
  ),
  file: Flag.String("file").pipe(
    Flag.withSchema(FilePath),
    Flag.withAlias("f"),
    Flag.withDescription("Reflect the lines of this file; - is standard input"),
    Flag.optional
  ),
  columns: Flag.Int("columns").pipe(
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 72, maximum: 400 }))),
    Flag.withDescription("Width of the picture; the terminal's unless given"),
    Flag.optional
  )
}

const mayColour = (): boolean =>
  process.env["NO_COLOR"] === undefined && (process.stdout.isTTY || process.env["FORCE_COLOR"] !== undefined)

const summaryOf = ({ rows }: Verdict): string => {
  const cells = rows.map((row) => [
    row.device,
    String(row.sent),
    String(row.acked),
    String(row.received),
    row.dropped ? "-" : String(row.owed),
    row.dropped ? "dropped" : row.missing === 0 ? "none" : String(row.missing),
    row.inOrder ? "yes" : "NO"
  ])
  const table = [["device", "sent", "acked", "received", "owed", "missing", "in order"], ...cells]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  return table
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ")
    )
    .join("\n")
}

const demo = Command.make(
  "demo",
  flags,
  Effect.fnUntraced(function* ({ columns, file, json }) {
    const texts = yield* Messages.read(file)
    const recorder = yield* Recorder.make(
      json
        ? { _tag: "Json" }
        : {
            _tag: "Lanes",
            canvas: {
              columns:
                columns._tag === "Some" ? columns.value : Math.max(72, Math.min(process.stdout.columns ?? 120, 160)),
              colours: mayColour()
            }
          }
    )
    const verdict = yield* Story.play(recorder, texts)
    yield* Console.log(
      json
        ? JSON.stringify({ type: "summary", ...verdict })
        : `\n${summaryOf(verdict)}\n\n${verdict.ok ? "Everything that was promised arrived, in order." : "NOT everything arrived."}`
    )
    if (!verdict.ok) return yield* new PromiseBroken()
  })
).pipe(Command.withDescription("Three devices and a mediator, live"))

runMain(demo, packageJson.version)
