/**
 * `d2m mutants`: how many seeds it takes the oracles to find each planted bug.
 *
 * Owns the options, what is printed, and the exit code: non-zero when a mutant survives, or when the program as it is does
 * not come through the same seeds clean. Planting and hunting are the simulation's.
 *
 * @since 0.1.0
 */
import { type Hunted, type Mutant, mutantNamed, mutants as allMutants, ScheduleJson } from "@d2m/simulation"
import { huntPlanted } from "@d2m/simulation/node"
import { Clock, Console, Effect, FileSystem, Option, Path, Schema } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { FilePath } from "./FilePath.ts"
import { unwritable } from "./simulate/Failure.ts"

/**
 * Some mutants were not found, or something was found where nothing is planted; which and what has been printed.
 *
 * @category errors
 * @since 0.1.0
 */
export class MutantsAtLarge extends Schema.TaggedError<MutantsAtLarge>()("MutantsAtLarge", {
  survived: Schema.Array(Schema.String),
  total: Schema.Int,
  /** What the control showed, if anything. */
  control: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    const { control, survived, total } = this
    const atLarge =
      survived.length === 0 ? [] : [`${survived.length} of ${total} mutants survived: ${survived.join(", ")}`]
    return [...atLarge, ...(control === undefined ? [] : [`the control is not clean: ${control}`])].join("; ")
  }
}

const positive = Schema.Int.check(Schema.isGreaterThan(0))

const flags = {
  names: Argument.String("name").pipe(
    Argument.withDescription("Mutants to plant; all of them unless given"),
    Argument.variadic()
  ),
  seeds: Flag.Int("seeds").pipe(
    Flag.withSchema(positive),
    Flag.withDescription("Seeds to try for each at most; 2000 unless given"),
    Flag.withDefault(2_000)
  ),
  jobs: Flag.Int("jobs").pipe(
    Flag.withSchema(positive),
    Flag.withDescription("Mutants to hunt at the same time; as many as there are processors unless given"),
    Flag.withDefault(availableParallelism())
  ),
  out: Flag.String("out").pipe(
    Flag.withSchema(FilePath),
    Flag.withMetavar("DIR"),
    Flag.withDescription("Write the schedule that shows each mutant to DIR/NAME.json"),
    Flag.optional
  ),
  list: Flag.Boolean("list").pipe(
    Flag.withDescription("Say what each mutant is, and hunt none"),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print one JSON object a line"), Flag.withDefault(false))
}

interface Report {
  readonly mutant: Mutant | undefined
  readonly hunted: Hunted
  readonly millis: number
}

const nameWidth = Math.max(...allMutants.map(({ name }) => name.length))
const sideWidth = "mediator".length

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const outcomeOf = (hunted: Hunted): string => {
  switch (hunted._tag) {
    case "Killed":
      return `${hunted.violation.oracle}: ${hunted.violation.rule} (${hunted.ground})`
    case "Misplanted":
      return `MISPLANTED: ${hunted.found.split("\n", 1)[0]}`
    case "Survived":
      return "SURVIVED"
  }
}

const seedsOf = (hunted: Hunted): number => (hunted._tag === "Misplanted" ? 0 : hunted.seeds)

const lineOf = ({ hunted, millis, mutant }: Report): string => {
  const seeds = String(seedsOf(hunted)).padStart(5)
  const isClean = mutant === undefined && hunted._tag === "Survived"
  return [
    (mutant?.name ?? "control").padEnd(nameWidth),
    (mutant?.side ?? "none").padEnd(sideWidth),
    seeds,
    seconds(millis).padStart(8),
    isClean ? "clean" : outcomeOf(hunted)
  ].join("  ")
}

const jsonOf = ({ hunted, millis, mutant }: Report): string =>
  JSON.stringify({
    mutant: mutant?.name ?? null,
    ...(mutant === undefined ? {} : { side: mutant.side }),
    outcome: hunted._tag,
    seeds: seedsOf(hunted),
    millis: Math.round(millis),
    ...(hunted._tag === "Killed"
      ? { ground: hunted.ground, seed: hunted.schedule.seed, violation: hunted.violation }
      : hunted._tag === "Misplanted"
        ? { found: hunted.found }
        : {})
  })

const medianOf = (numbers: ReadonlyArray<number>): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? 0
}

