const numbers = [NaN, Infinity, -Infinity, -1, 1.5, -1n]
const texts = ["Infinity", "-Infinity", "-1 second", "1500 micros", "soon", "5 eons", "", "10"]
const objects = [{}, { minute: 5 }, { minutes: "5" }, { minutes: NaN }, { minutes: Infinity, seconds: -Infinity }]

/** What no option may be that is a span of time of whole milliseconds, whatever its type says. */
export const wrongSpans: ReadonlyArray<unknown> = [
  ...numbers,
  ...texts,
  ...objects,
  [1],
  [NaN, 0],
  new Date(0),
  null,
  true
]
