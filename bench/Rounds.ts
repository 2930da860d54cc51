/**
 * Times things that do the same work against each other.
 *
 * All contenders of a comparison take turns, a slice of some milliseconds each, for many rounds: whatever the machine
 * does meanwhile hits all alike, and a median over the rounds is left. Each contender brings its own loop, so that no
 * call of the harness stands between it and what it measures.
 */

/** Something that can be done many times over. */
export interface Contender {
  readonly name: string
  /** Does it so many times, in a loop of its own. */
  readonly run: (times: number) => void
}

/** Contenders that do the same; the first is what the others are measured against. */
export interface Comparison {
  readonly name: string
  readonly contenders: readonly [Contender, ...ReadonlyArray<Contender>]
}

/** What came of one contender: nanoseconds for doing it once, and how many times as long as the first one it took. */
export interface Timing {
  readonly name: string
  readonly median: number
  /** The tenth and the ninetieth of a hundred rounds. */
  readonly low: number
  readonly high: number
  /** The median of what was measured round by round: both ran within milliseconds of each other. */
  readonly ratio: number
}

/** What came of a comparison. */
export interface Outcome {
  readonly name: string
  readonly timings: ReadonlyArray<Timing>
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number
  readonly sliceMillis: number
  readonly warmUpMillis: number
}

const nanoseconds = (run: (times: number) => void, times: number): number => {
  const start = process.hrtime.bigint()
  run(times)
  return Number(process.hrtime.bigint() - start)
}

/** Runs until the engine has optimised what there is to optimise, and finds how often fills a slice. */
const warmUp = (run: (times: number) => void, { sliceMillis, warmUpMillis }: Effort): number => {
  let times = 1
  let spent = 0
  for (;;) {
    const taken = nanoseconds(run, times)
    spent += taken
    if (taken < (sliceMillis / 2) * 1e6) times *= 2
    else if (spent >= warmUpMillis * 1e6) return Math.max(1, Math.round((times * sliceMillis * 1e6) / taken))
  }
}

const quantile = (samples: ReadonlyArray<number>, at: number): number =>
  samples.toSorted((a, b) => a - b)[Math.floor((samples.length - 1) * at)] ?? Number.NaN

/** Measures one comparison. */
export const compare = ({ contenders, name }: Comparison, effort: Effort): Outcome => {
  const lanes = contenders.map((contender) => ({
    ...contender,
    times: warmUp(contender.run, effort),
    samples: new Array<number>()
  }))
  for (let round = 0; round < effort.rounds; round++) {
    // Each round starts with another one, so that nobody always runs behind the same neighbour.
    for (let turn = 0; turn < lanes.length; turn++) {
      const lane = lanes[(round + turn) % lanes.length]!
      lane.samples.push(nanoseconds(lane.run, lane.times) / lane.times)
    }
  }
  const baseline = lanes[0]!.samples
  return {
    name,
    timings: lanes.map(({ name, samples }) => ({
      name,
      median: quantile(samples, 0.5),
      low: quantile(samples, 0.1),
      high: quantile(samples, 0.9),
      ratio: quantile(
        samples.map((sample, round) => sample / baseline[round]!),
        0.5
      )
    }))
  }
}
