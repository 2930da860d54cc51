/**
 * What may be asked for of a simulation.
 *
 * Owns the bounds of its options, which are checked before a schedule is drawn with them. What is drawn is checked as a
 * `Schedule`.
 *
 * @since 0.1.0
 */
import { Effect, Schema, SchemaIssue } from "effect"
import { count, millis } from "./Quantity.ts"
import { InvalidSchedule } from "./Schedule.ts"
import type { FaultLevel } from "./Swarm.ts"

const levels: ReadonlyArray<FaultLevel> = ["none", "light", "swarm", "brutal"]

/** Of a simulation, so much as a schedule does not hold itself. */
const Bounds = Schema.Struct({
  seed: Schema.optional(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  seeds: Schema.optional(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  devices: Schema.optional(Schema.Union([count, Schema.Array(Schema.String).check(Schema.isMinLength(1))])),
  duration: Schema.optional(millis),
  faults: Schema.optional(Schema.Literals(levels)),
  story: Schema.optional(Schema.Literals(["brief", "full"])),
  maxSteps: Schema.optional(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  shrinkRuns: Schema.optional(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))
}).check(
  Schema.makeFilter(({ seed = 0, seeds = 1 }) =>
    seed <= Number.MAX_SAFE_INTEGER - (seeds - 1)
      ? undefined
      : { path: ["seed"], issue: `the last of ${seeds} seeds is beyond ${Number.MAX_SAFE_INTEGER}` }
  )
)

const formatIssue = SchemaIssue.makeFormatterDefault()

/** What is wrong with options that no simulation can have. */
export const outOfBounds = (options: typeof Bounds.Type): InvalidSchedule | undefined =>
  Bounds.makeEffect(options).pipe(
    Effect.match({
      onFailure: (issue) => new InvalidSchedule({ detail: formatIssue(issue) }),
      onSuccess: () => undefined
    }),
    Effect.runSync
  )
