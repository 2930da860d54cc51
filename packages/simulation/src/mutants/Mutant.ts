/**
 * A planted bug as data: what is wrong, which decision it breaks, and which text of the source to replace by which.
 *
 * Owns the vocabulary and how a source is patched. Loading a patched source is `node/Plant`'s; which mutants there are stands
 * in this folder, by the concept they harm; whether the oracles notice is found out by `Hunt`.
 *
 * @since 0.1.0
 */
import { Result, Schema } from "effect"

/**
 * Whose source is changed: the client's or the mediator's.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Side = Schema.Literals(["client", "mediator"])

/**
 * The side whose source is changed.
 *
 * @category models
 * @since 0.1.0
 */
export type Side = typeof Side.Type

/**
 * One text of one file and what takes its place. `find` must occur in the file exactly once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Patch {
  /** In the `src` of the side's package. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

/**
 * One planted bug.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mutant {
  /** Its name in schedules, on the command line and in reports. */
  readonly name: string
  readonly side: Side
  /** What the changed program does, in one sentence. */
  readonly flaw: string
  /** What that breaks: a decision or section of the protocol. */
  readonly breaks: string
  readonly patches: ReadonlyArray<Patch>
}

/**
 * A text that a mutant replaces does not stand in its file exactly once (any more): the source has moved on, and the mutant
 * has to follow.
 *
 * @category errors
 * @since 0.1.0
 */
export class AnchorGone extends Schema.TaggedError<AnchorGone>("@d2m/simulation/AnchorGone")("AnchorGone", {
  mutant: Schema.String,
  side: Side,
  file: Schema.String,
  anchor: Schema.String,
  /** How often it occurs. */
  occurrences: Schema.Int
}) {
  override get message(): string {
    const { anchor, file, mutant, occurrences, side } = this
    return `mutant ${mutant}: ${occurrences} places in ${file} of the ${side} read ${JSON.stringify(anchor)}, expected 1`
  }
}

/**
 * The files of a side that a mutant changes, each once.
 *
 * @category getters
 * @since 0.1.0
 */
export const filesOf = (mutant: Mutant): ReadonlyArray<string> => [...new Set(mutant.patches.map(({ file }) => file))]

/**
 * The source of a file with the mutant planted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const patched = (mutant: Mutant, file: string, source: string): Result.Result<string, AnchorGone> => {
  let text = source
  for (const patch of mutant.patches) {
    if (patch.file !== file) continue
    const parts = text.split(patch.find)
    if (parts.length !== 2) {
      const { name, side } = mutant
      return Result.fail(
        new AnchorGone({ mutant: name, side, file, anchor: patch.find, occurrences: parts.length - 1 })
      )
    }
    text = parts.join(patch.replace)
  }
  return Result.succeed(text)
}
