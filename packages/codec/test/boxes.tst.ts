/**
 * Type tests: a box is opened with a key of its use, and the fields of frames hold boxes of theirs.
 */
import type { Result } from "effect"
import { describe, expectTypeOf, test } from "vitest"
import {
  type AugmentedDeviceInfo,
  type BeginTransaction,
  Box,
  type BoxError,
  type BoxKey,
  type BoxUse,
  type ClientFrame,
  type ClientHello,
  type Crypto,
  type DeviceGroupKeys,
  Reflect,
  type Reflected,
  type ReflectId,
  type ServerInfo,
  type SetSharedDeviceData,
  type TransactionEnded,
  type TransactionRejected
} from "../src/index.ts"

declare const crypto: Crypto["Service"]
declare const keys: DeviceGroupKeys
declare const anyKey: BoxKey
declare const nonce: Uint8Array
declare const plain: Uint8Array
declare const reflected: Reflected
declare const info: ServerInfo
declare const reflectId: ReflectId

describe("a box", () => {
  test("is sealed with the use of its key", () => {
    expectTypeOf(crypto.seal(keys.dgrk, nonce, plain)).toEqualTypeOf<Box<"dgrk">>()
    expectTypeOf(crypto.seal(anyKey, nonce, plain)).toEqualTypeOf<Box>()
    expectTypeOf<Box<"dgrk">>().toExtend<Uint8Array>()
    expectTypeOf<Box<"dgrk">>().not.toExtend<Box<"dgdik">>()
    expectTypeOf<Box>().not.toExtend<Box<"dgrk">>()
  })

  test("opens with a key of its use only", () => {
    expectTypeOf(crypto.open(keys.dgrk, reflected.envelope)).toEqualTypeOf<Result.Result<Uint8Array, BoxError>>()
    void crypto.open(keys.dgsddk, info.encryptedSharedDeviceData)
    void crypto.open(keys.dgtsk, crypto.seal(keys.dgtsk, nonce, plain))
    // @ts-expect-error TS2345: Argument of type 'Box<"dgrk">' is not assignable to parameter of type 'Box<"dgdik">'
    void crypto.open(keys.dgdik, reflected.envelope)
    // @ts-expect-error TS2345: Argument of type 'Box<"dgsddk">' is not assignable to parameter of type 'Box<"dgrk">'
    void crypto.open(keys.dgrk, info.encryptedSharedDeviceData)
    // @ts-expect-error TS2345: Argument of type 'Box<"dghek">' is not assignable to parameter of type 'Box<"dgrk">'
    void crypto.open(keys.dgrk, crypto.seal(keys.dghek, nonce, plain))
  })

  test("is no bytes that nobody takes for one, nor a part of another", () => {
    expectTypeOf(Box.make("dgrk", plain)).toEqualTypeOf<Box<"dgrk">>()
    void crypto.open(keys.dgrk, Box.make("dgrk", plain))
    // @ts-expect-error TS2345: is not assignable to parameter of type 'Box<"dgrk">'
    void crypto.open(keys.dgrk, plain)
    // @ts-expect-error TS2345: is not assignable to parameter of type 'Box<"dgrk">'
    void crypto.open(keys.dgrk, reflected.envelope.subarray(1))
    // @ts-expect-error TS2345: Argument of type '"dgk"' is not assignable to parameter of type
    Box.make("dgk", plain)
  })

  test("opens with a key of any use, for whoever tries them all", () => {
    void crypto.open(anyKey, reflected.envelope)
    const tried = (use: BoxUse, bytes: Uint8Array) => crypto.open(keys[use], Box.make(use, bytes))
    expectTypeOf(tried).returns.toEqualTypeOf<Result.Result<Uint8Array, BoxError>>()
  })
})

describe("a field", () => {
  test("holds boxes of the use that the protocol says", () => {
    expectTypeOf<Reflect["envelope"]>().toEqualTypeOf<Box<"dgrk">>()
    expectTypeOf<Reflected["envelope"]>().toEqualTypeOf<Box<"dgrk">>()
    expectTypeOf<ClientHello["encryptedDeviceInfo"]>().toEqualTypeOf<Box<"dgdik">>()
    expectTypeOf<AugmentedDeviceInfo["encryptedDeviceInfo"]>().toEqualTypeOf<Box<"dgdik">>()
    expectTypeOf<ServerInfo["encryptedSharedDeviceData"]>().toEqualTypeOf<Box<"dgsddk">>()
    expectTypeOf<SetSharedDeviceData["encryptedSharedDeviceData"]>().toEqualTypeOf<Box<"dgsddk">>()
    expectTypeOf<BeginTransaction["encryptedScope"]>().toEqualTypeOf<Box<"dgtsk">>()
    expectTypeOf<TransactionRejected["encryptedScope"]>().toEqualTypeOf<Box<"dgtsk">>()
    expectTypeOf<TransactionEnded["encryptedScope"]>().toEqualTypeOf<Box<"dgtsk">>()
  })

  test("takes neither a box of another use nor plain bytes", () => {
    const rest = { _tag: "Reflect", flags: 0, reflectId } as const
    const sealed: ClientFrame = { ...rest, envelope: crypto.seal(keys.dgrk, nonce, plain) }
    void sealed
    // @ts-expect-error TS2322: Type 'Box<"dgtsk">' is not assignable to type 'Box<"dgrk">'
    const other: ClientFrame = { ...rest, envelope: crypto.seal(keys.dgtsk, nonce, plain) }
    void other
    // @ts-expect-error TS2322: is not assignable to type 'Box<"dgrk">'
    const open: ClientFrame = { ...rest, envelope: plain }
    void open
    // @ts-expect-error TS2322: is not assignable to type 'Box<"dgrk">'
    Reflect.make({ flags: 0, reflectId, envelope: plain })
  })
})
