/**
 * What a benchmark suite is to the program that runs it.
 */

/** What came of one measurement: for programs, and as lines of a table. */
export interface Result {
  readonly outcome: unknown
  readonly table: string
}

/** Several measurements under one name. */
export interface Suite {
  /** How many rounds are taken unless told. */
  readonly rounds: number
  /** What the numbers of the tables are. */
  readonly legend: string
  /** Measures what has `only` in its name, one after the other. */
  readonly run: (options: { readonly only: string; readonly rounds: number }) => AsyncIterable<Result>
}
