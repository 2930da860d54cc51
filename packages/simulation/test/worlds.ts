/**
 * Small worlds by hand: two devices on an even network, and what was seen of them.
 */
import {
  calm,
  type Operation,
  plainDevice,
  run,
  type RunOptions,
  type RunResult,
  type Schedule,
  Simulation,
  type World,
  type WorldEvent,
  type WorldFault
} from "../src/index.ts"

/** A ms on the way, each time the same; users take their time. */
export const even: Schedule = {
  version: 1,
  seed: 1,
  duration: 20_000,
  conditions: { ...calm, latency: { base: 1, spread: 0, tailChance: 0, tail: 0 } },
  devices: [plainDevice("phone"), plainDevice("desktop")],
  operations: [],
  faults: []
}

/** What a device asks for, and what goes wrong, each at its time in ms. */
export type Entry =
  | { readonly at: number; readonly fault: WorldFault }
  | { readonly at: number; readonly device: string; readonly operation: Operation }

/** An event, with the ms since the start in the place of its time. */
export type Seen<Tag extends WorldEvent["_tag"]> = Extract<WorldEvent, { readonly _tag: Tag }>

export interface Played {
  readonly result: RunResult
  readonly world: World
  /** Everything of one kind that was seen, of one device where it is given; times are ms since the start. */
  readonly seen: <Tag extends WorldEvent["_tag"]>(tag: Tag, device?: string) => ReadonlyArray<Seen<Tag>>
  /** How often faults of a name have acted. */
  readonly acted: (name: string) => number
}

/** Plays a schedule of entries, changed from `even` as given. */
export const play = (
  entries: ReadonlyArray<Entry>,
  change: Partial<Schedule> = {},
  options: RunOptions = {}
): Played => {
  const events: Array<WorldEvent> = []
  let world: World | undefined
  const result = run(
    {
      ...even,
      operations: entries.flatMap((entry) => ("operation" in entry ? [entry] : [])),
      faults: entries.flatMap((entry) => ("fault" in entry ? [entry] : [])),
      ...change
    },
    {
      ...options,
      prepare: (made) => {
        world = made
        options.prepare?.(made)
      },
      witnesses: [(event) => events.push({ ...event, at: event.at - Simulation.newYear2026 })]
    }
  )
  return {
    result,
    world: world!,
    seen: <Tag extends WorldEvent["_tag"]>(tag: Tag, device?: string) =>
      events.filter(
        (event): event is Seen<Tag> =>
          event._tag === tag && (device === undefined || ("device" in event && event.device === device))
      ),
    acted: (name) => result.tally.faults.get(name) ?? 0
  }
}

/** A short message at a time. */
export const reflect = (at: number, device: string): Entry => ({
  at,
  device,
  operation: { _tag: "Reflect", count: 1, bytes: 10 }
})
