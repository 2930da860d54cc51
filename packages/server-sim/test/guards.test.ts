import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { makeAdmission } from "../src/node/Admission.ts"
import { addressKey, makeProxies } from "../src/node/ClientAddress.ts"
import { defaultGuards, Guards, type GuardsInput, makeGuards } from "../src/node/Guards.ts"
import { lookAtReader, watchReader } from "../src/node/SlowReader.ts"
import { makeBucket, makeBuckets, take } from "../src/TokenBucket.ts"
import { wrongSpans } from "./wrong-spans.ts"

const groupId = new Uint8Array(32).fill(0xab)
const anyone = { groupId, forwardedFor: undefined }

const admission = (guards: Partial<Guards>) => {
  const made = makeAdmission({ ...defaultGuards, ...guards })
  return { ...made, arrive: (address: string, now = 0) => made.arrive(address, now) }
}

describe("an address for counting", () => {
  const same: ReadonlyArray<readonly [string, string]> = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:0201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:c000:201", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::ffff", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["no address", "no address"]
  ]
  for (const [text, key] of same) it(`${text} is ${key}`, () => assert.strictEqual(addressKey(text), key))
})

describe("proxies", () => {
  const proxies = makeProxies(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])

  it("are trusted by address and by network, in either form", () => {
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.1", "2001:db8::7", "::ffff:a01:203"]) {
      assert.isTrue(proxies.trusts(address), address)
    }
    for (const address of ["11.0.0.1", "192.0.2.2", "2001:db9::1", "nobody", ""]) {
      assert.isFalse(proxies.trusts(address), address)
    }
  })

  it("tell the last address that is not one of theirs", () => {
    const behind = (header: string | undefined) => proxies.behind("10.0.0.1", header)
    assert.strictEqual(behind("203.0.113.7"), "203.0.113.7")
    assert.strictEqual(behind("1.1.1.1, 203.0.113.7"), "203.0.113.7")
    assert.strictEqual(behind("1.1.1.1, 203.0.113.7, 10.0.0.2,192.0.2.1"), "203.0.113.7")
    assert.strictEqual(behind("[2001:db9::1]:443"), "2001:db9::1")
    assert.strictEqual(behind("203.0.113.7:1234"), "203.0.113.7")
  })

  it("that tell nothing of use stand for themselves", () => {
    for (const header of [undefined, "", "unknown", "203.0.113.7, unknown", "203.0.113.7,", "10.0.0.2"]) {
      assert.strictEqual(proxies.behind("10.0.0.1", header), "10.0.0.1", header)
    }
  })
})

describe("a rate", () => {
  const rate = { burst: 3, perMinute: 6 }

  it("allows a burst, and in the long run what it says", () => {
    const bucket = makeBucket(rate, 0)
    const takes = (now: number) => take(bucket, rate, now)
    assert.deepStrictEqual([0, 0, 0, 0].map(takes), [true, true, true, false])
    assert.isFalse(takes(9_999))
    assert.isTrue(takes(10_000))
    assert.isFalse(takes(10_001))
    assert.deepStrictEqual([1e9, 1e9, 1e9, 1e9].map(takes), [true, true, true, false])
  })

  it("is counted by name, and tells how long to wait", () => {
    const buckets = makeBuckets(rate, 10)
    for (let n = 0; n < 5; n++) buckets.take("a", 0)
    assert.strictEqual(buckets.wait("a", 0), 10_000)
    assert.strictEqual(buckets.wait("a", 4_000), 6_000)
    assert.strictEqual(buckets.wait("a", 10_000), 0)
    assert.strictEqual(buckets.wait("b", 0), 0)
  })

  it("forgets a name once its bucket would be full again", () => {
    const buckets = makeBuckets(rate, 10)
    buckets.take("a", 0)
    buckets.take("b", 29_999)
    assert.strictEqual(buckets.size(), 2)
    buckets.take("c", 30_000)
    assert.strictEqual(buckets.size(), 2)
  })

  it("never remembers more names than it may: those go first that were taken from longest ago", () => {
    const buckets = makeBuckets(rate, 3)
    for (const name of ["a", "b", "c"]) for (let n = 0; n < 3; n++) buckets.take(name, 0)
    buckets.take("a", 1)
    for (let n = 0; n < 1_000; n++) {
      buckets.take(`stranger ${n}`, 2)
      buckets.take("a", 2)
      assert.isAtMost(buckets.size(), 3)
    }
    assert.isAbove(buckets.wait("a", 2), 0)
    assert.strictEqual(buckets.wait("b", 2), 0)
  })
})

