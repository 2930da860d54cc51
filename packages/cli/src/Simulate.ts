/**
 * `d2m simulate`: many worlds of devices and a mediator, one for each seed, judged by oracles.
 *
 * Owns the options, the order of what is printed, and the exit code: 1 when any seed failed, 130 when Ctrl-C ended it
 * early. The runs are `SeedWorkers`', the words `simulate/Report`'s.
 *
 * @since 0.1.0
 */
import { isRepeated, lanesText, type Schedule, Summary } from "@d2m/simulation"
import { Clock, Console, Effect, Exit, Option, Result, Schema, Stream } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { FilePath } from "./FilePath.ts"
import * as Failure from "./simulate/Failure.ts"
import type { Ran, Reproduction, Setting } from "./simulate/Messages.ts"
import { page } from "./simulate/Page.ts"
import { sourcesOf } from "./simulate/Planted.ts"
import { makeProgress } from "./simulate/Progress.ts"
import * as Report from "./simulate/Report.ts"
import { UnreadCode } from "./OutputReader.ts"
import * as SeedWorkers from "./simulate/SeedWorkers.ts"

/**
 * Some seeds failed; which and why has been printed.
 *
 * @category errors
 * @since 0.1.0
 */
export class FailedSeeds extends Schema.TaggedError<FailedSeeds>()("FailedSeeds", {
  failed: Schema.Int,
  total: Schema.Int
}) {
  override get message(): string {
    return `${this.failed} of ${this.total} ${this.total === 1 ? "seed" : "seeds"} failed`
  }
}

const count = (minimum: number, maximum: number) =>
  Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/**
 * A week of virtual time: oracles remember all that was said in a world, about a kilobyte a frame, and its whole schedule is
 * drawn beforehand.
 */
const longest = 7 * 24

const flags = {
  seeds: Flag.Int("seeds").pipe(
    Flag.withAlias("n"),
    count(1, 1_000_000_000),
    Flag.withDescription("How many seeds to run: 100 unless given, 1 when --seed is"),
    Flag.withMetavar("N"),
    Flag.optional
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withAlias("s"),
    count(0, 2 ** 52),
    Flag.withDescription("The first seed; the others follow it: 0 unless given"),
    Flag.withMetavar("S"),
    Flag.optional
  ),
  hours: Flag.Finite("hours").pipe(
    Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0.001, maximum: longest }))),
    Flag.withDescription(
      "Hours that each world lives for until faults are over, a week at most; fractions allowed, a minute unless given"
    ),
    Flag.withMetavar("H"),
    Flag.withDefault(1 / 60)
  ),
  devices: Flag.Int("devices").pipe(
    Flag.withAlias("d"),
    count(1, 64),
    Flag.withDescription("Devices of each world, of all groups together; 3 unless given"),
    Flag.withMetavar("D"),
    Flag.withDefault(3)
  ),
  groups: Flag.Int("groups").pipe(
    Flag.withAlias("g"),
    count(1, 64),
    Flag.withDescription("Device groups they are dealt out to: what each seed draws unless given, mostly one"),
    Flag.withMetavar("G"),
    Flag.optional
  ),
  faults: Flag.Literals("faults", ["none", "light", "swarm", "brutal"]).pipe(
    Flag.withDescription(
      "What goes wrong: nothing, some network, what each seed draws, or much of everything; swarm unless given"
    ),
    Flag.withDefault("swarm" as const)
  ),
  misbehaving: Flag.Boolean("misbehaving").pipe(
    Flag.withDescription("Let the mediator do what a faithful one never does"),
    Flag.withDefault(false)
  ),
  mutant: Flag.String("mutant").pipe(
    Flag.withDescription("Plant a bug in client or mediator first; d2m mutants --list names them"),
    Flag.withMetavar("NAME"),
    Flag.optional
  ),
  jobs: Flag.Int("jobs").pipe(
    Flag.withAlias("j"),
    count(1, 256),
    Flag.withDescription("Threads that run seeds: one for each core unless given; the output is the same"),
    Flag.optional
  ),
  verify: Flag.Boolean("verify").pipe(
    Flag.withDescription("Run each seed twice, and name the first event in which the runs differ"),
    Flag.withDefault(false)
  ),
  failFast: Flag.Boolean("fail-fast").pipe(
    Flag.withDescription("Stop at the first seed that fails"),
    Flag.withDefault(false)
  ),
  folder: Flag.String("failures").pipe(
    Flag.withSchema(FilePath),
    Flag.withDescription(
      "Folder for the files of seeds that failed, d2m-failure-<seed>.json, the working directory unless given; none takes the place of another"
    ),
    Flag.withMetavar("DIR"),
    Flag.withDefault(".")
  ),
  shrink: Flag.Finite("shrink").pipe(
    Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 86_400 }))),
    Flag.withDescription(
      "Seconds to spend on a small reproduction of the first failure of each kind; 0 for none, 5 unless given"
    ),
    Flag.withMetavar("SECONDS"),
    Flag.withDefault(5)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print a JSON object for each seed and one for all, each on a line of its own"),
    Flag.withDefault(false)
  )
}

/** Failures beyond this many are counted, and not written. */
const mostFiles = 100

/** So much of a story is told at once; `d2m replay` tells all of it. */
const mostRows = 80

/**
 * The command `d2m simulate`.
 *
 * @category commands
 * @since 0.1.0
 */
