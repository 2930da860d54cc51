/**
 * What must hold inside the mediator whatever its peers do.
 *
 * Owns the defect that a broken one throws. A peer cannot cause it; a shell that meets it closes the group's
 * connections with 1011 and reads the group from its store again.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * The mediator contradicted itself. Thrown by `step` as a defect: there is nothing a caller could have done better.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvariantViolation extends Schema.TaggedError<InvariantViolation>()("InvariantViolation", {
  /** What should have held. */
  rule: Schema.String
}) {
  override get message(): string {
    return `the mediator broke its own rule: ${this.rule}`
  }
}

/**
 * Throws {@link InvariantViolation} unless `holds`.
 *
 * @category assertions
 * @since 0.1.0
 */
export function invariant(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new InvariantViolation({ rule })
}
