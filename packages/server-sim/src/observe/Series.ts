/**
 * Metrics that are read where the numbers are, when somebody exports Effect's registry.
 *
 * Owns the prefix, the units in names and that a series ends with its scope.
 *
 * @since 0.1.0
 */
import { Effect, Metric, type Scope } from "effect"
import { boundaries, type Histogram } from "./Histogram.ts"
import type { Tally } from "./Meter.ts"

/** One series of a metric. */
export interface Series {
  readonly register: (context: RegistryContext) => Metric.Registration
}

type RegistryContext = Parameters<typeof Metric.snapshotUnsafe>[0]

const nothing = (): void => {}

const hooks = <State>(get: () => State) => ({ get, update: nothing, modify: nothing })

const series = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State): Series => ({
  register: (context) => Metric.registerUnsafe(metric, context, hooks(get))
})

/** A count of things, which only grows: `d2m_<name>_total`. */
export const counter = (
  name: string,
  description: string,
  get: () => number,
  attributes: Metric.Metric.AttributeSet = {}
): Series =>
  series(Metric.counter(`d2m_${name}_total`, { description, attributes, incremental: true }), () => ({
    count: get(),
    incremental: true
  }))

/** A level: `d2m_<name>`. */
export const gauge = (name: string, description: string, get: () => number): Series =>
  series(Metric.gauge(`d2m_${name}`, { description }), () => ({ value: get() }))

/** Durations: `d2m_<name>_seconds`. */
export const histogram = (
  name: string,
  description: string,
  source: Histogram,
  attributes: Metric.Metric.AttributeSet = {}
): Series => series(Metric.histogram(`d2m_${name}_seconds`, { description, attributes, boundaries }), source.state)

/** A protocol word as a label: `reflect_ack` of ReflectAck. */
export const labelOf = (word: string): string => word.replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()

/** How often a tally has something. */
export const told = (tally: Tally, name: string): number => tally.get(name) ?? 0

/** Reports the series in the registry of the context, until the scope closes. */
export const registerSeries = (series: ReadonlyArray<Series>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(Effect.context<never>(), (context) => series.map(({ register }) => register(context))),
    (registrations) =>
      Effect.sync(() => {
        for (const registration of registrations) registration.remove()
      })
  ).pipe(Effect.asVoid)
