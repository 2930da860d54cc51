/**
 * File descriptors of the process, of which every connection takes one.
 *
 * Owns how many connections they are enough for, and whether any is left. Beyond them Node accepts a connection, hangs up on
 * it and tells nobody: that it comes to this must be seen ahead, or found out by trying.
 *
 * @since 0.1.0
 */
import { Effect, Option, Schema } from "effect"
import { closeSync, openSync } from "node:fs"
import { devNull } from "node:os"
import { type Guards, openGuards } from "./Guards.ts"

const Report = Schema.Struct({
  userLimits: Schema.Struct({ open_files: Schema.Struct({ soft: Schema.Number }) })
})

/** The option is younger than the types. */
type ProcessReport = NonNullable<typeof process.report> & { excludeNetwork?: boolean }

/** How many the process may have; nothing where there is no limit. */
const limit = Effect.sync((): Option.Option<number> => {
  const report: ProcessReport = process.report
  const isExcluded = report.excludeNetwork ?? false
  // Otherwise it would wait for the names of all peers.
  report.excludeNetwork = true
  const limits = Schema.decodeUnknownOption(Report)(report.getReport())
  report.excludeNetwork = isExcluded
  return Option.map(limits, ({ userLimits }) => userLimits.open_files.soft)
})

/** For the event loop, threads, the store's files, the log and operators; half of them are in use when nobody is connected. */
const reserved = 64

/**
 * The guards, with no more connections than the process has file descriptors for, of which a connection takes `each`; says so
 * in the log if that is fewer. Those who wait for their refusal have an eighth then.
 */
export const withinDescriptors = Effect.fnUntraced(function* (guards: Guards, each: number) {
  const descriptors = yield* limit
  if (Option.isNone(descriptors)) return guards
  const room = descriptors.value - reserved
  if (guards.maxConnections * each + guards.maxRefusals <= room) return guards
  const maxRefusals = Math.min(guards.maxRefusals, Math.max(1, Math.floor(room / 8)))
  const maxConnections = Math.min(guards.maxConnections, Math.max(1, Math.floor((room - maxRefusals) / each)))
  // Open guards ask for as many as there are.
  if (maxConnections < guards.maxConnections && guards.maxConnections < openGuards.maxConnections) {
    yield* Effect.annotateLogs(Effect.logWarning("fewer connections than asked for: file descriptors are scarce"), {
      maxConnections,
      wanted: guards.maxConnections,
      descriptors: descriptors.value
    })
  }
  return { ...guards, maxConnections, maxRefusals }
})

/** Whether all descriptors of the process, or of the machine, are in use. */
export const areDescriptorsUsedUp = (): boolean => {
  try {
    closeSync(openSync(devNull, "r"))
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === "EMFILE" || code === "ENFILE"
  }
}
