/**
 * `d2m serve`: a mediator behind a WebSocket server, until somebody stops it.
 *
 * Owns the options, the one JSON line that tells where it listens, and what signals mean: SIGTERM is success. Closing every
 * connection with 1001 when it stops is the server's.
 *
 * @since 0.1.0
 */
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import {
  ChatUpstream,
  layerGuardWatch,
  layerLog,
  layerSpans,
  lenientOptions,
  Mediator,
  MediatorStore,
  strictOptions
} from "@d2m/server-sim"
import * as Node from "@d2m/server-sim/node"
import { Console, Context, Effect, Latch, Layer, Option, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { FilePath } from "./FilePath.ts"
import { count, guardFlags, guardsOf, limitsOf, unusable } from "./GuardFlags.ts"
import { adminOf, observeFlags, telemetryOf } from "./ObserveFlags.ts"
import { InterruptedCode } from "./Run.ts"
import * as SelfSignedCertificate from "./SelfSignedCertificate.ts"

const chatAddress = /^(?:tcp:\/\/)?(?<host>\[[0-9a-fA-F:.]+\]|[^\s:/]+):(?<port>\d{1,5})$/

/** IPv6 addresses stand in brackets where a port follows, and some write them so where none does. */
const withoutBrackets = (host: string): string => host.replace(/^\[(.+)\]$/, "$1")

/** In seconds: longer, no lock and no slot is meant to wait. */
const year = 365 * 24 * 3600

const flags = {
  host: Flag.String("host").pipe(
    // Node takes an empty one for all of them.
    Flag.withSchema(Schema.NonEmptyString),
    Flag.withDescription("Address to listen on; 127.0.0.1 unless given"),
    Flag.withDefault("127.0.0.1"),
    Flag.map(withoutBrackets)
  ),
  port: Flag.Int("port").pipe(
    Flag.withAlias("p"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))),
    Flag.withDescription("Port to listen on; 0 takes a free one; 0 unless given"),
    Flag.withDefault(0)
  ),
  cert: Flag.String("tls-cert").pipe(
    Flag.withSchema(FilePath),
    Flag.withDescription("TLS certificate chain, a PEM file; needs --tls-key"),
    Flag.optional
  ),
  key: Flag.String("tls-key").pipe(
    Flag.withSchema(FilePath),
    Flag.withDescription("Private key of the certificate, a PEM file"),
    Flag.optional
  ),
  selfSigned: Flag.Boolean("self-signed").pipe(
    Flag.withDescription("Serve TLS with a certificate made on the spot, and print its pin"),
    Flag.withDefault(false)
  ),
  slots: count("slots", "Device slots of a group", lenientOptions.maxDeviceSlots, 1, 0xffff_ffff),
  ttl: count("ttl", "Longest transaction, in seconds", lenientOptions.transactionTtl / 1000, 1, year),
  grace: count(
    "volatile-grace",
    "How long a volatile slot outlives its connection, in seconds",
    lenientOptions.volatileGrace / 1000,
    0,
    year
  ),
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription("Refuse what shipped clients get wrong and lenient mediators overlook"),
    Flag.withDefault(false)
  ),
  data: Flag.String("data").pipe(
    Flag.withSchema(FilePath),
    Flag.withDescription(
      "Directory for slots and messages, made when missing; without it a restart forgets everything"
    ),
    Flag.optional
  ),
  chat: Flag.String("chat").pipe(
    Flag.withDescription(
      "Chat server behind the proxy: one that is silent, none, which closes whoever talks to it, echo, or HOST:PORT; " +
        "silent unless given"
    ),
    Flag.withDefault("silent")
  ),
  ...guardFlags,
  ...observeFlags
}

const invalid = (option: string, value: string, expected: string) =>
  new CliError.InvalidValue({ option, value, expected, kind: "flag" })

const chatUpstream = (chat: string) => {
  if (chat === "silent") return Effect.succeed(ChatUpstream.layerSilent)
  if (chat === "none") return Effect.succeed(ChatUpstream.layerNone)
  if (chat === "echo") return Effect.succeed(ChatUpstream.layerEcho)
  const address = chatAddress.exec(chat)?.groups
  const port = Number(address?.["port"])
  return address === undefined || port < 1 || port > 65535
    ? Effect.fail(invalid("chat", chat, "silent, none, echo, or HOST:PORT"))
    : Effect.succeed(Node.layerTcpChat({ host: withoutBrackets(address["host"]!), port }))
}

