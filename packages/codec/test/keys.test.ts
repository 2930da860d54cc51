import { assert, describe, it } from "@effect/vitest"
import { Effect, Formatter, Logger, Redacted, Result } from "effect"
import { inspect } from "node:util"
import { Box } from "../src/Box.ts"
import { Crypto, makeCrypto } from "../src/Crypto.ts"
import { BoxKey, DeviceGroupKey, deriveKey, deviceGroupIdPrefix4, deviceGroupIdPrefix8 } from "../src/DeviceGroupKey.ts"
import { mediatorUrl } from "../src/MediatorUrl.ts"
import { tweetNacl } from "../src/TweetNacl.ts"
import { bytes, hex, keysVector, vectors } from "./crypto-vectors.ts"
import { nodePrimitives, nodeX25519Public } from "./node-primitives.ts"

const crypto = makeCrypto(tweetNacl)
const uses = ["dgpk", "dgrk", "dgdik", "dgsddk", "dgtsk", "dghek"] as const

const messageOf = (thunk: () => unknown): string => {
  try {
    thunk()
  } catch (error) {
    return String(error)
  }
  return assert.fail("expected an exception")
}

describe("key derivation", () => {
  for (const entry of vectors.keys) {
    for (const [name, primitives] of Object.entries({ tweetNacl, nodePrimitives })) {
      it(`${entry.id}: six keys, group id and prefixes, on ${name}`, () => {
        const keys = makeCrypto(primitives).deriveKeys(DeviceGroupKey.make(bytes(entry.dgk)))
        for (const use of uses) {
          assert.strictEqual(hex(Redacted.value(keys[use])), entry[use], use)
          assert.strictEqual(keys[use].label, use)
        }
        assert.strictEqual(hex(keys.groupId), entry.dgid)
        assert.strictEqual(keys.prefix4, entry.deviceGroupIdPrefix4)
        assert.strictEqual(keys.prefix8, entry.deviceGroupIdPrefix8)
      })
    }

    it(`${entry.id}: Node's X25519 gives the same group id`, () => {
      assert.strictEqual(hex(nodeX25519Public(bytes(entry.dgpk))), entry.dgid)
    })
  }

  for (const [index, entry] of vectors.kdfGeneric.vectors.entries()) {
    it(`generic derivation ${index}: raw salt and personal, zero padded`, () => {
      const derived = deriveKey(tweetNacl, Redacted.make(bytes(entry.key)), bytes(entry.salt), bytes(entry.personal))
      assert.strictEqual(hex(Redacted.value(derived)), entry.derived)
    })
  }

  it("refuses a salt or personal that would have to be cut", () => {
    const key = Redacted.make(new Uint8Array(32))
    assert.throws(() => deriveKey(tweetNacl, key, new Uint8Array(17), new Uint8Array(0)), RangeError)
    assert.throws(() => deriveKey(tweetNacl, key, new Uint8Array(0), new Uint8Array(17)), RangeError)
    assert.doesNotThrow(() => deriveKey(tweetNacl, key, new Uint8Array(16), new Uint8Array(16)))
  })
})

describe("DeviceGroupKey", () => {
  const entry = keysVector("dgk1")

  it("keeps its own copy of a Buffer, whose slices are views", () => {
    const secret = Buffer.alloc(32, 1)
    const key = DeviceGroupKey.make(secret)
    secret.fill(2)
    assert.strictEqual(Redacted.value(key)[0], 1)
  })

  it("keeps its own copy of the bytes", () => {
    const source = bytes(entry.dgk)
    const dgk = DeviceGroupKey.make(source)
    source.fill(0)
    assert.strictEqual(hex(crypto.deriveKeys(dgk).groupId), entry.dgid)
  })

  it("is 32 bytes, or a typed error that carries lengths only", () => {
    for (const length of [0, 31, 33]) {
      const result = DeviceGroupKey.fromBytes(new Uint8Array(length))
      assert.isTrue(Result.isFailure(result))
      if (Result.isFailure(result)) {
        assert.strictEqual(result.failure._tag, "KeyLength")
        assert.strictEqual(result.failure.found, length)
        assert.strictEqual(result.failure.message, `dgk is 32 bytes long, found ${length}`)
      }
    }
    assert.strictEqual(
      messageOf(() => DeviceGroupKey.make(new Uint8Array(31))),
      "KeyLength: dgk is 32 bytes long, found 31"
    )
    assert.isTrue(Result.isSuccess(DeviceGroupKey.fromBytes(new Uint8Array(32))))
  })
})

