/**
 * Which device a store belongs to.
 * Owns the claim that a running device has on its store.
 * Leaves programs that open the same file twice to the durable store (`DeviceStoreError`, `InUse`).
 */
import type { DeviceId, GroupId } from "@d2m/codec"
import { Effect, type Scope } from "effect"
import { DeviceStoreTaken } from "./DeviceOptionsError.ts"
import type { DeviceStore } from "./DeviceStore.ts"

interface Claim {
  readonly groupId: GroupId
  readonly deviceId: DeviceId
  /** A new life of a device may begin before the last one is over. */
  lives: number
}

const isSame = (a: GroupId, b: GroupId): boolean => a.every((byte, at) => byte === b[at])

const claims = new WeakMap<DeviceStore["Service"], Claim>()

/**
 * Takes a store for a device as long as the scope lives. Fails when another device has it: each would take what the other
 * reflects for something that it has seen, which is acked and gone.
 *
 * @internal
 */
export const claimStore = (
  store: DeviceStore["Service"],
  groupId: GroupId,
  deviceId: DeviceId
): Effect.Effect<void, DeviceStoreTaken, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const claim = claims.get(store) ?? { groupId, deviceId, lives: 0 }
      const sameGroup = isSame(claim.groupId, groupId)
      if (!sameGroup || claim.deviceId !== deviceId) {
        return Effect.fail(new DeviceStoreTaken({ deviceId, takenBy: claim.deviceId, sameGroup }))
      }
      claim.lives++
      claims.set(store, claim)
      return Effect.succeed(claim)
    }),
    (claim) =>
      Effect.sync(() => {
        if (--claim.lives === 0) claims.delete(store)
      })
  )
