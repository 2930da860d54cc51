/**
 * Reads Prometheus's text format, strictly and by its specification alone: an oracle for what a mediator exposes.
 */

export interface Family {
  readonly type: string
  readonly help: string
  /** Values by the sample's name and its labels, those in alphabetical order: `x_bucket{le="1",type="a"}`. */
  readonly samples: ReadonlyMap<string, number>
}

export interface Exposition {
  readonly families: ReadonlyMap<string, Family>
  /** The value of a sample; throws if there is none. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/

const fail = (line: string, why: string): never => {
  throw new Error(`not Prometheus text: ${why}: ${line}`)
}

const labelsOf = (text: string, line: string): Record<string, string> => {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== "") {
    const [all, name = "", value = ""] = labelPair.exec(rest) ?? fail(line, "a label")
    if (Object.hasOwn(labels, name)) fail(line, "a label twice")
    labels[name] = value
    rest = rest.slice(all.length)
  }
  return labels
}

const keyOf = (name: string, labels: Readonly<Record<string, string>>): string => {
  const pairs = Object.keys(labels).toSorted()
  return pairs.length === 0 ? name : `${name}{${pairs.map((label) => `${label}="${labels[label]}"`).join(",")}}`
}

const numberOf = (text: string, line: string): number => {
  if (text === "+Inf") return Infinity
  const value = Number(text)
  return Number.isNaN(value) && text !== "NaN" ? fail(line, "a value") : value
}

/** Buckets grow with their bound, and the last is the count. */
const checkHistogram = (name: string, samples: ReadonlyMap<string, number>): void => {
  const previous = new Map<string, { readonly bound: number; readonly count: number }>()
  for (const [key, count] of samples) {
    const [, sample, text = ""] = /^([^{]*)(?:\{(.*)\})?$/.exec(key)!
    const { le, ...labels } = labelsOf(text, key)
    if (sample !== `${name}_bucket`) continue
    const series = keyOf(name, labels)
    const bound = numberOf(le ?? fail(key, "a bucket without le"), key)
    const before = previous.get(series)
    if (before !== undefined && (bound <= before.bound || count < before.count)) fail(key, "a bucket out of order")
    previous.set(series, { bound, count })
    if (bound === Infinity && samples.get(keyOf(`${name}_count`, labels)) !== count) fail(key, "the count")
  }
  for (const [series, { bound }] of previous) if (bound !== Infinity) fail(series, "no +Inf bucket")
}

export const parsePrometheus = (text: string): Exposition => {
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>()
  if (!text.endsWith("\n")) fail(text.slice(-40), "no newline at the end")
  let help = ["", ""] as readonly [string, string]
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line)
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as readonly [string, string, string, string]
      if (!metricName.test(name)) fail(line, "a metric name")
      if (kind === "HELP") {
        help = [name, rest]
      } else {
        if (families.has(name)) fail(line, "a family in two pieces")
        families.set(name, { type: rest, help: help[0] === name ? help[1] : "", samples: new Map() })
      }
      continue
    }
    const [, name = "", labels = "", value = ""] = sampleLine.exec(line) ?? fail(line, "a sample")
    const [family, owner] = [...families].at(-1) ?? fail(line, "a sample before its TYPE")
    const suffixes = owner.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]
    if (!suffixes.some((suffix) => name === family + suffix)) fail(line, `a sample in the family ${family}`)
    const key = keyOf(name, labelsOf(labels, line))
    if (owner.samples.has(key)) fail(line, "a series twice")
    owner.samples.set(key, numberOf(value, line))
  }
  for (const [name, { samples, type }] of families) if (type === "histogram") checkHistogram(name, samples)
  return {
    families,
    value: (name, labels = {}) => {
      const key = keyOf(name, labels)
      for (const { samples } of families.values()) {
        const value = samples.get(key)
        if (value !== undefined) return value
      }
      return fail(key, "no such sample")
    }
  }
}
