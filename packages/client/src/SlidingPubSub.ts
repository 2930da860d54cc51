/**
 * Publishing from synchronous code to subscribers that may fall behind.
 * Owns that these lose the oldest: `PubSub.publishUnsafe` refuses the newest when the buffer is full, sliding or not.
 */
import { Effect, PubSub } from "effect"

/** @internal */
export const publishSliding = <A>(sliding: PubSub.PubSub<A>, value: A): void => {
  if (!PubSub.publishUnsafe(sliding, value)) Effect.runSyncExit(PubSub.publish(sliding, value))
}
