/**
 * What `d2m device` prints, one line at a time.
 *
 * Owns the closed union of lines and their JSON, which is the line itself. Nothing in it is secret but the texts that
 * the devices exchange. Rendering a line for people is `Readable`'s.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/** A device id as it is shown everywhere: `0x` and 16 hex digits. */
const id = Schema.String.check(Schema.isPattern(/^0x[0-9a-f]{16}$/))

/** Milliseconds since 1970, of this machine. */
const at = Schema.Number

/** Milliseconds since 1970 as the mediator has them: 64 bits, more than a JSON number holds everywhere, so in decimal digits. */
const time = Schema.String.check(Schema.isPattern(/^\d{1,20}$/))

const answer = Schema.Literals(["continue", "anyway", "register"])

/**
 * One registered device. `label` and the like are absent when its info cannot be read; `connected` is absent when the
 * mediator does not say.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ListedDevice = Schema.Struct({
  deviceId: id,
  own: Schema.Boolean,
  persistent: Schema.Boolean,
  label: Schema.optionalKey(Schema.String),
  platform: Schema.optionalKey(Schema.String),
  appVersion: Schema.optionalKey(Schema.String),
  connected: Schema.optionalKey(Schema.Boolean),
  since: Schema.optionalKey(time)
})

/**
 * One printed line.
 *
 * - `Device` who this device is, the first line
 * - `State` the connection has changed, or was asked after; `because`, `reason` and `answers` as far as they apply
 * - `Event` something happened that nobody asked for: a `DeviceEvent` by its tag
 * - `Received` a message of another device; `text` when it is one, else the first bytes in `hex`; `bytes` is its length
 * - `Promised` the mediator has promised to deliver the `number`th reflect of this session
 * - `Provisional` the mediator has taken the `number`th reflect, as a part of the open transaction
 * - `Sent` an ephemeral is on its way, which nobody promises anything for
 * - `Transaction` where the transaction stands
 * - `Failed` a command failed, `Refused` a line that is no command
 * - `End` the last line: the exit code, and how many reflects were promised and were not
 *
 * @category schemas
 * @since 0.1.0
 */
export const SessionLine = Schema.TaggedUnion({
  Device: { deviceId: id, groupId: Schema.String, label: Schema.String, address: Schema.String },
  State: {
    at,
    state: Schema.Literals(["Connecting", "Handshaking", "Live", "Waiting", "NeedsUser", "Stopped"]),
    pending: Schema.Int,
    attempt: Schema.optionalKey(Schema.Int),
    dry: Schema.optionalKey(Schema.Boolean),
    leader: Schema.optionalKey(Schema.Boolean),
    queued: Schema.optionalKey(Schema.Int),
    failures: Schema.optionalKey(Schema.Int),
    nextTryAt: Schema.optionalKey(at),
    reason: Schema.optionalKey(Schema.String),
    because: Schema.optionalKey(Schema.String),
    answers: Schema.optionalKey(Schema.Array(answer)),
    died: Schema.optionalKey(Schema.Boolean)
  },
  Event: {
    at,
    event: Schema.String,
    deviceId: Schema.optionalKey(id),
    scope: Schema.optionalKey(Schema.String),
    reflectedId: Schema.optionalKey(Schema.Int),
    detail: Schema.optionalKey(Schema.String)
  },
  Received: {
    reflectedId: Schema.Int,
    sender: id,
    time,
    ephemeral: Schema.Boolean,
    content: Schema.String,
    bytes: Schema.Int,
    text: Schema.optionalKey(Schema.String),
    hex: Schema.optionalKey(Schema.String)
  },
  Promised: { number: Schema.Int, time },
  Provisional: { number: Schema.Int, time },
  Sent: {},
  Transaction: { phase: Schema.Literals(["held", "committed", "aborted"]), scope: Schema.String },
  Devices: { devices: Schema.Array(ListedDevice) },
  Dropped: { deviceId: id },
  Resumed: { answer },
  Retrying: {},
  Help: { lines: Schema.Array(Schema.String) },
  Failed: { line: Schema.Int, error: Schema.String, message: Schema.String },
  Refused: { line: Schema.Int, expected: Schema.String, found: Schema.String },
  End: {
    code: Schema.Int,
    promised: Schema.Int,
    unpromised: Schema.Int,
    received: Schema.Int,
    error: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.String)
  }
})

/**
 * One line of output, as `--json` prints it.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionLine = typeof SessionLine.Type

/**
 * A line by its tag.
 *
 * @category models
 * @since 0.1.0
 */
export type LineOf<Tag extends SessionLine["_tag"]> = Extract<SessionLine, { readonly _tag: Tag }>

/**
 * A device id as every line shows it.
 *
 * @category getters
 * @since 0.1.0
 */
export const idText = (deviceId: bigint): string => `0x${deviceId.toString(16).padStart(16, "0")}`