describe("admission", () => {
  it("counts connections in all, and takes the next when one has left", () => {
    const { arrive, leave } = admission({ maxConnections: 2 })
    const [a, b, c] = [arrive("192.0.2.1"), arrive("192.0.2.2"), arrive("192.0.2.3")]
    assert.isUndefined(a?.refusal)
    assert.isUndefined(b?.refusal)
    assert.strictEqual(c?.refusal?.reason, "TooManyConnections")
    leave(c!)
    assert.strictEqual(arrive("192.0.2.3")?.refusal?.reason, "TooManyConnections")
    leave(a!)
    assert.isUndefined(arrive("192.0.2.3")?.refusal)
  })

  it("counts connections by address, an IPv6 network of 64 bits as one", () => {
    const { arrive, leave } = admission({ maxConnectionsPerAddress: 2 })
    const a = arrive("2001:db8::1")
    assert.isUndefined(arrive("2001:db8::2")?.refusal)
    assert.strictEqual(arrive("2001:db8::3")?.refusal?.reason, "TooManyFromAddress")
    assert.isUndefined(arrive("2001:db8:0:1::1")?.refusal)
    leave(a!)
    assert.isUndefined(arrive("2001:db8::4")?.refusal)
    assert.strictEqual(arrive("2001:db8::5")?.refusal?.reason, "TooManyFromAddress")
  })

  it("answers only so many that it refuses", () => {
    const { arrive, leave } = admission({ maxConnections: 1, maxRefusals: 2 })
    arrive("192.0.2.1")
    const refused = arrive("192.0.2.2")
    assert.isDefined(arrive("192.0.2.3"))
    assert.isUndefined(arrive("192.0.2.4"))
    leave(refused!)
    assert.isDefined(arrive("192.0.2.4"))
    assert.isUndefined(arrive("192.0.2.5"))
  })

  it("counts whom a proxy speaks for, and the proxy not at all", () => {
    const { admit, arrive, leave } = admission({ maxConnectionsPerAddress: 1, trustedProxies: ["10.0.0.1"] })
    const through = (forwardedFor: string | undefined) => {
      const arrival = arrive("10.0.0.1")!
      assert.isUndefined(arrival.refusal)
      return { arrival, refusal: admit(arrival, { groupId, forwardedFor }, 0)?.reason }
    }
    const first = through("203.0.113.1")
    assert.isUndefined(first.refusal)
    assert.strictEqual(first.arrival.address, "203.0.113.1")
    assert.strictEqual(through("203.0.113.1").refusal, "TooManyFromAddress")
    assert.isUndefined(through("203.0.113.2").refusal)
    // Without a word of whom it speaks for it is one client like another.
    assert.isUndefined(through(undefined).refusal)
    assert.strictEqual(through("nonsense").refusal, "TooManyFromAddress")
    leave(first.arrival)
    assert.isUndefined(through("203.0.113.1").refusal)
    // Of IPv6 it is the network of 64 bits here as well.
    assert.isUndefined(through("2001:db8::1").refusal)
    assert.strictEqual(through("[2001:db8::2]:1234").refusal, "TooManyFromAddress")
  })

  it("does not believe others whom they claim to speak for", () => {
    const { admit, arrive } = admission({ maxConnectionsPerAddress: 1, trustedProxies: ["10.0.0.1"] })
    const arrival = arrive("192.0.2.1")!
    assert.isUndefined(admit(arrival, { groupId, forwardedFor: "203.0.113.1" }, 0))
    assert.strictEqual(arrival.address, "192.0.2.1")
    assert.strictEqual(arrive("192.0.2.1")?.refusal?.reason, "TooManyFromAddress")
  })

  it("refuses an address whose handshakes have failed too often, for a while", () => {
    const { admit, arrive, failed } = admission({ failedHandshakes: 2, failedHandshakesPerMinute: 6 })
    const arrival = arrive("192.0.2.1")!
    failed("192.0.2.1", 0)
    assert.isUndefined(admit(arrival, anyone, 0))
    failed("192.0.2.1", 0)
    assert.deepStrictEqual(admit(arrival, anyone, 1_000), { reason: "TooManyFailures", retryAfter: 9_000 })
    assert.isUndefined(admit(arrive("192.0.2.2")!, anyone, 1_000))
    assert.isUndefined(admit(arrival, anyone, 10_000))
  })

  it("lays nothing to whoever was refused at once, whatever they send", () => {
    const { admit, arrive, garbled, leave } = admission({ maxConnections: 1, failedHandshakes: 1 })
    const first = arrive("192.0.2.1")!
    const refused = arrive("192.0.2.2")!
    assert.isDefined(refused.refusal)
    garbled(refused, undefined, 0)
    leave(refused)
    leave(first)
    assert.isUndefined(admit(arrive("192.0.2.2")!, anyone, 0))
  })

  it("takes every device group unless there is a list, and then those on it", () => {
    const reason = (allowedGroups: Guards["allowedGroups"]) => {
      const { admit, arrive } = admission({ allowedGroups })
      return admit(arrive("192.0.2.1")!, anyone, 0)?.reason
    }
    assert.isUndefined(reason("any"))
    assert.isUndefined(reason(["00".repeat(32), "ab".repeat(32)]))
    assert.isUndefined(reason(["AB".repeat(32)]))
    assert.strictEqual(reason(["00".repeat(32)]), "GroupNotAllowed")
    assert.strictEqual(reason([]), "GroupNotAllowed")
  })

  it("remembers nobody who has left and done no harm", () => {
    const { admit, arrive, failed, leave, size } = admission({ failingAddresses: 100, trustedProxies: ["10.0.0.1"] })
    for (let n = 0; n < 1_000; n++) {
      const address = `192.0.${n >> 8}.${n & 255}`
      const [direct, proxied] = [arrive(address)!, arrive("10.0.0.1")!]
      admit(direct, anyone, n)
      admit(proxied, { groupId, forwardedFor: `198.51.${n >> 8}.${n & 255}` }, n)
      leave(direct)
      leave(proxied)
    }
    assert.strictEqual(size(), 0)
    for (let n = 0; n < 1_000; n++) failed(`192.0.${n >> 8}.${n & 255}`, n)
    assert.strictEqual(size(), 100)
  })
})

