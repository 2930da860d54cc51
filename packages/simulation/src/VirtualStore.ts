/**
 * The disk of the simulated mediator: what it holds outlives the mediator's crashes.
 *
 * Owns a `MediatorStore` whose reads and writes take time and may fail. Writes may be under way when the machine is killed:
 * of those, as many as the crash says have reached the disk, each all or nothing and none before an earlier one.
 *
 * @since 0.1.0
 */
import { makeMemoryStore, type MediatorStore, type Persist, MediatorStoreError } from "@d2m/server-sim"
import { Effect } from "effect"
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
  #underWay: ReadonlyArray<Persist> = []

  constructor(latency: number) {
    this.latency = latency
  }

  /** The store, for one life of the mediator after the other. */
  readonly service: MediatorStore["Service"] = {
    load: (groupKey) => this.#inTime("load", this.#disk.load(groupKey)),
    read: (groupKey, deviceId, positions) => this.#inTime("read", this.#disk.read(groupKey, deviceId, positions)),
    apply: (persists) => this.#inTime("apply", this.#disk.apply(persists), persists),
    volatileGroups: this.#inTime("load", this.#disk.volatileGroups)
  }

  /** The machine was killed: the first `kept` writes that were under way reach the disk. */
  crash(kept: number): Effect.Effect<void, MediatorStoreError> {
    const persists = this.#underWay.slice(0, kept)
    this.#underWay = []
    return this.#disk.apply(persists)
  }

  /** Does something after the time that it takes, if it can be done then. */
  #inTime<A>(
    operation: MediatorStoreError["operation"],
    effect: Effect.Effect<A, MediatorStoreError>,
    underWay: ReadonlyArray<Persist> = []
  ): Effect.Effect<A, MediatorStoreError> {
    const attempt = Effect.suspend(() => {
      if (underWay.length > 0) this.#underWay = []
      if (!this.failing.act()) return effect
      return Effect.fail(new MediatorStoreError({ operation, detail: "the virtual store fails" }))
    })
    return Effect.suspend(() => {
      let millis = this.latency
      if (this.slowness.act()) for (const more of this.slowness.values) millis += more
      if (millis === 0) return attempt
      if (underWay.length > 0) this.#underWay = underWay
      return Effect.andThen(Effect.sleep(millis), attempt)
    })
  }
}
