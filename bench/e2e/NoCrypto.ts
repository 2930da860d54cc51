/**
 * A `Crypto` that protects nothing, to see what is left when cryptography is free: a box is nonce, sixteen zeros and the
 * plaintext, a hashed nonce the nonce. Keys and the handshake are real. And a device's store for it.
 */
import { DeviceStore, makeDeviceStoreMemory } from "@d2m/client"
import { type Box, type BoxKey, type BoxUse, Crypto, Limits } from "@d2m/codec"
import { layerCrypto } from "@d2m/codec/node"
import { Effect, Layer, Result } from "effect"

export const layerNoCrypto: Layer.Layer<Crypto> = Layer.effect(
  Crypto,
  Effect.map(Crypto, (real) => {
    const sealInto: typeof real.sealInto = (_key, nonce, plain, target, offset) => {
      target.set(plain, offset + Limits.boxOverhead)
      target.fill(0, offset + Limits.nonce, offset + Limits.boxOverhead)
      target.set(nonce, offset)
    }
    return Crypto.of({
      ...real,
      sealInto,
      seal: <Use extends BoxUse>(key: BoxKey<Use>, nonce: Uint8Array, plain: Uint8Array) => {
        const box = new Uint8Array(Limits.boxOverhead + plain.length)
        sealInto(key, nonce, plain, box, 0)
        return box as Uint8Array as Box<Use>
      },
      // A view: what the handler is given is copied no more often than by the bare program.
      open: (_key, box) => Result.succeed(box.subarray(Limits.boxOverhead)),
      hashNonce: (_identity, nonce) => nonce
    })
  })
).pipe(Layer.provide(layerCrypto))

/** A store in memory in which no nonce is remembered: without cryptography there is none, nor has the bare program any. */
export const layerNoNonces: Layer.Layer<DeviceStore> = Layer.fresh(
  Layer.effect(
    DeviceStore,
    Effect.map(makeDeviceStoreMemory(), (memory) =>
      DeviceStore.of({
        ...memory,
        hasNonces: (hashed) => Effect.succeed(hashed.map(() => false)),
        addNonces: () => Effect.void
      })
    )
  )
)