const named = (names: ReadonlyArray<string>) =>
  Effect.forEach(names, (name) => {
    const mutant = mutantNamed(name)
    return mutant === undefined
      ? Effect.fail(
          new CliError.InvalidValue({
            option: "name",
            value: name,
            expected: "one of d2m mutants --list",
            kind: "argument"
          })
        )
      : Effect.succeed(mutant)
  })

const describe = (mutant: Mutant, json: boolean): string => {
  const { breaks, flaw, name, side } = mutant
  return json
    ? JSON.stringify({ mutant: name, side, flaw, breaks })
    : `${name.padEnd(nameWidth)}  ${side.padEnd(sideWidth)}  ${flaw} (${breaks})`
}

/** Makes the folder of `--out` before anything is hunted: a hunt takes minutes. */
const makeFolder = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(unwritable(folder))
})

const keep = Effect.fnUntraced(function* (folder: string, mutant: Mutant, hunted: Hunted) {
  if (hunted._tag !== "Killed") return
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* Schema.encodeEffect(ScheduleJson)(hunted.schedule)
  const file = path.join(folder, `${mutant.name}.json`)
  yield* fs.writeFileString(file, `${text}\n`).pipe(unwritable(file))
})

/**
 * The command `d2m mutants`.
 *
 * @category commands
 * @since 0.1.0
 */
export const mutants = Command.make(
  "mutants",
  flags,
  Effect.fnUntraced(function* ({ json, list, names, out, seeds, jobs }) {
    const chosen = names.length === 0 ? allMutants : yield* named(names)
    if (list) return yield* Effect.forEach(chosen, (mutant) => Console.log(describe(mutant, json)), { discard: true })
    if (Option.isSome(out)) yield* makeFolder(out.value)

    const report = Effect.fnUntraced(function* (mutant: Mutant | undefined, seeds: number) {
      const clock = yield* Clock.Clock
      const since = clock.currentTimeMillisUnsafe()
      const hunted = yield* huntPlanted(mutant, { seeds })
      const report = { mutant, hunted, millis: clock.currentTimeMillisUnsafe() - since }
      yield* Console.log(json ? jsonOf(report) : lineOf(report))
      if (mutant !== undefined && Option.isSome(out)) yield* keep(out.value, mutant, hunted)
      return report
    })

    const reports = yield* Effect.forEach(chosen, (mutant) => report(mutant, seeds), { concurrency: jobs })
    const killed = reports.flatMap(({ hunted }) => (hunted._tag === "Killed" ? [hunted.seeds] : []))
    // What the oracles find in a mutant counts for nothing if they find it where there is none.
    const control = yield* report(undefined, Math.max(1, ...killed))
    if (!json) {
      const needed = `${medianOf(killed)} seeds in the median, ${Math.max(0, ...killed)} at most`
      yield* Console.log(`\n${killed.length} of ${reports.length} mutants killed, ${needed}`)
    }
    const survived = reports.flatMap(({ hunted, mutant }) =>
      hunted._tag === "Killed" || mutant === undefined ? [] : [mutant.name]
    )
    const unclean = control.hunted._tag === "Survived" ? {} : { control: outcomeOf(control.hunted) }
    if (survived.length > 0 || control.hunted._tag !== "Survived") {
      return yield* new MutantsAtLarge({ survived, total: reports.length, ...unclean })
    }
  })
).pipe(
  Command.withDescription("Plant bugs in client and mediator, and tell how many seeds it takes to find each"),
  Command.withExamples([
    { command: "d2m mutants", description: "All of them" },
    { command: "d2m mutants dry-twice --json --out found", description: "One, with the schedule that shows it" },
    { command: "d2m mutants --list", description: "What each of them is" }
  ])
)
