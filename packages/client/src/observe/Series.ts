/**
 * Metrics that are plain numbers until somebody exports Effect's registry.
 * Owns the prefix, the units in names, and that every series is there from the start.
 * Leaves what is counted to `Metrics`.
 */
import { type Context, Effect, Metric, type Scope } from "effect"
import { boundaries, makeHistogram } from "./Histogram.ts"
import { labelOf } from "./Label.ts"

/**
 * Adds so many.
 *
 * @internal
 */
export type Count = (more: number) => void

/**
 * Observes a duration in seconds.
 *
 * @internal
 */
export type Observe = (seconds: number) => void

type By<Word extends string, A> = { readonly [Each in Word]: A }

const each = <Word extends string, A>(words: By<Word, unknown>, make: (word: string) => A): By<Word, A> =>
  Object.fromEntries(Object.keys(words).map((word) => [word, make(word)])) as By<Word, A>

/**
 * Where series are registered.
 *
 * @internal
 */
export interface Series {
  /** `d2m_client_<name>_total`, a count of things which only grows. */
  readonly counter: (name: string, description: string, attributes?: Metric.Metric.AttributeSet) => Count
  /** The same for each of some words, under a label. */
  readonly counters: <Word extends string>(
    name: string,
    description: string,
    label: string,
    words: By<Word, unknown>
  ) => By<Word, Count>
  /** `d2m_client_<name>_seconds`, durations. */
  readonly histogram: (name: string, description: string, attributes?: Metric.Metric.AttributeSet) => Observe
  /** The same for each of some words, under a label. */
  readonly histograms: <Word extends string>(
    name: string,
    description: string,
    label: string,
    words: By<Word, unknown>
  ) => By<Word, Observe>
  /** `d2m_client_<name>`, a level. */
  readonly gauge: (
    name: string,
    description: string,
    get: () => number,
    attributes?: Metric.Metric.AttributeSet
  ) => void
}

const nothing = (): void => {}

const seriesIn = (context: Context.Context<never>, registrations: Array<Metric.Registration>): Series => {
  const register = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State): void => {
    registrations.push(Metric.registerUnsafe(metric, context, { get, update: nothing, modify: nothing }))
  }
  const counter: Series["counter"] = (name, description, attributes = {}) => {
    let count = 0
    register(Metric.counter(`d2m_client_${name}_total`, { description, attributes, incremental: true }), () => ({
      count,
      incremental: true
    }))
    return (more) => {
      count += more
    }
  }
  const histogram: Series["histogram"] = (name, description, attributes = {}) => {
    const { observe, state } = makeHistogram()
    register(Metric.histogram(`d2m_client_${name}_seconds`, { description, attributes, boundaries }), state)
    return observe
  }
  return {
    counter,
    histogram,
    counters: (name, description, label, words) =>
      each(words, (word) => counter(name, description, { [label]: labelOf(word) })),
    histograms: (name, description, label, words) =>
      each(words, (word) => histogram(name, description, { [label]: labelOf(word) })),
    gauge: (name, description, get, attributes = {}) =>
      register(Metric.gauge(`d2m_client_${name}`, { description, attributes }), () => ({ value: get() }))
  }
}

/**
 * Series in the registry of the context, until the scope closes.
 *
 * @internal
 */
export const registerSeries = <A>(make: (series: Series) => A): Effect.Effect<A, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.map(Effect.context<never>(), (context) => {
        const registrations: Array<Metric.Registration> = []
        return { made: make(seriesIn(context, registrations)), registrations }
      }),
      ({ registrations }) => Effect.sync(() => registrations.forEach((registration) => registration.remove()))
    ),
    ({ made }) => made
  )