describe("group id prefixes", () => {
  it("pads the 8-bit prefix and takes the 4-bit one from the high nibble", () => {
    const groupId = new Uint8Array(32)
    groupId[0] = 0x04
    assert.strictEqual(deviceGroupIdPrefix8(groupId), "04")
    assert.strictEqual(deviceGroupIdPrefix4(groupId), "0")
    groupId[0] = 0xf0
    assert.strictEqual(deviceGroupIdPrefix8(groupId), "f0")
    assert.strictEqual(deviceGroupIdPrefix4(groupId), "f")
  })
})

describe("mediatorUrl", () => {
  for (const entry of vectors.urls) {
    const info = { deviceGroupId: bytes(entry.dgid), serverGroup: entry.serverGroup }

    it(`${entry.id}: fills the template`, () => {
      assert.strictEqual(mediatorUrl(entry.template, info), entry.url)
    })

    it(`${entry.id}: adds the slash that the base lacks`, () => {
      assert.strictEqual(mediatorUrl(entry.template.replace(/\/$/, ""), info), entry.url)
    })
  }

  it("fills every occurrence, pads, and leaves other braces alone", () => {
    const deviceGroupId = new Uint8Array(32)
    deviceGroupId[0] = 0x04
    const url = mediatorUrl(
      "ws://{deviceGroupIdPrefix8}.{deviceGroupIdPrefix4}.test/{other}/{deviceGroupIdPrefix4}/{deviceGroupIdPrefix8}",
      { deviceGroupId, serverGroup: "7a" }
    )
    assert.strictEqual(url, `ws://04.0.test/{other}/0/04/0a2004${"00".repeat(31)}1a023761`)
  })

  it("needs no placeholder", () => {
    const entry = vectors.urls[0]!
    const info = { deviceGroupId: bytes(entry.dgid), serverGroup: entry.serverGroup }
    assert.strictEqual(mediatorUrl("ws://127.0.0.1:9000", info), `ws://127.0.0.1:9000/${entry.clientUrlInfoHex}`)
  })
})

