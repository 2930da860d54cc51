/**
 * `d2m keys`: a device group key, new or given, and everything that follows from it.
 *
 * Owns the options and what is printed. Prints secrets, because that is what it is asked for; on a terminal it says so.
 *
 * @since 0.1.0
 */
import { Crypto, DeviceGroupKey, Limits, toUrlPath } from "@d2m/codec"
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import { Console, Effect, Option, Redacted, Schema, Stdio } from "effect"
import { Command, Flag, TerminalCapabilities } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import { groupKey, groupKeyFlags } from "./GroupKey.ts"

const flags = {
  ...groupKeyFlags,
  serverGroup: Flag.String("server-group").pipe(
    Flag.withSchema(Schema.String.check(Schema.isPattern(/^[0-9A-Za-z]+$/, { expected: "ASCII letters and digits" }))),
    Flag.withDescription("Chat server group, a part of the URL path; 7a unless given"),
    Flag.withDefault("7a")
  ),
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print one JSON object"), Flag.withDefault(false))
}

/** What is printed, by the names of the JSON; the order is that of printing. */
interface KeyFacts {
  readonly dgk: string
  readonly dgpk: string
  readonly dgrk: string
  readonly dgdik: string
  readonly dgsddk: string
  readonly dgtsk: string
  readonly dghek: string
  readonly dgid: string
  readonly deviceGroupIdPrefix4: string
  readonly deviceGroupIdPrefix8: string
  readonly serverGroup: string
  readonly urlPath: string
}

const meanings: Readonly<Record<keyof KeyFacts, string>> = {
  dgk: "device group key: what all devices of the group share, and all else follows from",
  dgpk: "answers the mediator's challenge",
  dgrk: "seals d2d.Envelope: the messages themselves",
  dgdik: "seals d2d.DeviceInfo",
  dgsddk: "seals d2d.SharedDeviceData",
  dgtsk: "seals d2d.TransactionScope",
  dghek: "seals the exchange of history, outside the mediator",
  dgid: "device group id: the public key of dgpk, which the mediator knows the group by",
  deviceGroupIdPrefix4: "first 4 bits of the id, a placeholder of mediator URLs",
  deviceGroupIdPrefix8: "first 8 bits of the id, a placeholder of mediator URLs",
  serverGroup: "chat server group",
  urlPath: "last segment of the mediator URL: d2m.ClientUrlInfo"
}

const publicFacts: ReadonlySet<string> = new Set<keyof KeyFacts>([
  "dgid",
  "deviceGroupIdPrefix4",
  "deviceGroupIdPrefix8",
  "serverGroup",
  "urlPath"
])

const factsOf = (crypto: Crypto["Service"], dgk: DeviceGroupKey, serverGroup: string): KeyFacts => {
  const keys = crypto.deriveKeys(dgk)
  const hex = (key: Redacted.Redacted<Uint8Array>): string => Hex.encode(Redacted.value(key))
  return {
    dgk: hex(dgk),
    dgpk: hex(keys.dgpk),
    dgrk: hex(keys.dgrk),
    dgdik: hex(keys.dgdik),
    dgsddk: hex(keys.dgsddk),
    dgtsk: hex(keys.dgtsk),
    dghek: hex(keys.dghek),
    dgid: Hex.encode(keys.groupId),
    deviceGroupIdPrefix4: keys.prefix4,
    deviceGroupIdPrefix8: keys.prefix8,
    serverGroup,
    urlPath: toUrlPath({ deviceGroupId: keys.groupId, serverGroup })
  }
}

const render = (facts: KeyFacts, colours: boolean): string => {
  const paint = (text: string, colour: number): string => (colours ? `\u001b[${colour}m${text}\u001b[0m` : text)
  const line = ([name, value]: readonly [string, string]): string =>
    `${paint(name.padEnd(20), 1)}  ${value}\n${" ".repeat(22)}${paint(meanings[name as keyof KeyFacts], 2)}`
  const entries = Object.entries(facts)
  return [
    paint("Secret: whoever has these can read and write what the group says", 31),
    "",
    ...entries.filter(([name]) => !publicFacts.has(name)).map(line),
    "",
    paint("Not secret", 32),
    "",
    ...entries.filter(([name]) => publicFacts.has(name)).map(line)
  ].join("\n")
}

/** A new key, of 32 random bytes. */
const newKey = Effect.map(
  SecureRandom.SecureRandom.use((random) => random.randomBytes(Limits.key)),
  DeviceGroupKey.make
)

/**
 * The command `d2m keys`.
 *
 * @category commands
 * @since 0.1.0
 */
export const keys = Command.make(
  "keys",
  flags,
  Effect.fnUntraced(function* (options) {
    const crypto = yield* Effect.provide(Crypto, layerCrypto)
    const given = yield* groupKey(options)
    const dgk = Option.isSome(given) ? given.value : yield* newKey
    const facts = factsOf(crypto, dgk, options.serverGroup)
    if (options.json) return yield* Console.log(JSON.stringify(facts))
    const stdio = yield* Stdio.Stdio
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    yield* Console.log(render(facts, canColor))
    if (yield* stdio.stdoutIsTerminal) {
      yield* Console.error("\nThese are real secrets, and they are now on your screen and in its scrollback.")
    }
  }, Effect.provide(layerSecureRandom))
).pipe(
  Command.withDescription("Make a device group key, or show what follows from one"),
  Command.withExamples([
    { command: "d2m keys", description: "A new device group key and everything that follows from it" },
    { command: "d2m keys --dgk-file group.key --json", description: "The same of a given key, as JSON" }
  ])
)
