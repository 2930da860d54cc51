/**
 * The planted bug that a command is to run with, by its name.
 *
 * @since 0.1.0
 */
import { type Mutant, mutantNamed } from "@d2m/simulation"
import { plantedSources } from "@d2m/simulation/node"
import { Effect, Runtime, Schema } from "effect"

/**
 * Nobody knows of a planted bug of this name.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownMutant extends Schema.TaggedError<UnknownMutant>()("UnknownMutant", { name: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return `there is no mutant ${this.name}; d2m mutants --list names them all`
  }
}

const find = (name: string): Effect.Effect<Mutant, UnknownMutant> => {
  const mutant = mutantNamed(name)
  return mutant === undefined ? Effect.fail(new UnknownMutant({ name })) : Effect.succeed(mutant)
}

/** The sources of the bug, by their URLs; none without a name. */
export const sourcesOf = (name: string | undefined) =>
  name === undefined
    ? Effect.succeed<ReadonlyMap<string, string>>(new Map())
    : Effect.flatMap(find(name), plantedSources)
