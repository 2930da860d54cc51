/**
 * A conformance scenario: what it shows of PROTOCOL, what it asks of its mediator, and what happens.
 *
 * Owns the shape. Running scenarios is the test files', which do it once for each target.
 */
import type { Effect, Scope } from "effect"
import type { OpenError, Settings, Target } from "./Target.ts"
import type { WireError } from "./Wire.ts"

/** A row of table D, or a decision of section 0. */
export type Claim = `D${number}` | `0.${number}`

export interface Scenario {
  readonly shows: readonly [Claim, ...ReadonlyArray<Claim>]
  readonly title: string
  readonly settings?: Settings
  /** For what does not exist without a WebSocket. */
  readonly only?: "websocket"
  readonly run: Effect.Effect<void, WireError | OpenError, Target | Scope.Scope>
}
