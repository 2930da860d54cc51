/** The pace of a queue over real sockets: the mediator learns of each write that it waits for. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SelfSigned from "../../cli/src/SelfSignedCertificate.ts"
import { reflect } from "./drive.ts"
import { loopback, register, served, urlOf } from "./served-mediator.ts"
import { dial } from "./wire-client.ts"

describe("a queue of which each chunk is less than the low water, and two are more", () => {
  // With TLS no write is over at once: the second chunk comes while the first half of the first one is under way.
  it.live("is read to its end, and what is reflected then follows, over TLS", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* SelfSigned.make()
      yield* Effect.gen(function* () {
        const a = yield* dial(yield* urlOf, { ca: cert })
        yield* register(a, 1)
        const b = yield* dial(yield* urlOf, { ca: cert })
        yield* register(b, 2)
        b.ws.terminate()
        yield* b.until("Closed")
        const count = 6
        const envelope = new Uint8Array(60_000)
        for (let n = 1; n <= count; n++) a.send(reflect(n, { envelope }))
        for (let n = 1; n <= count; n++) yield* a.until("ReflectAck")
        const again = yield* dial(yield* urlOf, { ca: cert })
        yield* register(again, 2, 1)
        for (let n = 1; n <= count; n++) yield* again.until("Reflected")
        yield* again.until("ReflectionQueueDry")
        a.send(reflect(count + 1))
        yield* again.until("Reflected")
      }).pipe(Effect.provide(served({}, { ...loopback, tls: { key, cert } })))
    })
  )
})
