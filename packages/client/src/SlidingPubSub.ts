/**
 * Publishing from synchronous code to subscribers that may fall behind.
 * Owns that these lose the oldest: `PubSub.publishUnsafe` refuses the newest when the buffer is full, sliding or not.
 * Owns as well that nobody pays for subscribers who are not there: most devices are watched by their observer alone.
 */
import { Effect, PubSub } from "effect"

const publishSliding = <A>(sliding: PubSub.PubSub<A>, value: A): void => {
  if (!PubSub.publishUnsafe(sliding, value)) Effect.runSyncExit(PubSub.publish(sliding, value))
}

/**
 * Whoever subscribes, if anybody does.
 *
 * @internal
 */
export class Audience<A> {
  readonly #options: { readonly capacity: number; readonly replay?: number }
  #pubsub: PubSub.PubSub<A> | undefined

  constructor(options: { readonly capacity: number; readonly replay?: number }) {
    this.#options = options
  }

  publish(value: A): void {
    if (this.#pubsub !== undefined) publishSliding(this.#pubsub, value)
  }

  /** What can be subscribed to; made for the first who asks, and `onMade` is called then. */
  get(onMade: () => void): PubSub.PubSub<A> {
    if (this.#pubsub !== undefined) return this.#pubsub
    const pubsub = Effect.runSync(PubSub.sliding<A>(this.#options))
    this.#pubsub = pubsub
    onMade()
    return pubsub
  }

  /** Ends with a last value, for those who have subscribed. */
  end(value: A): void {
    if (this.#pubsub !== undefined) PubSub.endUnsafe(this.#pubsub, value)
  }
}
