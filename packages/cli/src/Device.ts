/**
 * `d2m device`: a device on the terminal, typed at or driven by a script.
 *
 * Owns the options, which may be dialled and trusted as the client's transport says, and the making of the device. What
 * can be typed is `DeviceCommand`'s, what is printed `SessionLine`'s.
 *
 * @since 0.1.0
 */
import { type Content, DeviceObserver, DeviceStore, makeDevice, type DeviceStoreError } from "@d2m/client"
import { layerDeviceStoreSqlite, layerNodeWebSocket } from "@d2m/client/node"
import {
  Common,
  Crypto,
  D2d,
  DeviceId,
  DeviceSlotExpirationPolicy,
  DeviceSlotsExhaustedPolicy,
  mediatorUrl
} from "@d2m/codec"
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import { Clock, Effect, Exit, Layer, Option, Result, Schema, Stdio } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import packageJson from "../package.json" with { type: "json" }
import * as DeviceCommand from "./device/DeviceCommand.ts"
import * as LineSource from "./device/LineSource.ts"
import * as Readable from "./device/Readable.ts"
import * as Session from "./device/Session.ts"
import { Unpromised } from "./device/SessionEnd.ts"
import { idText, type SessionLine } from "./device/SessionLine.ts"
import * as Watch from "./device/Watch.ts"
import { FilePath } from "./FilePath.ts"
import { keyFileFlag, requiredGroupKey } from "./GroupKey.ts"
import { ReaderGone } from "./OutputReader.ts"
import { exitCodeOf } from "./Run.ts"
import { shownUrl } from "./ShownUrl.ts"

const identity = Schema.String.check(
  Schema.isPattern(/^[*0-9A-Z][0-9A-Z]{7}$/, { expected: "8 capital letters and digits, * as the first if need be" })
)

const flags = {
  url: Flag.String("url").pipe(
    Flag.withAlias("u"),
    Flag.withDescription("Base URL of the mediator, as d2m serve tells it; the path of the group is added"),
    Flag.withMetavar("URL")
  ),
  keyFile: keyFileFlag,
  deviceId: Flag.String("device-id").pipe(
    Flag.withDescription("Id of this device, decimal or 0x and hex digits; a new one unless given"),
    Flag.withMetavar("ID"),
    Flag.optional
  ),
  data: Flag.String("data").pipe(
    Flag.withSchema(FilePath),
    Flag.withDescription(
      "File in which the device remembers what it must, made when missing; needs --device-id. Without it the device is a new one each time, and its slot is taken until the mediator's grace is over"
    ),
    Flag.withMetavar("FILE"),
    Flag.optional
  ),
  takeSlot: Flag.Boolean("take-slot").pipe(
    Flag.withDescription(
      "Where the group has no slot left, take that of the device that has been away for longest, or else connected for longest: it is dropped"
    ),
    Flag.withDefault(false)
  ),
  label: Flag.String("label").pipe(
    Flag.withSchema(Schema.String.check(Schema.isMaxLength(1000))),
    Flag.withDescription("What the other devices are told it is called, at most 1000 characters; d2m unless given"),
    Flag.withDefault("d2m")
  ),
  pins: Flag.String("pin").pipe(
    Flag.withSchema(
      Schema.String.check(
        Schema.isPattern(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, { expected: "the base64 of 32 bytes" })
      )
    ),
    Flag.withDescription("Base64 of the SHA-256 of a public key that the mediator may show; as often as wanted"),
    Flag.withMetavar("PIN"),
    Flag.atLeast(0)
  ),
  trust: Flag.Literals("trust", ["chain-and-pin", "pinned-only", "system-trust"]).pipe(
    Flag.withDescription(
      "How wss: earns trust: pinned-only for a self-signed mediator, system-trust without pins; chain-and-pin unless given"
    ),
    Flag.withDefault("chain-and-pin" as const)
  ),
  allowPlaintext: Flag.Boolean("allow-plaintext").pipe(
    Flag.withDescription("Permit ws: to other machines than this one"),
    Flag.withDefault(false)
  ),
  identity: Flag.String("identity").pipe(
    Flag.withSchema(identity),
    Flag.withDescription("The user's identity, 8 characters; ECHOECHO unless given"),
    Flag.withDefault("ECHOECHO")
  ),
  contact: Flag.String("contact").pipe(
    Flag.withSchema(identity),
    Flag.withDescription("Identity of the contact in whose conversation the texts are; ECHOECHO unless given"),
    Flag.withDefault("ECHOECHO")
  ),
  serverGroup: Flag.String("server-group").pipe(
    Flag.withSchema(Schema.String.check(Schema.isPattern(/^[0-9A-Za-z]+$/, { expected: "ASCII letters and digits" }))),
    Flag.withDescription("Chat server group, a part of the URL path; 7a unless given"),
    Flag.withDefault("7a")
  ),
  timeout: Flag.Finite("timeout").pipe(
    Flag.withSchema(Schema.Number.check(Schema.isBetween({ minimum: 0.1, maximum: 86_400 }))),
    Flag.withDescription("Longest time to wait for the mediator, in seconds; 30 unless given"),
    Flag.withDefault(30)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON lines instead of lines for people"),
    Flag.withDefault(false)
  )
}

