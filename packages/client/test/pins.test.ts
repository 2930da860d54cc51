import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { certificatePin, type PinRule, pinsFor } from "../src/node.ts"

// A P-256 certificate and what `openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64` says of it.
const fixture = `-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUWTQOtIBuaML0itf/HNTyXv4IQiEwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLRDJNIGZpeHR1cmUwIBcNMjYxMTIzMTkyOTUyWhgPMjEyNjEw
MzAxOTI5NTJaMBYxFDASBgNVBAMMC0QyTSBmaXh0dXJlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEcuf5ft8a8fgUIsbDbp+tb1/qwg/FkTATzfQmxjV4IXQU6zN4
HScq8cX9iPzZm+U7KvIjukilGVi9aXvbJmDr4aNTMFEwHQYDVR0OBBYEFMjmYgUk
vCG9btjJW6aiAv7p4239MB8GA1UdIwQYMBaAFMjmYgUkvCG9btjJW6aiAv7p4239
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAPyCxtbQEUeuNyRq
8jO7Q9oJUtoHdnbohWKTWzIxiJ93AiA/H7T4foYTSFeL5pGqS5l2iy2vHPyzOe+4
wJ9Utvqxog==
-----END CERTIFICATE-----`
const fixturePin = "tI+wLzg46kGB9o05jBSbS8Ooz1YwShMeJUZWpyPLWzY="

const a = "A".repeat(43) + "="
const b = "B".repeat(42) + "A="
const c = "C".repeat(42) + "A="

const rules = (...list: ReadonlyArray<readonly [string, string, ...Array<string>]>): ReadonlyArray<PinRule> =>
  list.map(([host, ...pins]) => ({ host, pins }))

const found = (host: string, list: ReadonlyArray<PinRule>) => Result.getOrThrow(pinsFor(host, list))
const flaw = (list: ReadonlyArray<PinRule>) => Result.getOrThrow(Result.flip(pinsFor("example.org", list)))

describe("pinsFor", () => {
  it("an exact host is that host alone, however it is written", () => {
    const list = rules(["mediator.example.org", a])
    for (const host of ["mediator.example.org", "Mediator.Example.ORG", "mediator.example.org."]) {
      assert.deepStrictEqual(found(host, list), [a])
    }
    for (const host of ["example.org", "x.mediator.example.org", "mediator.example.org.evil.net"]) {
      assert.isUndefined(found(host, list))
    }
  })

  it("a wildcard is exactly one label", () => {
    const list = rules(["*.example.org", a])
    assert.deepStrictEqual(found("mediator-0.example.org", list), [a])
    for (const host of ["example.org", "a.b.example.org", "xexample.org", ".example.org"]) {
      assert.isUndefined(found(host, list), host)
    }
  })

  it("a wildcard is never part of an address", () => {
    assert.strictEqual(flaw(rules(["*.0.0.1", a])).detail, "no URL has such a host")
    assert.isUndefined(found("127.0.0.1", rules(["*.example.org", a])))
    assert.deepStrictEqual(found("127.0.0.1", rules(["127.0.0.1", a])), [a])
    assert.deepStrictEqual(found("[::1]", rules(["::1", a])), [a])
  })

  it("several pins, and several rules for one host, add up; an exact rule goes before a wildcard", () => {
    const list = rules(["*.example.org", c], ["m.example.org", a], ["m.example.org", b])
    assert.deepStrictEqual(found("m.example.org", list), [a, b])
    assert.deepStrictEqual(found("n.example.org", list), [c])
    assert.deepStrictEqual(found("n.example.org", rules(["*.example.org", a, b])), [a, b])
  })

  it("a rule that can never match is refused, also when it is for another host", () => {
    for (const pin of ["", "abc", `sha256/${a}`, a.slice(0, -1), "_".repeat(43) + "=", "A".repeat(42) + "B="]) {
      const error = flaw(rules(["other.net", pin]))
      assert.strictEqual(error._tag, "InvalidPinRule")
      assert.include(error.message, "other.net")
      assert.include(error.message, JSON.stringify(pin))
    }
    for (const host of ["", "*", "*.", "a.*.example.org", "https://example.org", "*example.org"]) {
      assert.strictEqual(flaw(rules([host, a])).host, host)
    }
    assert.include(flaw([{ host: "example.org", pins: [] as unknown as [string] }]).message, "no pins")
  })

  it("a host that the host of no URL is written like is refused, and told how it is written", () => {
    for (const [host, written] of [
      ["example.org:8443", "example.org"],
      ["*.example.org:8443", "*.example.org"],
      ["user@example.org", "example.org"],
      ["example.org?x", "example.org"],
      ["example.org#x", "example.org"],
      ["bücher.example", "xn--bcher-kva.example"],
      ["*.bücher.example", "*.xn--bcher-kva.example"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["[::ffff:1.2.3.4]", "::ffff:102:304"],
      ["127.1", "127.0.0.1"]
    ] as const) {
      const error = flaw(rules([host, a]))
      assert.strictEqual(error.host, host)
      assert.strictEqual(error.detail, `write ${written}: that is how a URL names this host`)
      assert.isTrue(Result.isSuccess(pinsFor("example.org", rules([written, a]))), written)
    }
    for (const host of [".example.org", "example..org", "example.org..", "*..example.org", "."]) {
      assert.strictEqual(flaw(rules([host, a])).detail, "a label of it is empty", host)
    }
    for (const host of ["*.2.3.4", "1.2.3.256", "fe80::1%eth0", "a b"]) {
      assert.strictEqual(flaw(rules([host, a])).host, host)
    }
  })

  it("letters of either case, brackets and the root's dot are no flaw", () => {
    for (const [host, rule] of [
      ["example.org", "Example.ORG."],
      ["a.example.org", "*.Example.ORG."],
      ["::1", "[::1]"],
      ["1.2.3.4", "1.2.3.4"],
      ["xn--bcher-kva.example", "xn--bcher-kva.example"],
      ["localhost", "localhost"]
    ] as const) {
      assert.deepStrictEqual(found(host, rules([rule, a])), [a], rule)
    }
  })
})

describe("certificatePin", () => {
  it("is what OpenSSL computes", () => {
    assert.strictEqual(certificatePin(fixture), fixturePin)
    const der = Uint8Array.from(Buffer.from(fixture.replace(/-----[^-]+-----|\s/g, ""), "base64"))
    assert.strictEqual(certificatePin(der), fixturePin)
  })
})
