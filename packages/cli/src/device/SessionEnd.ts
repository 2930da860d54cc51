/**
 * The ways in which a session ends badly, each with its exit code.
 *
 * Owns the codes: 1 something was not done, 2 a script that cannot be read, 3 no connection, or the user is needed. 0 is
 * success and 130 an interrupt, as everywhere.
 *
 * @since 0.1.0
 */
import { Runtime, Schema } from "effect"

/**
 * A line of a script is no command; nothing after it was carried out.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScriptError extends Schema.TaggedError<ScriptError>()("ScriptError", {
  line: Schema.Int,
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return `line ${this.line}: ${this.reason}`
  }
}

/**
 * A command of a script failed; nothing after it was carried out.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  line: Schema.Int,
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 1
  override get message(): string {
    return `line ${this.line}: ${this.reason}`
  }
}

/**
 * The mediator has not promised everything that was reflected, although the device is connected.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unpromised extends Schema.TaggedError<Unpromised>()("Unpromised", { count: Schema.Int }) {
  override readonly [Runtime.errorExitCode] = 1
  override get message(): string {
    return `${this.count} of what was reflected has not been promised`
  }
}

/**
 * What was waited for did not come in time, although the device is connected.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overdue extends Schema.TaggedError<Overdue>()("Overdue", {
  waitingFor: Schema.String,
  millis: Schema.Number
}) {
  override readonly [Runtime.errorExitCode] = 1
  override get message(): string {
    return `no ${this.waitingFor} within ${this.millis / 1000} s`
  }
}

/**
 * There is no connection to the mediator, and there was none in time.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConnected extends Schema.TaggedError<NotConnected>()("NotConnected", {
  /** How the latest connection ended, if there was one. */
  because: Schema.optionalKey(Schema.String)
}) {
  override readonly [Runtime.errorExitCode] = 3
  override get message(): string {
    return `not connected to the mediator${this.because === undefined ? "" : `: ${this.because}`}`
  }
}

/**
 * The device does not go on by itself and nobody answered; `reason` is a tag of `UserReason`.
 *
 * @category errors
 * @since 0.1.0
 */
export class UserNeeded extends Schema.TaggedError<UserNeeded>()("UserNeeded", {
  reason: Schema.String,
  because: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 3
  override get message(): string {
    return `the device needs its user (${this.reason}): ${this.because}`
  }
}

/**
 * A command cannot be carried out as things are.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutOfPlace extends Schema.TaggedError<OutOfPlace>()("OutOfPlace", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

/**
 * Every way in which a session ends badly.
 *
 * @category errors
 * @since 0.1.0
 */
export type SessionEnd = ScriptError | CommandFailed | Unpromised | Overdue | NotConnected | UserNeeded
