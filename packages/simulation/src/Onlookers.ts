/**
 * Who looks at which events.
 *
 * Owns that each event comes to those alone who look at its kind and its frame, in their order: most of them look at a few.
 *
 * @since 0.1.0
 */
import { eventKinds } from "./Digest.ts"
import { directly, type EventKind, type FrameTags, looksAt, type Witness, type WorldEvent } from "./WorldEvent.ts"

type ByFrame = Map<string | undefined, ReadonlyArray<Witness>>

/** All who look on, called by nobody else. */
export class Onlookers {
  readonly #byKind: ReadonlyMap<EventKind, ReadonlyArray<Witness>>
  readonly #byFrame: Readonly<Record<keyof FrameTags, ByFrame>> = {
    DeviceSent: new Map(),
    MediatorReceived: new Map(),
    MediatorSent: new Map(),
    DeviceReceived: new Map()
  }

  constructor(witnesses: ReadonlyArray<Witness>) {
    const byKind = new Map(eventKinds.map((kind) => [kind, new Array<Witness>()]))
    for (const witness of witnesses) {
      const see = directly(witness)
      for (const kind of witness.kinds ?? eventKinds) byKind.get(kind)?.push(kind in this.#byFrame ? witness : see)
    }
    this.#byKind = byKind
  }

  /** What to call for an event. */
  of(event: WorldEvent): ReadonlyArray<Witness> {
    switch (event._tag) {
      case "DeviceSent":
      case "MediatorReceived":
      case "MediatorSent":
      case "DeviceReceived":
        return this.#of(event._tag, event.frame?._tag)
      default:
        return this.#byKind.get(event._tag)!
    }
  }

  /** Found out for each frame as it comes up: many worlds are short, and see few of them. */
  #of(kind: keyof FrameTags, tag: string | undefined): ReadonlyArray<Witness> {
    const byFrame = this.#byFrame[kind]
    const known = byFrame.get(tag)
    if (known !== undefined) return known
    const looking = this.#byKind
      .get(kind)!
      .filter((witness) => looksAt(witness, kind, tag))
      .map(directly)
    byFrame.set(tag, looking)
    return looking
  }
}