const invalid = (option: string, value: string, expected: string) =>
  new CliError.InvalidValue({ option, value, expected, kind: "flag" })

/** The id that is given, or a random one, which is never 0: envelopes leave that out. */
const deviceIdOf = Effect.fnUntraced(function* (given: Option.Option<string>) {
  if (Option.isSome(given)) {
    return yield* Effect.mapError(Effect.fromResult(DeviceCommand.parseDeviceId(given.value)), ({ expected }) =>
      invalid("device-id", given.value, expected)
    )
  }
  const bytes = yield* SecureRandom.SecureRandom.use((random) => random.randomBytes(8))
  return DeviceId.make(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0) | 1n)
})

const hostOf = (text: string) => {
  const url = URL.parse(text)
  const refuse = (expected: string) => Effect.fail(invalid("url", shownUrl(text), expected))
  if (url === null || !/^wss?:$/.test(url.protocol)) return refuse("a URL that begins with ws:// or wss://")
  if (url.username !== "" || url.password !== "") return refuse("a URL without user name and password")
  return /[?#]/.test(text)
    ? refuse("a URL without ? and #, as the path of the group is added to it")
    : Effect.succeed(url)
}

/** A text as a message that the user has sent to a contact. */
const textContent = (contact: string, random: SecureRandom.SecureRandom["Service"]) =>
  Effect.fnUntraced(function* (text: string): Effect.fn.Return<Content> {
    const id = yield* random.randomBytes(8)
    const createdAt = yield* Clock.currentTimeMillis
    return {
      _tag: "outgoingMessage",
      value: D2d.OutgoingMessage.make({
        conversation: D2d.ConversationId.make({ id: { _tag: "contact", value: contact } }),
        messageId: new DataView(id.buffer, id.byteOffset).getBigUint64(0),
        createdAt: BigInt(createdAt),
        type: Common.CspE2eMessageType.TEXT,
        body: new TextEncoder().encode(text)
      })
    }
  })

const storeOf = (data: Option.Option<string>, owner: string): Layer.Layer<DeviceStore, DeviceStoreError> =>
  Option.match(data, {
    onNone: () => DeviceStore.layerMemory,
    onSome: (filename) => layerDeviceStoreSqlite({ filename, owner })
  })

const sourceOf = (json: boolean) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const isTerminal = (yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal)
    return yield* isTerminal && !json ? LineSource.prompt(DeviceCommand.names) : LineSource.piped
  })

const errorOf = (exit: Exit.Exit<unknown, { readonly _tag: string; readonly message: string }>) => {
  const error = Exit.findError(exit)
  return Result.isSuccess(error) ? { error: error.success._tag, message: error.success.message } : {}
}

/**
 * The command `d2m device`.
 *
 * @category commands
 * @since 0.1.0
 */
