import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import * as SelfSigned from "../../cli/src/SelfSignedCertificate.ts"
import { answers, loopback, register, served, urlOf } from "./served-mediator.ts"
import { dial } from "./wire-client.ts"

type Identity = Effect.Success<ReturnType<typeof SelfSigned.make>>

/** Files for a key and a certificate, and who writes them. */
const files = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = mkdtempSync(Path.join(tmpdir(), "d2m-certificate-"))
    const [keyFile, certFile] = [Path.join(directory, "key.pem"), Path.join(directory, "cert.pem")]
    return {
      directory,
      tls: { keyFile, certFile },
      writeKey: ({ key }: Identity) => writeFileSync(keyFile, Redacted.value(key)),
      writeCert: ({ cert }: Identity) => writeFileSync(certFile, cert),
      removeCert: () => rmSync(certFile)
    }
  }),
  ({ directory }) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

/** Whether a client that trusts this certificate gets in. */
const lets = Effect.fnUntraced(function* ({ cert }: Identity) {
  return Option.isSome(yield* Effect.scoped(Effect.option(dial(yield* urlOf, { ca: cert }))))
})

const options = { idleTimeout: 24 * 3_600_000 }

describe("a certificate in files", () => {
  it.effect("is served to new connections when it is renewed, and no half of one is", () =>
    Effect.gen(function* () {
      const identities = Effect.all([SelfSigned.make(), SelfSigned.make(), SelfSigned.make()])
      const [first, second, third] = yield* TestClock.withLive(identities)
      const { removeCert, tls, writeCert, writeKey } = yield* files
      writeKey(first)
      writeCert(first)
      const lines: Array<string> = []
      const logger = Logger.map(Logger.formatStructured, ({ annotations, level, message }) => {
        assert.notInclude(JSON.stringify(annotations), "PRIVATE KEY")
        lines.push(`${level} ${String(message)}`)
      })
      const said = () => lines.splice(0)

      yield* Effect.gen(function* () {
        const old = yield* dial(yield* urlOf, { ca: first.cert })
        yield* register(old, 1)
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual([yield* lets(first), yield* lets(second), said()], [true, false, []])

        writeCert(second)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([yield* lets(first), yield* lets(second), said()], [true, false, []])
        writeKey(second)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([yield* lets(first), yield* lets(second)], [false, true])
        assert.deepStrictEqual(said(), ["INFO a renewed certificate is served"])

        writeKey(third)
        yield* TestClock.adjust("10 minutes")
        assert.isTrue(yield* lets(second))
        assert.deepStrictEqual(said(), ["WARN the certificate cannot be renewed"])
        removeCert()
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(said(), ["WARN the certificate cannot be renewed"])
        writeCert(third)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([yield* lets(second), yield* lets(third)], [false, true])
        assert.deepStrictEqual(said(), ["INFO a renewed certificate is served"])

        // The key of a connection lasts as long as the connection.
        yield* answers(old)
      }).pipe(Effect.provide(Layer.provideMerge(served(options, { ...loopback, tls }), Logger.layer([logger]))))
    })
  )

  it.effect("stays what it is as long as the text that was given", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* TestClock.withLive(SelfSigned.make())
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("10 minutes")
        assert.isTrue(Option.isSome(yield* Effect.option(dial(yield* urlOf, { ca: cert }))))
      }).pipe(Effect.provide(served(options, { ...loopback, tls: { cert, key } })))
    })
  )
})