export const simulate = Command.make(
  "simulate",
  flags,
  Effect.fnUntraced(function* (options) {
    const { devices, failFast, faults, folder, json, misbehaving, verify } = options
    const total = Option.getOrElse(options.seeds, () => (Option.isSome(options.seed) ? 1 : 100))
    const setting: Setting = {
      devices,
      ...(Option.isSome(options.groups) ? { groups: options.groups.value } : {}),
      duration: options.hours * 3_600_000,
      faults,
      misbehaving,
      verify
    }
    yield* Failure.checkFolder(folder)
    const summary = new Summary()
    const failed: Array<number> = []
    const unread = yield* UnreadCode
    const progress = yield* makeProgress(total, setting.duration)
    const start = yield* Clock.currentTimeMillis

    const jobs = Math.min(total, Option.getOrElse(options.jobs, availableParallelism))
    const mutant = Option.getOrUndefined(options.mutant)
    const workers = yield* SeedWorkers.make({ setting, sources: yield* sourcesOf(mutant) }, jobs)
    const kinds = new Set<string>()

    /** Of failures of one kind, the first is shrunk and told. */
    const tellFailure = Effect.fnUntraced(function* (ran: Ran) {
      const { report, schedule } = ran
      const { seed, violation } = report
      failed.push(seed)
      if (failed.length > mostFiles) return
      yield* progress.clear
      yield* Console.error(Failure.text(ran))
      if (schedule === undefined) return
      const planted = mutant === undefined ? schedule : { ...schedule, mutant }
      /** Says what came of writing the file before that ends anything: what was found must not be lost with it. */
      const leave = Effect.fnUntraced(function* (
        left: Schedule,
        textOf: (written: Result.Result<string, Failure.UnwritableFailure>) => string
      ) {
        const written = yield* Effect.result(Failure.write(folder, seed, left))
        yield* Console.error(textOf(written))
        if (Result.isFailure(written)) return yield* written.failure
      })
      const leaveDiverged = (left: Schedule) => leave(left, (written) => Failure.divergedText(written, seed))
      if (violation === undefined) return yield* leaveDiverged(planted)
      const { oracle, rule } = violation
      if (ran.again !== undefined) {
        const digests = [report.digest, ran.again.digest] as const
        return yield* leaveDiverged({ ...planted, violates: { oracle, rule, digests } })
      }
      const kind = `${oracle}: ${rule}`
      const failure = { ...planted, violates: { oracle, rule } }
      if (kinds.has(kind)) return yield* leave(failure, Failure.replayText)
      kinds.add(kind)
      const reproduction: Reproduction =
        options.shrink === 0 ? { schedule: failure, runs: 0 } : yield* workers.shrink(failure, options.shrink * 1000)
      const { digest = report.digest } = reproduction
      const told = yield* workers.tell(reproduction.schedule)
      if (!isRepeated({ digest, violation }, told.report)) {
        const digests = [digest, told.report.digest] as const
        yield* Console.error(Failure.digestsText(...digests))
        return yield* leaveDiverged({ ...reproduction.schedule, violates: { oracle, rule, digests } })
      }
      if (reproduction.runs > 0) yield* Console.error(Failure.shrunkText(schedule, reproduction))
      const story = lanesText(told.entries, told.report.violation, { ...(yield* page), last: mostRows })
      const left = Failure.leftText(reproduction.schedule)
      yield* leave(reproduction.schedule, (written) => `${left}${Failure.replayText(written)}\n\n${story}\n`)
    })
    const tell = Effect.fnUntraced(function* (ran: Ran) {
      summary.add(ran.report)
      const line = json ? Console.log(Report.seedJson(ran)) : Effect.void
      if (Report.isOk(ran)) {
        yield* line
      } else {
        unread.code = 1
        // Nobody may read the line any more: by then the failure has its file.
        yield* Effect.ensuring(tellFailure(ran), line)
      }
      yield* progress.advance(summary.seeds, failed.length)
    })
    const sumUp = Effect.fnUntraced(function* (ended: Report.Outcome["ended"]) {
      yield* progress.clear
      if (failed.length > mostFiles) yield* Console.error(Failure.unwrittenText(failed.length - mostFiles))
      const outcome = { summary, failed, millis: (yield* Clock.currentTimeMillis) - start, ended }
      yield* Console.log(json ? Report.summaryJson(outcome) : Report.summaryText(outcome))
    })

    const first = Option.getOrElse(options.seed, () => 0)
    yield* workers
      .run(first, total, (seed, share) => progress.lived(seed - first, share))
      .pipe(
        Stream.takeUntil((ran) => failFast && !Report.isOk(ran)),
        Stream.runForEach(tell),
        Effect.onExit((exit) =>
          sumUp(Exit.isSuccess(exit) ? "Complete" : Exit.hasInterrupts(exit) ? "Interrupted" : "Failed")
        )
      )
    if (failed.length > 0) return yield* new FailedSeeds({ failed: failed.length, total: summary.seeds })
  }, Effect.scoped)
).pipe(
  Command.validate(({ devices, groups }) =>
    Option.isSome(groups) && groups.value > devices
      ? Effect.fail(
          new CliError.ValidationError({ message: `--groups ${groups.value}: ${devices} devices make no more groups` })
        )
      : Effect.void
  ),
  Command.withDescription("Run worlds of devices and a mediator under seeds; exits with 1 when a rule was broken"),
  Command.withExamples([
    {
      command: "d2m simulate --seeds 1000",
      description: "A minute of three devices under swarm faults, a thousand times"
    },
    { command: "d2m simulate --seed 4711 --hours 2 --devices 5 --faults none", description: "One long quiet world" },
    {
      command: "d2m simulate --seeds 100000 --misbehaving --json",
      description: "Against a mediator that lies, for machines"
    }
  ])
)
