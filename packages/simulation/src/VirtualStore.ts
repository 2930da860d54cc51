/**
 * The disk of the simulated mediator: what it holds outlives the mediator's crashes.
 *
 * Owns a `MediatorStore` whose reads and writes take time and may fail. Several writes may be under way, one behind the other, also
 * when the machine is killed: of those, as many as the crash says have reached the disk, each all or nothing and none before an
 * earlier one.
 *
 * @since 0.1.0
 */
import { makeMemoryStore, type MediatorStore, type Persist, MediatorStoreError } from "@d2m/server-sim"
import { Effect, Latch } from "effect"
import { Reasons } from "./Reasons.ts"

/**
 * The disk of the mediator.
 *
 * @category models
 * @since 0.1.0
 */
export class VirtualStore {
  /** How long a write or a read takes, in ms. */
  latency: number
  /** Why it takes longer than that, with by how much, in ms. */
  readonly slowness = new Reasons<number>()
  /** Why everything fails, while there is a reason. */
  readonly failing = new Reasons()
  readonly #disk = makeMemoryStore()
  /** Calls of `apply` in their order, whose turn the first one has. */
  #underWay: Array<{
    readonly persists: ReadonlyArray<Persist>
    readonly knownFailures: number
    readonly isOver: Latch.Latch
  }> = []
  /** Writes that have failed: what was asked for before builds on what is not there. */
  #failures = 0

  constructor(latency: number) {
    this.latency = latency
  }

  /** The store, for one life of the mediator after the other. */
  readonly service: MediatorStore["Service"] = {
    load: (groupKey) => this.#inTime("load", this.#disk.load(groupKey)),
    read: (groupKey, deviceId, positions) => this.#inTime("read", this.#disk.read(groupKey, deviceId, positions)),
    apply: (persists) => this.#apply(persists),
    isPipelined: true,
    volatileGroups: this.#inTime("load", this.#disk.volatileGroups)
  }

  /** Writes that are under way and may still reach the disk. */
  get writing(): number {
    return this.#writes().length
  }

  /** The machine was killed: the first `kept` writes that were under way reach the disk. */
  crash(kept: number): Effect.Effect<void, MediatorStoreError> {
    const persists = this.#writes().slice(0, kept)
    this.#underWay = []
    return this.#disk.apply(persists)
  }

  #writes(): ReadonlyArray<Persist> {
    return this.#underWay
      .filter(({ knownFailures }) => knownFailures === this.#failures)
      .flatMap(({ persists }) => persists)
  }

  /** What happens takes its time, and has its turn behind what was asked before. */
  #apply(persists: ReadonlyArray<Persist>): Effect.Effect<void, MediatorStoreError> {
    return Effect.suspend(() => {
      const ahead = this.#underWay.at(-1)
      const knownFailures = this.#failures
      const attempt = Effect.suspend(() => {
        if (this.#failures !== knownFailures) return this.#fails("apply")
        if (!this.failing.act()) return this.#disk.apply(persists)
        this.#failures++
        return this.#fails("apply")
      })
      if (ahead === undefined && this.#isInstant) return attempt
      const inTime = Effect.suspend(() => {
        const millis = this.#duration()
        return millis === 0 ? attempt : Effect.andThen(Effect.sleep(millis), attempt)
      })
      const call = { persists, knownFailures, isOver: Latch.makeUnsafe(false) }
      this.#underWay.push(call)
      return (ahead === undefined ? inTime : Effect.andThen(ahead.isOver.await, inTime)).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            this.#underWay = this.#underWay.filter((other) => other !== call)
            call.isOver.openUnsafe()
          })
        )
      )
    })
  }

  /** Does something after the time that it takes, if it can be done then. */
  #inTime<A>(
    operation: MediatorStoreError["operation"],
    effect: Effect.Effect<A, MediatorStoreError>
  ): Effect.Effect<A, MediatorStoreError> {
    const attempt = Effect.suspend(() => (this.failing.act() ? this.#fails(operation) : effect))
    return Effect.suspend(() => {
      const millis = this.#duration()
      return millis === 0 ? attempt : Effect.andThen(Effect.sleep(millis), attempt)
    })
  }

  get #isInstant(): boolean {
    return this.latency === 0 && this.slowness.size === 0
  }

  /** How long it takes, in ms. */
  #duration(): number {
    let millis = this.latency
    if (this.slowness.act()) for (const more of this.slowness.values) millis += more
    return millis
  }

  #fails(operation: MediatorStoreError["operation"]): Effect.Effect<never, MediatorStoreError> {
    return Effect.fail(new MediatorStoreError({ operation, detail: "the virtual store fails" }))
  }
}
