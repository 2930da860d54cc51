/** What the guards do not hold against an address, over real sockets. */
import { assert, describe, it } from "@effect/vitest"
import type { Guards } from "@d2m/server-sim/node"
import { ListenAddress } from "@d2m/server-sim/node"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as SelfSigned from "../../cli/src/SelfSignedCertificate.ts"
import { reflect } from "./drive.ts"
import { fragileStore } from "./fragile-store.ts"
import { rawTcp, rawTls, upgradeHead } from "./raw-socket.ts"
import { ends, greeted, guarded, identify, join, pathText, refused, urlOf } from "./served-mediator.ts"
import { dial } from "./wire-client.ts"

const guards: Partial<Guards> = { failedHandshakes: 1 }

describe("no failed handshakes are", () => {
  it.live("what comes after the handshake, nor refusals of a device that proved its key", () =>
    guarded({ guards, mediator: { maxDeviceSlots: 1 } }, ({ rest }) =>
      Effect.gen(function* () {
        const a = yield* join(1)
        a.ws.send("text")
        assert.strictEqual((yield* a.until("Closed")).code, 4010)
        for (const [device, code] of [
          [1, 4115],
          [2, 4111]
        ] as const) {
          const b = yield* dial(yield* urlOf)
          yield* identify(b, device)
          assert.strictEqual((yield* b.until("Closed")).code, code)
        }
        yield* greeted()
        assert.deepStrictEqual(yield* rest, [])
      })
    )
  )

  it.live("those of devices that proved their key and leave before the store has written it down", () => {
    const store = fragileStore()
    return guarded({ guards, store: store.layer }, ({ rest }) =>
      Effect.gen(function* () {
        const ended = yield* ends
        store.applyGate.closeUnsafe()
        const a = yield* dial(yield* urlOf)
        yield* identify(a, 1)
        a.ws.close()
        assert.strictEqual((yield* ended).connection.traffic.framesOut, 1)
        assert.deepStrictEqual(yield* rest, [])
        yield* greeted()
        store.applyGate.openUnsafe()
      })
    )
  })

  it.live("those that end with the store, or the mediator", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const { b, rest } = yield* guarded({ guards, store: store.layer }, ({ rest }) =>
        Effect.gen(function* () {
          const [a, b] = [yield* join(1), yield* greeted()]
          yield* join(2)
          store.fail("apply")
          a.send(reflect(1))
          assert.strictEqual((yield* b.until("Closed")).code, 1011)
          store.fail("none")
          return { b: yield* greeted(), rest }
        })
      )
      assert.strictEqual((yield* b.until("Closed")).code, 1001)
      assert.deepStrictEqual(yield* rest, [])
    })
  })

  for (const isSecure of [false, true]) {
    it.live(`looks what is there, of health checks, monitors and browsers${isSecure ? ", over TLS" : ""}`, () =>
      Effect.gen(function* () {
        const tls = isSecure ? yield* SelfSigned.make() : undefined
        yield* guarded(
          { guards },
          ({ rest }) =>
            Effect.gen(function* () {
              const { port } = yield* ListenAddress
              const paths = ["healthz", "readyz", "metrics", "", "wp-login.php", "*", yield* pathText]
              const heads = ["GET", "HEAD", "OPTIONS"].flatMap((method) =>
                paths.map((path) => upgradeHead(path, { Connection: undefined, Upgrade: undefined }, method))
              )
              heads.push("OPTIONS / HTTP/1.0\r\n\r\n")
              for (const head of heads) {
                const look = yield* (isSecure ? rawTls : rawTcp)(port)
                look.write(head)
                assert.match(yield* look.closed, /^HTTP\/1\.1 4(00|26) /)
              }
              for (let n = 0; n < 5; n++) {
                const look = yield* rawTcp(port)
                look.socket.end()
                yield* look.closed
              }
              yield* greeted(tls && { ca: tls.cert })
              const reasons = (yield* rest).map((event) => event._tag === "Refused" && event.reason)
              assert.deepStrictEqual(
                reasons,
                heads.map(() => "NotAnUpgrade")
              )
            }),
          tls && { tls: { key: tls.key, cert: tls.cert } }
        )
      })
    )

    it.effect(`refusals for what others do or want, however long one stays${isSecure ? ", over TLS" : ""}`, () =>
      Effect.gen(function* () {
        const tls = isSecure ? yield* TestClock.withLive(SelfSigned.make()) : undefined
        yield* guarded(
          { guards: { ...guards, allowedGroups: [], maxConnections: 1, upgradeDeadline: 4_000 } },
          ({ rest }) =>
            Effect.gen(function* () {
              const { port } = yield* ListenAddress
              const raw = yield* (isSecure ? rawTls : rawTcp)(port, { allowHalfOpen: true })
              raw.write(upgradeHead(yield* pathText))
              assert.match(yield* raw.got("group\n"), /^HTTP\/1\.1 403 /)
              const another = refused(tls && { ca: tls.cert })
              assert.match(yield* another, /^503 /)
              yield* TestClock.adjust(4_000)
              assert.match(yield* Effect.repeat(another, { until: (text) => !text.startsWith("503") }), /^403 /)
              const reasons = (yield* rest).map((event) => event._tag === "Refused" && event.reason)
              assert.sameMembers([...new Set(reasons)], ["GroupNotAllowed", "TooManyConnections"])
            }),
          tls && { tls: { key: tls.key, cert: tls.cert } }
        )
      })
    )
  }
})
