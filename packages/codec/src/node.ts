/**
 * What is quicker on Node, `Crypto` by libsodium or OpenSSL and random bytes by the piece, and what `ws` means by its
 * errors.
 *
 * @since 0.1.0
 */
export { CryptoProvider, layerCrypto, layerCryptoNode, layerCryptoSodium } from "./node/NodeCrypto.ts"
export * from "./node/NodePrimitives.ts"
export { layerSecureRandom } from "./node/PooledRandom.ts"
export * from "./node/SodiumPrimitives.ts"
export * from "./node/WsViolation.ts"
