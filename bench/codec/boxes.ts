/**
 * Boxes: `Crypto` beside the libraries that do its work, which are asked for the same bytes: nonce, tag, ciphertext.
 */
import { BoxKey, Limits, makeCrypto, tweetNacl } from "@d2m/codec"
import { loadSodium } from "@d2m/codec/node"
import { Redacted, Result } from "effect"
import * as Assert from "node:assert/strict"
import { createRequire } from "node:module"
import nacl from "tweetnacl"
import type { Comparison } from "../Rounds.ts"

/** What is measured of `sodium-native`, which has no type declarations of its own. */
interface Sodium {
  readonly crypto_secretbox_easy: (box: Uint8Array, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array) => void
  readonly crypto_secretbox_open_easy: (
    plain: Uint8Array,
    box: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array
  ) => boolean
}

const sodium: Sodium = createRequire(import.meta.url)("sodium-native")

const key = BoxKey.make(
  "dgrk",
  Uint8Array.from({ length: 32 }, (_, index) => index * 5 + 1)
)
const bareKey = Redacted.value(key)
const nonce = Uint8Array.from({ length: 24 }, (_, index) => index * 3 + 7)
const portable = makeCrypto(tweetNacl)
const native = makeCrypto(Result.getOrThrow(loadSodium()))

const kept: Array<unknown> = Array.from({ length: 16 }, () => null)

const sealByTweetnacl = (plain: Uint8Array): Uint8Array => {
  const sealed = nacl.secretbox(plain, nonce, bareKey)
  const box = new Uint8Array(nonce.length + sealed.length)
  box.set(nonce)
  box.set(sealed, nonce.length)
  return box
}

const sealBySodium = (plain: Uint8Array): Uint8Array => {
  const box = new Uint8Array(plain.length + Limits.boxOverhead)
  box.set(nonce)
  sodium.crypto_secretbox_easy(box.subarray(Limits.nonce), plain, nonce, bareKey)
  return box
}

const openByTweetnacl = (box: Uint8Array): Uint8Array | null =>
  nacl.secretbox.open(box.subarray(Limits.nonce), box.subarray(0, Limits.nonce), bareKey)

const openBySodium = (box: Uint8Array): Uint8Array | null => {
  const plain = new Uint8Array(box.length - Limits.boxOverhead)
  return sodium.crypto_secretbox_open_easy(plain, box.subarray(Limits.nonce), box.subarray(0, Limits.nonce), bareKey)
    ? plain
    : null
}

const of = (size: number): ReadonlyArray<Comparison> => {
  const plain = Uint8Array.from({ length: size }, (_, index) => index * 31 + 5)
  const box = portable.seal(key, nonce, plain)
  const room = new Uint8Array(box.length)
  for (const seal of [sealByTweetnacl, sealBySodium]) Assert.deepEqual(seal(plain), box)
  Assert.deepEqual(native.seal(key, nonce, plain), box)
  for (const open of [openByTweetnacl, openBySodium]) Assert.deepEqual(open(box), plain)
  Assert.deepEqual(Result.getOrThrow(native.open(key, box)), Result.getOrThrow(portable.open(key, box)))
  return [
    {
      name: `seal ${size}, in JavaScript`,
      contenders: [
        {
          name: "tweetnacl",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = sealByTweetnacl(plain)
          }
        },
        {
          name: "@d2m/codec",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = portable.seal(key, nonce, plain)
          }
        }
      ]
    },
    {
      name: `seal ${size}, native`,
      contenders: [
        {
          name: "sodium-native",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = sealBySodium(plain)
          }
        },
        {
          name: "@d2m/codec/node",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = native.seal(key, nonce, plain)
          }
        },
        {
          name: "@d2m/codec/node, into memory that is there",
          run: (times) => {
            for (let i = 0; i < times; i++) native.sealInto(key, nonce, plain, room, 0)
          }
        }
      ]
    },
    {
      name: `open ${size}, in JavaScript`,
      contenders: [
        {
          name: "tweetnacl",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = openByTweetnacl(box)
          }
        },
        {
          name: "@d2m/codec",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = portable.open(key, box)
          }
        }
      ]
    },
    {
      name: `open ${size}, native`,
      contenders: [
        {
          name: "sodium-native",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = openBySodium(box)
          }
        },
        {
          name: "@d2m/codec/node",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = native.open(key, box)
          }
        }
      ]
    }
  ]
}

export const boxes = (): ReadonlyArray<Comparison> => [1024, 16_384].flatMap(of)
