/** Runs every scenario against a target, one test each. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { themes } from "./scenarios/index.ts"
import type { TargetLayer } from "./Target.ts"

export const runScenarios = (target: TargetLayer, name: "in-memory" | "websocket"): void => {
  for (const [theme, scenarios] of Object.entries(themes)) {
    describe(theme, () => {
      for (const { only, run, settings = {}, shows, title } of scenarios) {
        if (only !== undefined && only !== name) continue
        // The devices' connections end before their mediator does.
        it.effect(`${shows.join(" ")}: ${title}`, () => Effect.scoped(run).pipe(Effect.provide(target(settings))))
      }
    })
  }
}
