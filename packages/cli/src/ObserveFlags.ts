/**
 * How the operator of `d2m serve` sees it run: options for logs, metrics and traces, and the layers they ask for.
 *
 * Owns formats and where they go: logs to standard error, an admin server, an OpenTelemetry collector. What is logged and
 * measured is the mediator's.
 *
 * @since 0.1.0
 */
import { layerAdmin } from "@d2m/server-sim/node"
import { Config, ConfigProvider, Effect, Layer, Logger, Option, Schema } from "effect"
import { CliError, Flag } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { Otlp, OtlpSerialization } from "effect/observability"
import packageJson from "../package.json" with { type: "json" }
import { layerCollectorWatch } from "./CollectorWatch.ts"
import { shownUrl } from "./ShownUrl.ts"

/** The options. */
export const observeFlags = {
  admin: Flag.String("admin").pipe(
    Flag.withMetavar("[HOST:]PORT"),
    Flag.withDescription(
      "Serve /metrics, /healthz and /readyz over plain HTTP there; on loopback unless a host is given"
    ),
    Flag.optional
  ),
  otlp: Flag.String("otlp").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription(
      "Send metrics, logs and traces to this OTLP/HTTP collector, as OTEL_EXPORTER_OTLP_ENDPOINT does"
    ),
    Flag.optional
  ),
  logFormat: Flag.Literals("log-format", ["text", "json"]).pipe(
    Flag.withDescription("One line of key=value pairs, or of JSON, for each event on standard error"),
    Flag.withDefault("text")
  )
}

const adminAddress = /^(?:(?<host>\[[0-9a-fA-F:.]+\]|[^\s:/]+):)?(?<port>\d{1,5})$/

const invalid = (option: string, value: string, expected: string) =>
  new CliError.InvalidValue({ option, value, expected, kind: "flag" })

/** The admin server that was asked for. */
export const adminOf = Effect.fnUntraced(function* (admin: Option.Option<string>) {
  if (Option.isNone(admin)) return undefined
  const address = adminAddress.exec(admin.value)?.groups
  const port = Number(address?.["port"])
  if (address === undefined || port > 65535) return yield* invalid("admin", admin.value, "HOST:PORT, or a port")
  return layerAdmin({ host: (address["host"] ?? "127.0.0.1").replace(/^\[|\]$/g, ""), port })
})

const namesNobody = ({ password, username }: URL): boolean => username === "" && password === ""

/** Who may write to it is said in headers: no request goes to a URL with a name in it. */
const anonymous = "a URL without user name and password, which OTEL_EXPORTER_OTLP_HEADERS can carry"

const Endpoint = Schema.URLFromString.check(Schema.makeFilter(namesNobody, { expected: anonymous }))

const endpoints = ["", "_LOGS", "_METRICS", "_TRACES"].map((signal) => `OTEL_EXPORTER_OTLP${signal}_ENDPOINT`)

/** How long a collector may take to answer, in ms. */
const Timeout = Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

/** The environment as OpenTelemetry describes it: what it leaves open has the defaults of its specification. */
const environment = (otlp: Option.Option<string>) =>
  Effect.map(ConfigProvider.ConfigProvider, (provider) =>
    ConfigProvider.fromUnknown(Option.isSome(otlp) ? { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.value } : {}).pipe(
      ConfigProvider.orElse(provider),
      ConfigProvider.orElse(
        ConfigProvider.fromUnknown({
          OTEL_SERVICE_NAME: "d2m-mediator",
          OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
          OTEL_EXPORTER_OTLP_TIMEOUT: "10000",
          OTEL_LOGS_EXPORTER: "otlp",
          OTEL_METRICS_EXPORTER: "otlp",
          OTEL_TRACES_EXPORTER: "otlp"
        })
      )
    )
  )

/** Where logs, metrics and spans go. */
export const telemetryOf = Effect.fnUntraced(function* (options: {
  readonly otlp: Option.Option<string>
  readonly logFormat: "text" | "json"
}) {
  const { logFormat, otlp } = options
  if (Option.isSome(otlp)) {
    const url = URL.parse(otlp.value)
    const shown = shownUrl(otlp.value)
    if (url === null || !/^https?:$/.test(url.protocol)) {
      return yield* invalid("otlp", shown, "the http or https URL of a collector")
    }
    if (!namesNobody(url)) return yield* invalid("otlp", shown, anonymous)
  }
  const format = logFormat === "json" ? Logger.formatJson : Logger.formatLogFmt
  const logs = Logger.layer([Logger.withConsoleError(format)])
  const provider = yield* environment(otlp)
  // Read here for their errors: the exporters take a bad one for a defect.
  const found = yield* Config.all(endpoints.map((name) => Config.option(Config.schema(Endpoint, name)))).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, provider)
  )
  if (found.every(Option.isNone)) return logs
  const protocol = yield* Config.Literals(["http/protobuf", "http/json"], "OTEL_EXPORTER_OTLP_PROTOCOL").pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, provider)
  )
  const timeout = yield* Config.schema(Timeout, "OTEL_EXPORTER_OTLP_TIMEOUT").pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, provider)
  )
  const serialization = protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
  return Otlp.layerFromConfig({ resource: { serviceVersion: packageJson.version } }).pipe(
    Layer.provide([serialization, layerCollectorWatch(timeout), ConfigProvider.layer(provider)]),
    Layer.provide(FetchHttpClient.layer),
    Layer.provideMerge(logs)
  )
})
