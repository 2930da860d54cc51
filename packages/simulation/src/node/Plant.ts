/**
 * What a mutant makes of the sources of the client or the mediator.
 *
 * Owns where those sources lie, and that a mutant fits them. Loading them in the place of the real ones is `PlantedThread`'s.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { Effect, Schema } from "effect"
import { type AnchorGone, filesOf, type Mutant, patched, type Side } from "../mutants/Mutant.ts"

/**
 * The packages are not loaded from their TypeScript sources, which is what mutants are planted in.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourcesMissing extends Schema.TaggedError<SourcesMissing>("@d2m/simulation/SourcesMissing")(
  "SourcesMissing",
  { mutant: Schema.String, found: Schema.String }
) {
  override get message(): string {
    return `mutant ${this.mutant}: needs the sources of the workspace, found ${this.found}`
  }
}

const packages: Readonly<Record<Side, string>> = { client: "@d2m/client", mediator: "@d2m/server-sim" }

const { resolve } = createRequire(import.meta.url)

/**
 * The files that a mutant changes, by their URLs, and what they say with the bug in them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plantedSources: (
  mutant: Mutant
) => Effect.Effect<ReadonlyMap<string, string>, AnchorGone | SourcesMissing> = Effect.fnUntraced(function* (mutant) {
  const entry = pathToFileURL(resolve(packages[mutant.side]))
  const missing = (found: string) => new SourcesMissing({ mutant: mutant.name, found })
  if (!entry.pathname.endsWith("/src/index.ts")) return yield* missing(entry.href)
  const sources = new Map<string, string>()
  for (const file of filesOf(mutant)) {
    const url = new URL(file, entry)
    const source = yield* Effect.try({ try: () => Fs.readFileSync(url, "utf8"), catch: () => missing(url.href) })
    sources.set(url.href, yield* Effect.fromResult(patched(mutant, file, source)))
  }
  return sources
})