describe("a slow reader", () => {
  const limits = { slowReaderBytes: 100, slowReaderDeadline: 1_000 }
  const seen = (levels: ReadonlyArray<readonly [number, number, number]>) => {
    const watch = watchReader(0)
    return levels.map(([now, waiting, taken]) => lookAtReader(watch, { waiting, taken }, limits, now))
  }

  it("is none while nothing waits, however long", () => {
    assert.deepStrictEqual(
      seen([
        [500, 0, 0],
        [5_000, 0, 0],
        [5_999, 1, 0]
      ]),
      [undefined, undefined, undefined]
    )
  })

  it("is stalled when nothing of what waits is taken for the deadline, however little it is", () => {
    assert.deepStrictEqual(
      seen([
        [500, 0, 0],
        [1_499, 1, 0],
        [1_500, 1, 0]
      ]),
      [undefined, undefined, "Stalled"]
    )
  })

  it("is slow when more than the limit waits for the deadline, even if some is taken", () => {
    assert.deepStrictEqual(
      seen([
        [500, 100, 10],
        [1_000, 101, 20],
        [1_499, 500, 30],
        [1_500, 101, 40]
      ]),
      [undefined, undefined, undefined, "Slow"]
    )
  })

  it("is forgiven when it has come down to the limit once", () => {
    assert.deepStrictEqual(
      seen([
        [900, 500, 10],
        [999, 100, 20],
        [1_998, 500, 30],
        [1_999, 500, 40]
      ]),
      [undefined, undefined, undefined, "Slow"]
    )
  })
})

describe("guards", () => {
  it.effect("are what they are by default, except for what is given", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* makeGuards(), defaultGuards)
      assert.deepStrictEqual(yield* makeGuards({ pings: 5 }), { ...defaultGuards, pings: 5 })
      assert.deepStrictEqual(yield* makeGuards({ upgradeDeadline: "7 seconds", slowReaderDeadline: { minutes: 2 } }), {
        ...defaultGuards,
        upgradeDeadline: 7_000,
        slowReaderDeadline: 120_000
      })
    })
  )

  for (const name of ["upgradeDeadline", "slowReaderDeadline"] as const) {
    it.effect(`refuse a span of time that is none: ${name}`, () =>
      Effect.forEach(wrongSpans, (span) =>
        Effect.gen(function* () {
          assert.include((yield* Effect.flip(makeGuards({ [name]: span }))).detail, name)
        })
      )
    )
  }

  const wrong: ReadonlyArray<readonly [GuardsInput, string]> = [
    [{ maxConnections: 0 }, "maxConnections"],
    [{ maxConnectionsPerAddress: 1.5 }, "maxConnectionsPerAddress"],
    [{ upgradeDeadline: 2 ** 31 }, "upgradeDeadline"],
    [{ slowReaderDeadline: -1 }, "slowReaderDeadline"],
    [{ slowReaderDeadline: "25 days" }, "slowReaderDeadline"],
    [{ slowReaderDeadline: "0 seconds" }, "slowReaderDeadline"],
    [{ allowedGroups: ["abc"] }, "64 hexadecimal digits"],
    [{ trustedProxies: ["example.org"] }, "an IP address"],
    [{ trustedProxies: ["10.0.0.0/33"] }, "an IP address"],
    [{ trustedProxies: ["::/129"] }, "an IP address"],
    [{ trustedProxies: ["10.0.0.0/8/8"] }, "an IP address"],
    [{ trustedProxies: ["10.0.0.0/"] }, "an IP address"]
  ]
  for (const [guards, complaint] of wrong) {
    it.effect(`refuses ${JSON.stringify(guards)}`, () =>
      Effect.gen(function* () {
        const result = yield* Effect.result(makeGuards(guards))
        assert.include(Result.isFailure(result) ? result.failure.message : "", complaint)
      })
    )
  }
})
