/**
 * How a test whose simulation has failed is run again.
 *
 * Owns how its name is written for a shell. When a test fails, and what is said then, is `vitest`'s.
 *
 * @since 0.1.0
 */

/** As a shell takes it, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** As a regular expression that finds it and nothing else. */
const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)

/** What runs a test again under one seed: vitest takes a test's name for a regular expression. */
export const commandOf = (name: string, seed: number): string =>
  `D2M_SEED=${seed} vitest run -t ${quoted(literally(name))}`
