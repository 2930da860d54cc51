/**
 * What can be typed into `d2m device`: one command a line.
 *
 * Owns the commands, their help and their reading, which is pure. Carrying them out is the session's.
 *
 * @since 0.1.0
 */
import { connectAnyway, continueAsIs, registerAgain, type Resume } from "@d2m/client"
import { quoted } from "@d2m/codec/explain"
import { D2d, DeviceId } from "@d2m/codec"
import { Result, Schema } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"

/**
 * A line is no command, or lacks something.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotACommand extends Schema.TaggedError<NotACommand>()("NotACommand", {
  /** What was there instead, quoted and safe to print. */
  found: Schema.String,
  expected: Schema.String
}) {
  override get message(): string {
    return `expected ${this.expected}, found ${this.found}`
  }
}

/**
 * What `wait` can wait for; a number counts messages.
 *
 * @category models
 * @since 0.1.0
 */
export type Awaited = "live" | "dry" | "leader" | "user" | "promised" | number

/**
 * A transaction's scope, a number of `D2d.TransactionScopeScope`, and its time to live in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionTerms {
  readonly scope: number
  readonly ttl?: number
}

/**
 * One command.
 *
 * @category models
 * @since 0.1.0
 */
export type DeviceCommand =
  | { readonly _tag: "Reflect"; readonly text: string }
  | { readonly _tag: "Ephemeral"; readonly text: string }
  | ({ readonly _tag: "Transaction"; readonly texts: NonEmptyReadonlyArray<string> } & TransactionTerms)
  | ({ readonly _tag: "Begin" } & TransactionTerms)
  | { readonly _tag: "Commit" }
  | { readonly _tag: "Abort" }
  | { readonly _tag: "Devices" }
  | { readonly _tag: "Drop"; readonly deviceId: DeviceId | "me" }
  | { readonly _tag: "State" }
  | { readonly _tag: "Wait"; readonly awaited: Awaited }
  | { readonly _tag: "Resume"; readonly answer: Resume }
  | { readonly _tag: "Retry" }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Quit" }

const usages = [
  ["reflect TEXT", "send a text to all other devices; the mediator's promise is told when it comes"],
  ["ephemeral TEXT", "send a text to the devices that are connected now"],
  ["transaction SCOPE [ttl=SECONDS] TEXT | TEXT …", "reflect texts that become visible all at once"],
  ["begin SCOPE [ttl=SECONDS]", "take the group's lock; what is reflected from here on belongs to the transaction"],
  ["commit", "make the transaction's texts visible"],
  ["abort", "give the transaction up; the connection is dropped to undo it"],
  ["devices", "list the devices of the group"],
  ["drop ID", "remove a device from the group; me is this one"],
  ["state", "tell the state of the connection"],
  ["wait live|dry|leader|user|promised", "wait for that state, for a question, or for all promises"],
  ["wait COUNT", "wait until so many more messages have come than were waited for before"],
  ["resume continue|register|anyway [SECONDS]", "answer the question of a device that needs its user"],
  ["retry", "connect now instead of at the next try"],
  ["help", "tell this; ? does too"],
  ["quit", "wait for all promises and hang up, as the end of input does"]
] as const

const nameOf = (usage: string): string => usage.split(" ")[0]!

/**
 * The names of all commands.
 *
 * @category constants
 * @since 0.1.0
 */
export const names: ReadonlyArray<string> = [...new Set(usages.map(([usage]) => nameOf(usage)))]

/**
 * The scopes by name, as `begin` and `transaction` take them; a number is fine too.
 *
 * @category constants
 * @since 0.1.0
 */
export const scopes: ReadonlyArray<string> = Object.keys(D2d.TransactionScopeScope).map((name) => name.toLowerCase())

const widest = Math.max(...usages.map(([usage]) => usage.length))

/**
 * All commands with their meanings, a line each.
 *
 * @category constants
 * @since 0.1.0
 */
export const help: ReadonlyArray<string> = [
  ...usages.map(([usage, meaning]) => `${usage.padEnd(widest)}  ${meaning}`),
  `SCOPE is ${scopes.join(", ")}, or a number. ID is decimal or 0x and hex digits. A line that begins with # is a remark.`
]

type Parsed<A> = Result.Result<A, NotACommand>

const shown = (text: string): string =>
  text === "" ? "the end of the line" : quoted(text.length > 40 ? `${text.slice(0, 40)}…` : text)

const no = (expected: string, found: string): Result.Result<never, NotACommand> =>
  Result.fail(new NotACommand({ expected, found: shown(found) }))

/** The first word of a text, and what follows it. */
const wordOf = (text: string): readonly [word: string, rest: string] => {
  const [word = ""] = /^\S*/.exec(text) ?? []
  return [word, text.slice(word.length).trim()]
}

const maxU64 = 0xffff_ffff_ffff_ffffn

/**
 * Reads a device id: decimal, or `0x` and up to 16 hex digits.
 *
 * @category reading
 * @since 0.1.0
 */