describe("secrecy", () => {
  const entry = keysVector("dgk1")
  const dgk = DeviceGroupKey.make(bytes(entry.dgk))
  const keys = crypto.deriveKeys(dgk)
  const esk = crypto.ephemeralKey(bytes(vectors.challenge.positive[0]!.eskSecret))
  const secrets = [entry.dgk, ...uses.map((use) => entry[use]), vectors.challenge.positive[0]!.eskSecret].map(bytes)

  const renderings = (value: unknown): ReadonlyArray<string> => [
    String(value),
    JSON.stringify(value) ?? "",
    inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null, getters: true }),
    Formatter.format(value),
    ...(value instanceof Error ? [value.message, value.stack ?? ""] : [])
  ]

  /** The first bytes of each secret in the ways that bytes get printed. */
  const needles = secrets.flatMap((secret) => {
    const head = Array.from(secret.subarray(0, 4))
    return [
      hex(secret.subarray(0, 6)),
      Buffer.from(secret.subarray(0, 6)).toString("base64"),
      Buffer.from(secret.subarray(0, 6)).toString("base64url"),
      head.join(","),
      head.join(", "),
      head.map((byte, index) => `"${index}":${byte}`).join(",")
    ]
  })

  const leaks = (texts: ReadonlyArray<string>): boolean =>
    texts.some((text) => {
      const flat = text.replace(/\s+/g, " ").toLowerCase()
      return needles.some((needle) => flat.includes(needle.toLowerCase()))
    })

  const errorOf = (thunk: () => unknown): unknown => {
    try {
      thunk()
    } catch (error) {
      return error
    }
    return assert.fail("expected an exception")
  }

  it("notices bare bytes, hex and JSON of a secret", () => {
    const secret = bytes(entry.dgrk)
    for (const leaky of [secret, { secret }, entry.dgrk.toUpperCase(), Array.from(secret), Buffer.from(secret)]) {
      assert.isTrue(leaks(renderings(leaky)))
    }
  })

  it("shows nothing of a key but its use", () => {
    const printable: { readonly toString: () => string } = dgk
    assert.strictEqual(printable.toString(), "<redacted:dgk>")
    assert.strictEqual(JSON.stringify({ key: keys.dgrk }), `{"key":"<redacted:dgrk>"}`)
    assert.strictEqual(inspect(esk.secret), "<redacted:esk>")
    for (const value of [dgk, keys, esk, crypto, ...uses.map((use) => keys[use])]) {
      assert.isFalse(leaks(renderings(value)))
    }
  })

  it("shows nothing in errors", () => {
    const forged = crypto.open(
      keys.dgrk,
      Box.make("dgrk", crypto.seal(keys.dgdik, new Uint8Array(24), bytes(entry.dgk)))
    )
    const tooShort = crypto.open(keys.dgrk, Box.make("dgrk", bytes(entry.dgrk)))
    const lowOrder = crypto.answerChallenge(
      keys,
      { esk: new Uint8Array(32), challenge: bytes(entry.dgk) },
      new Uint8Array(24)
    )
    const keyLength = DeviceGroupKey.fromBytes(bytes(entry.dgk).subarray(0, 31))
    const results: ReadonlyArray<Result.Result<unknown, Error>> = [forged, tooShort, lowOrder, keyLength]
    const failures = results.map((result) =>
      Result.isFailure(result) ? result.failure : assert.fail("expected a failure")
    )
    const exceptions = [
      errorOf(() => DeviceGroupKey.make(bytes(entry.dgk + "00"))),
      errorOf(() => BoxKey.make("dgrk", bytes(entry.dgrk).subarray(1))),
      errorOf(() => crypto.seal(keys.dgrk, bytes(entry.dgrk), bytes(entry.dgk))),
      errorOf(() => crypto.sealInto(keys.dgrk, new Uint8Array(24), bytes(entry.dgk), new Uint8Array(8), 0)),
      errorOf(() => crypto.ephemeralKey(bytes(entry.dgpk).subarray(1))),
      errorOf(() =>
        crypto.answerChallenge(
          keys,
          { esk: bytes(entry.dgk).subarray(1), challenge: bytes(entry.dgk) },
          new Uint8Array(24)
        )
      )
    ]
    for (const error of [...failures, ...exceptions]) assert.isFalse(leaks(renderings(error)))
  })

  it.effect("shows nothing in a log, nor of the service", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const capture = Logger.layer([
        Logger.map(Logger.formatJson, (line) => void lines.push(line)),
        Logger.map(Logger.formatLogFmt, (line) => void lines.push(line)),
        Logger.map(Logger.formatSimple, (line) => void lines.push(line))
      ])
      const service = yield* Crypto
      yield* Effect.logInfo("keys", keys, { dgk }, esk, service).pipe(
        Effect.annotateLogs({ dgk, dgrk: keys.dgrk }),
        Effect.provide(capture)
      )
      assert.strictEqual(lines.length, 3)
      assert.include(lines.join(), "<redacted:dgrk>")
      assert.isFalse(leaks(lines))
    }).pipe(Effect.provide(Crypto.layer))
  )
})
