/**
 * The device group key that a command is given: on the command line, in a file, or in the environment.
 *
 * Owns the flags and the reading; what a key opens is the codec's. Errors never repeat what was given.
 *
 * @since 0.1.0
 */
import { DeviceGroupKey, Limits } from "@d2m/codec"
import { Config, Effect, FileSystem, Option, Redacted, Result, Runtime, Schema } from "effect"
import { Flag } from "effect/cli"
import { Hex } from "effect/encoding"
import { FilePath } from "./FilePath.ts"
import { fileReason } from "./FileReason.ts"

/**
 * What was given is no device group key.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnusableGroupKey extends Schema.TaggedError<UnusableGroupKey>()("UnusableGroupKey", {
  /** The option or variable that named it. */
  source: Schema.Literals(["--dgk", "--dgk-file", "--key-file", "D2M_GROUP_KEY"]),
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return `${this.source}: ${this.reason}`
  }
}

/**
 * The options `--dgk` and `--dgk-file`.
 *
 * @category flags
 * @since 0.1.0
 */
export const groupKeyFlags = {
  dgk: Flag.Redacted("dgk").pipe(
    Flag.withDescription("Device group key, 64 hex digits; others can see it in the list of processes"),
    Flag.withMetavar("HEX"),
    Flag.optional
  ),
  dgkFile: Flag.String("dgk-file").pipe(
    Flag.withSchema(FilePath),
    Flag.withDescription("File with the device group key: 64 hex digits, or 32 bytes"),
    Flag.withMetavar("FILE"),
    Flag.optional
  )
}

const keyOf = (source: UnusableGroupKey["source"], text: string) => {
  const digits = text.trim().replace(/^0x/i, "")
  const bytes = Hex.decode(digits)
  const expected = `a device group key is ${2 * Limits.key} hex digits (${Limits.key} bytes)`
  if (Result.isFailure(bytes)) {
    const isOfKeys = /^dgk\s|^\{"dgk":/m.test(text)
    const found = /^[0-9a-f]*$/i.test(digits)
      ? `${digits.length} digits`
      : isOfKeys
        ? "what d2m keys prints: take the digits of its dgk alone"
        : "other characters"
    return Effect.fail(new UnusableGroupKey({ source, reason: `${expected}, found ${found}` }))
  }
  return Effect.mapError(
    Effect.fromResult(DeviceGroupKey.fromBytes(bytes.success)),
    ({ found }) => new UnusableGroupKey({ source, reason: `${expected}, found ${2 * found} digits` })
  )
}

const fromFile = Effect.fnUntraced(function* (source: "--dgk-file" | "--key-file", path: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* Effect.mapError(
    fs.readFile(path),
    (error) => new UnusableGroupKey({ source, reason: `cannot read ${path}: ${fileReason(error)}` })
  )
  return bytes.length === Limits.key
    ? DeviceGroupKey.make(bytes)
    : yield* keyOf(source, new TextDecoder().decode(bytes))
})

/**
 * The key that the options name, or none.
 *
 * @category reading
 * @since 0.1.0
 */
export const groupKey = Effect.fnUntraced(function* (options: {
  readonly dgk: Option.Option<Redacted.Redacted<string>>
  readonly dgkFile: Option.Option<string>
}) {
  const { dgk, dgkFile } = options
  if (Option.isSome(dgk) && Option.isSome(dgkFile)) {
    return yield* new UnusableGroupKey({ source: "--dgk", reason: "give either --dgk or --dgk-file" })
  }
  if (Option.isSome(dgk)) return Option.some(yield* keyOf("--dgk", Redacted.value(dgk.value)))
  return Option.isSome(dgkFile) ? Option.some(yield* fromFile("--dgk-file", dgkFile.value)) : Option.none()
})

/**
 * The option `--key-file`, of commands that act as a device. They take no key from the command line, where others see it.
 *
 * @category flags
 * @since 0.1.0
 */
export const keyFileFlag = Flag.String("key-file").pipe(
  Flag.withSchema(FilePath),
  Flag.withDescription("File with the device group key: 64 hex digits, or 32 bytes; else the variable D2M_GROUP_KEY"),
  Flag.withMetavar("FILE"),
  Flag.optional
)

/**
 * The key in the file, else the one in the variable `D2M_GROUP_KEY`.
 *
 * @category reading
 * @since 0.1.0
 */
export const requiredGroupKey = Effect.fnUntraced(function* (keyFile: Option.Option<string>) {
  if (Option.isSome(keyFile)) return yield* fromFile("--key-file", keyFile.value)
  const variable = yield* Effect.orElseSucceed(Config.Redacted("D2M_GROUP_KEY"), () => Redacted.make(""))
  const text = Redacted.value(variable)
  return text === ""
    ? yield* new UnusableGroupKey({ source: "--key-file", reason: "give it, or set D2M_GROUP_KEY" })
    : yield* keyOf("D2M_GROUP_KEY", text)
})
