/**
 * Whether telemetry arrives at its collector.
 *
 * Owns that an operator is told once when it does not, and when it does again, and how long a collector may take to answer:
 * one that never does would be owed an answer, and a socket, for each request. Trying again, and giving up for a while, is
 * the exporters'; they say so at Debug only.
 *
 * @since 0.1.0
 */
import { Effect, Layer, Predicate } from "effect"
import { HttpClient, HttpClientError } from "effect/http"

/** The innermost cause has the word for it: `ECONNREFUSED`, below a `fetch failed`. Messages may quote the whole URL. */
const wordFor = (error: Error): string => {
  if (error.cause instanceof Error) return wordFor(error.cause)
  return Predicate.hasProperty(error, "code") ? String(error.code) : error.name
}

const watch = (client: HttpClient.HttpClient, patience: number): HttpClient.HttpClient => {
  /** Collectors that do not answer, and of those that do, endpoints that refuse. */
  const failing = new Set<string>()
  const fails = (collector: string, why: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (failing.has(collector)) return Effect.void
      failing.add(collector)
      return Effect.annotateLogs(Effect.logWarning("telemetry does not reach its collector"), { collector, why })
    })
  const works = (collector: string): Effect.Effect<void> =>
    Effect.suspend(() =>
      failing.delete(collector)
        ? Effect.annotateLogs(Effect.logInfo("telemetry reaches its collector again"), { collector })
        : Effect.void
    )
  return HttpClient.transform(client, (sending, request) => {
    // Without the name and password that a URL may have.
    const { origin, pathname } = new URL(request.url)
    const endpoint = `${origin}${pathname}`
    const noAnswer = Effect.suspend(() => {
      const cause = new Error(`no answer within ${patience} ms`)
      cause.name = "timeout"
      return Effect.fail(
        new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
      )
    })
    return sending.pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => noAnswer }),
      Effect.tapError((error) => fails(origin, wordFor(error.reason))),
      Effect.tap(({ status }) =>
        Effect.andThen(
          works(origin),
          status >= 200 && status < 300 ? works(endpoint) : fails(endpoint, `status ${status}`)
        )
      )
    )
  })
}

/**
 * The HTTP client of exporters, watched: a collector that fails is one warning, until it works again. It fails, too, when it
 * has not answered after `patience` ms.
 */
export const layerCollectorWatch = (
  patience: number
): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) => watch(client, patience))
  )