export const parseDeviceId = (text: string): Result.Result<DeviceId, NotACommand> => {
  const isNumber = /^(\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text)
  const value = isNumber ? BigInt(text.toLowerCase()) : -1n
  return value >= 0n && value <= maxU64
    ? Result.succeed(DeviceId.make(value))
    : no("a device id, decimal or 0x and up to 16 hex digits", text)
}

const wholeNumber = (text: string, maximum: number): number | undefined => {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  return value <= maximum ? value : undefined
}

const maxI32 = 0x7fff_ffff
const maxU32 = 0xffff_ffff

const scopeNumbers = new Map(
  Object.entries(D2d.TransactionScopeScope).map(([name, value]) => [name.toLowerCase(), value])
)

const scopeOf = (text: string): Parsed<number> => {
  const number = wholeNumber(text, maxI32) ?? scopeNumbers.get(text.toLowerCase().replaceAll("-", "_"))
  return number !== undefined ? Result.succeed(number) : no(`a scope: ${scopes.join(", ")}, or a number`, text)
}

const termsOf = (text: string): Parsed<readonly [TransactionTerms, rest: string]> =>
  Result.gen(function* () {
    const [scopeName, afterScope] = wordOf(text)
    const scope = yield* scopeOf(scopeName)
    const [ttlWord, afterTtl] = wordOf(afterScope)
    if (!ttlWord.startsWith("ttl=")) return [{ scope }, afterScope] as const
    const ttl = wholeNumber(ttlWord.slice(4), maxU32)
    if (ttl === undefined || ttl === 0) return yield* no("ttl= and whole seconds, at least 1", ttlWord)
    return [{ scope, ttl }, afterTtl] as const
  })

const awaitedOf = (text: string): Parsed<Awaited> => {
  switch (text) {
    case "live":
    case "dry":
    case "leader":
    case "user":
    case "promised":
      return Result.succeed(text)
    default: {
      const count = wholeNumber(text, maxU32)
      return count === undefined || count === 0
        ? no("live, dry, leader, user, promised, or a number of messages", text)
        : Result.succeed(count)
    }
  }
}

const answerOf = (text: string): Parsed<Resume> => {
  const [word, rest] = wordOf(text)
  if (word === "anyway") {
    const seconds = rest === "" ? 3600 : wholeNumber(rest, maxU32)
    return seconds === undefined || seconds === 0
      ? no("whole seconds, at least 1", rest)
      : Result.succeed(connectAnyway(seconds * 1000))
  }
  if (rest !== "") return no("the end of the line", rest)
  if (word === "continue") return Result.succeed(continueAsIs)
  return word === "register" ? Result.succeed(registerAgain) : no("continue, register, or anyway", word)
}

const alone = (command: DeviceCommand, rest: string): Parsed<DeviceCommand> =>
  rest === "" ? Result.succeed(command) : no("the end of the line", rest)

const textOf = (name: "Reflect" | "Ephemeral", text: string): Parsed<DeviceCommand> =>
  text === "" ? no("a text", "") : Result.succeed({ _tag: name, text })

const commandOf = (word: string, rest: string): Parsed<DeviceCommand> => {
  switch (word.toLowerCase()) {
    case "reflect":
      return textOf("Reflect", rest)
    case "ephemeral":
      return textOf("Ephemeral", rest)
    case "transaction":
      return Result.flatMap(termsOf(rest), ([terms, text]) => {
        const [first = "", ...others] = text.split(/(?:^|\s)\|(?=\s|$)/).map((part) => part.trim())
        return [first, ...others].includes("")
          ? no("texts with | between them", text)
          : Result.succeed({ _tag: "Transaction", texts: [first, ...others], ...terms })
      })
    case "begin":
      return Result.flatMap(termsOf(rest), ([terms, after]) => alone({ _tag: "Begin", ...terms }, after))
    case "drop":
      return rest === "me"
        ? Result.succeed({ _tag: "Drop", deviceId: "me" })
        : Result.map(parseDeviceId(rest), (deviceId) => ({ _tag: "Drop", deviceId }))
    case "wait":
      return Result.map(awaitedOf(rest), (awaited) => ({ _tag: "Wait", awaited }))
    case "resume":
      return Result.map(answerOf(rest), (answer) => ({ _tag: "Resume", answer }))
    case "commit":
      return alone({ _tag: "Commit" }, rest)
    case "abort":
      return alone({ _tag: "Abort" }, rest)
    case "devices":
      return alone({ _tag: "Devices" }, rest)
    case "state":
      return alone({ _tag: "State" }, rest)
    case "retry":
      return alone({ _tag: "Retry" }, rest)
    case "help":
    case "?":
      return alone({ _tag: "Help" }, rest)
    case "quit":
      return alone({ _tag: "Quit" }, rest)
    default:
      return no(`a command: ${names.join(", ")}`, word)
  }
}

/**
 * Reads a line: a command, or `undefined` for a blank line and a remark.
 *
 * @category reading
 * @since 0.1.0
 */
export const parse = (line: string): Result.Result<DeviceCommand | undefined, NotACommand> => {
  const text = line.trim()
  return text === "" || text.startsWith("#") ? Result.succeed(undefined) : commandOf(...wordOf(text))
}
