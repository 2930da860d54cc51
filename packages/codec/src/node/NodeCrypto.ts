/**
 * `Crypto` for Node: libsodium where it loads, else what Node brings with tweetnacl for the boxes.
 *
 * All give the same bytes for the same input; they differ in what a box and a handshake cost. Which one was taken can
 * be asked for as `CryptoProvider`.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Result } from "effect"
import { Crypto, makeCrypto } from "../Crypto.ts"
import { nodePrimitives } from "./NodePrimitives.ts"
import { loadSodium, type SodiumUnavailable } from "./SodiumPrimitives.ts"

/**
 * Who does the work of `Crypto`.
 *
 * @category services
 * @since 0.1.0
 */
export class CryptoProvider extends Context.Service<
  CryptoProvider,
  {
    /** `sodium-native`: boxes and X25519 by libsodium. `node`: X25519 by OpenSSL, boxes by tweetnacl. */
    readonly name: "sodium-native" | "node"
    /** Why it is not `sodium-native`. */
    readonly unavailable?: SodiumUnavailable
  }
>()("@d2m/codec/node/CryptoProvider") {}

type Provided = Context.Context<Crypto | CryptoProvider>

const bySodium = (load: typeof loadSodium): Effect.Effect<Provided, SodiumUnavailable> =>
  Effect.suspend(() =>
    Effect.fromResult(
      Result.map(load(), (primitives) =>
        Context.make(Crypto, makeCrypto(primitives)).pipe(Context.add(CryptoProvider, { name: "sodium-native" }))
      )
    )
  )

const byNode = (provider: Omit<CryptoProvider["Service"], "name">): Effect.Effect<Provided> =>
  Effect.sync(() =>
    Context.make(Crypto, makeCrypto(nodePrimitives)).pipe(Context.add(CryptoProvider, { name: "node", ...provider }))
  )

/**
 * {@link layerCrypto} with a way of its own of loading libsodium.
 *
 * @internal
 */
export const layerCryptoBy = (load: typeof loadSodium): Layer.Layer<Crypto | CryptoProvider> =>
  Layer.effectContext(
    bySodium(load).pipe(
      Effect.catch((unavailable) => byNode({ unavailable })),
      Effect.tap((provided) => {
        const { name, unavailable } = Context.get(provided, CryptoProvider)
        return Effect.logDebug(`cryptography by ${name}`, ...(unavailable === undefined ? [] : [unavailable.message]))
      })
    )
  )

/**
 * The best `Crypto` that loads, and who it is; told in the log at level debug.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCrypto: Layer.Layer<Crypto | CryptoProvider> = layerCryptoBy(loadSodium)

/**
 * `Crypto` by libsodium, or a failure.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCryptoSodium: Layer.Layer<Crypto | CryptoProvider, SodiumUnavailable> = Layer.effectContext(
  bySodium(loadSodium)
)

/**
 * `Crypto` by what Node brings, with tweetnacl for the boxes; loads nothing native.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCryptoNode: Layer.Layer<Crypto | CryptoProvider> = Layer.effectContext(byNode({}))