/** How the server identifies itself: not at all, by files, or by a certificate of its own making. */
const tlsOf = Effect.fnUntraced(function* (options: {
  readonly host: string
  readonly cert: Option.Option<string>
  readonly key: Option.Option<string>
  readonly selfSigned: boolean
}) {
  const { cert, key } = options
  if (Option.isSome(cert) && Option.isNone(key)) return yield* invalid("tls-cert", cert.value, "--tls-key as well")
  if (Option.isSome(key) && Option.isNone(cert)) return yield* invalid("tls-key", key.value, "--tls-cert as well")
  if (Option.isSome(cert) && Option.isSome(key)) {
    if (options.selfSigned) return yield* invalid("self-signed", "true", "either files or a self-signed certificate")
    return { tls: { certFile: cert.value, keyFile: key.value } as const, pin: undefined }
  }
  if (!options.selfSigned) return { tls: undefined, pin: undefined }
  const { cert: certificate, key: secret, pin } = yield* SelfSignedCertificate.make([options.host])
  return { tls: { cert: certificate, key: secret } as const, pin }
})

/**
 * Whoever runs a service stops it with SIGTERM, and looks at its exit code. A terminal that is closed must not end all
 * connections without a word: gives what waits for that, and then ends like it.
 */
const signals = Effect.gen(function* () {
  const interrupted = yield* InterruptedCode
  const hungUp = Latch.makeUnsafe(false)
  const note = () => {
    interrupted.code = 0
  }
  const hangUp = () => {
    if (hungUp.openUnsafe()) interrupted.code = 129
  }
  // Kept until the end: another one must not cut the goodbyes short.
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      process.once("SIGTERM", note)
      process.on("SIGHUP", hangUp)
    }),
    () =>
      Effect.sync(() => {
        process.off("SIGTERM", note)
        process.off("SIGHUP", hangUp)
      })
  )
  return Effect.andThen(hungUp.await, Effect.interrupt)
})

/**
 * The command `d2m serve`.
 *
 * @category commands
 * @since 0.1.0
 */
export const serve = Command.make(
  "serve",
  flags,
  Effect.fnUntraced(function* (options) {
    const upstream = yield* chatUpstream(options.chat)
    const { pin, tls } = yield* tlsOf(options)
    const guards = yield* guardsOf(options)
    const admin = yield* adminOf(options.admin)
    const telemetry = yield* telemetryOf(options)
    const preset = options.strict ? strictOptions : lenientOptions
    const store = Option.match(options.data, {
      onNone: () => MediatorStore.layerMemory,
      onSome: (directory) => Node.layerSqlite({ directory })
    })
    const mediator = Mediator.layer({
      ...preset,
      ...limitsOf(options),
      maxDeviceSlots: options.slots,
      transactionTtl: options.ttl * 1000,
      volatileGrace: options.grace * 1000
    }).pipe(Layer.provide([upstream, layerCrypto, layerSecureRandom]))
    const server = Node.layerWebSocketServer({
      host: options.host,
      port: options.port,
      guards,
      descriptorsEach: chatAddress.test(options.chat) ? 2 : 1,
      ...(tls === undefined ? {} : { tls })
    })
    // From the inside out: what stands below is there before and after what stands above.
    const everything = Node.Readiness.layerListening.pipe(
      Layer.provideMerge(server),
      Layer.provide([layerLog, layerSpans, Mediator.layerMetrics, layerGuardWatch()]),
      Layer.provide(mediator),
      Layer.provideMerge(admin ?? Layer.empty),
      Layer.provide(Node.Readiness.layer),
      Layer.provide(store),
      Layer.provide(telemetry)
    )
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const hangUp = yield* signals
        const context = yield* Effect.catchTag(Layer.build(everything), "InvalidOptions", (wrong) =>
          Effect.fail(unusable(wrong))
        )
        const { host, port, url } = yield* Effect.provideContext(Node.ListenAddress, context)
        const operators = Context.getOption(context, Node.AdminAddress)
        yield* Console.log(
          JSON.stringify({
            address: url,
            host,
            port,
            ...(pin === undefined ? {} : { pin }),
            ...(Option.isNone(operators) ? {} : { admin: operators.value.url })
          })
        )
        return yield* hangUp
      })
    )
  })
).pipe(
  Command.withDescription("Run a mediator"),
  Command.withExamples([
    { command: "d2m serve --port 8080", description: "Plain WebSocket on loopback, for a client under development" },
    { command: "d2m serve --self-signed --chat echo", description: "TLS with a fresh certificate and its pin" },
    {
      command: "d2m serve --host 0.0.0.0 --port 443 --tls-cert chain.pem --tls-key key.pem --data /var/lib/d2m",
      description: "For others, on a disk"
    }
  ])
)