export const device = Command.make(
  "device",
  flags,
  Effect.fnUntraced(
    function* (options) {
      const groupKey = yield* requiredGroupKey(options.keyFile)
      const { host, hostname } = yield* hostOf(options.url)
      if (Option.isSome(options.data) && Option.isNone(options.deviceId)) {
        return yield* invalid(
          "data",
          options.data.value,
          "--device-id as well, for what the file holds is one device's"
        )
      }
      const deviceId = yield* deviceIdOf(options.deviceId)
      const { groupId: deviceGroupId } = (yield* Crypto).deriveKeys(groupKey)
      const { allowPlaintext, contact, label, serverGroup, trust } = options
      const [pin, ...pins] = options.pins

      const source = yield* sourceOf(options.json)
      const tell = (line: SessionLine) => source.print(options.json ? JSON.stringify(line) : Readable.render(line))
      const watch = yield* Watch.make(tell)
      let session: Session.Session | undefined

      const life = Effect.gen(function* () {
        const random = yield* SecureRandom.SecureRandom
        const context = yield* Layer.build(
          Layer.mergeAll(
            storeOf(options.data, `${Hex.encode(deviceGroupId)}/${idText(deviceId)}`),
            layerNodeWebSocket({
              url: mediatorUrl(options.url, { deviceGroupId, serverGroup }),
              trust,
              allowPlaintext,
              ...(pin === undefined ? {} : { pins: [{ host: hostname, pins: [pin, ...pins] }] })
            })
          )
        )
        tell({ _tag: "Device", deviceId: idText(deviceId), groupId: Hex.encode(deviceGroupId), label, address: host })
        const made = yield* makeDevice({
          deviceId,
          groupKey,
          identity: options.identity,
          description: {
            platform: D2d.DeviceInfoPlatform.DESKTOP,
            platformDetails: `Node ${process.versions.node}`,
            appVersion: packageJson.version,
            label
          },
          // A device that remembers nothing would not know its slot again.
          slotExpiration: Option.isSome(options.data)
            ? DeviceSlotExpirationPolicy.PERSISTENT
            : DeviceSlotExpirationPolicy.VOLATILE,
          slotsExhausted: options.takeSlot
            ? DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT
            : DeviceSlotsExhaustedPolicy.REJECT,
          onReflected: watch.onReflected
        }).pipe(Effect.provideContext(context), Effect.provideService(DeviceObserver, watch.observer))
        yield* Effect.addFinalizer(() => watch.end)
        session = yield* Session.make({
          device: made,
          deviceId,
          watch,
          tell,
          source,
          patience: options.timeout * 1000,
          contentOf: textContent(contact, random)
        })
        return yield* session.run
      })

      /** As an interrupt, for nobody is told what comes; but what is owed has not been done. */
      const endsUnread = Effect.gen(function* () {
        yield* yield* ReaderGone
        const { unpromised = 0 } = session?.tally() ?? {}
        if (unpromised > 0) return yield* new Unpromised({ count: unpromised })
      })

      return yield* Effect.scoped(life).pipe(
        Effect.raceFirst(endsUnread),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            source.close()
            if (session === undefined) return
            tell({ _tag: "End", code: exitCodeOf(exit), ...session.tally(), ...errorOf(exit) })
          })
        )
      )
    },
    (effect) => Effect.provide(Effect.scoped(effect), [layerCrypto, layerSecureRandom])
  )
).pipe(
  Command.withDescription(
    ["Be a device: type commands, or pipe them in", "", ...DeviceCommand.help.map((line) => `  ${line}`)].join("\n")
  ),
  Command.withShortDescription("Be a device: type commands, or pipe them in"),
  Command.withExamples([
    { command: "d2m device --url ws://127.0.0.1:8080 --key-file group.key", description: "A prompt to type at" },
    {
      command: "echo 'reflect hello' | d2m device --url ws://127.0.0.1:8080 --key-file group.key --json",
      description: "A script, with JSON lines"
    },
    {
      command: "d2m device --url wss://127.0.0.1:8443 --trust pinned-only --pin rqBp…= --device-id 7 --data seven.db",
      description: "A self-signed mediator, and a device that will still be itself tomorrow"
    }
  ])
)
