/**
 * What a conformance scenario needs of a mediator, whatever carries its frames.
 *
 * Owns the face between scenarios and targets: settings in the protocol's words, virtual time, one raw connection at a
 * time. Nothing here knows how a mediator is built.
 */
import type { ClientUrlInfo } from "@d2m/codec"
import { Context, type Duration, type Effect, type Layer, Schema, type Scope } from "effect"
import type { Wire } from "./Wire.ts"

/** One turn of a scripted chat server; see the mediator's own words for it. */
export type ChatTurn =
  | { readonly _tag: "Expect"; readonly bytes: number }
  | { readonly _tag: "Say"; readonly message: Uint8Array }
  | { readonly _tag: "End"; readonly reason: "Ended" | "Failed" }

/** What a scenario may ask of its mediator; what is absent has the default of decision 14 and its like. */
export interface Settings {
  /** Strict unless told. */
  readonly mode?: "strict" | "lenient"
  readonly versions?: { readonly min: number; readonly max: number }
  readonly maxDeviceSlots?: number
  readonly transactionTtl?: Duration.Input
  readonly transactionMessages?: number
  readonly volatileGrace?: Duration.Input
  readonly handshakeDeadline?: Duration.Input
  readonly idleTimeout?: Duration.Input
  readonly queueMessages?: number
  readonly queueBytes?: number
  readonly firstReflectedId?: number
  /** No chat server unless told. */
  readonly chat?: "none" | "echo" | ReadonlyArray<ChatTurn>
}

/** A connection was refused before it was open. */
export class OpenError extends Schema.TaggedError<OpenError>()("OpenError", {
  /** Of the HTTP answer, where there was one. */
  status: Schema.optionalKey(Schema.Int),
  detail: Schema.String
}) {
  override get message(): string {
    return `not opened: ${this.status ?? "no status"}, ${this.detail}`
  }
}

/** How a WebSocket client may dial otherwise than usual. */
export interface DialOptions {
  readonly offerCompression?: boolean
  /** Whether pings are answered: `true` unless told. */
  readonly pongs?: boolean
}

/** A connection whose WebSocket shows. */
export interface WebSocketWire extends Wire {
  /** Sends one binary message in so many fragments. */
  readonly sendFragments: (fragments: ReadonlyArray<Uint8Array>) => Effect.Effect<void>
  /** Closes without a code, as one WebSocket API does by default. */
  readonly closeWithoutCode: Effect.Effect<void>
  /** Sends a ping and waits for its pong. */
  readonly ping: Effect.Effect<void>
}

/** What only a mediator behind a real WebSocket server has. */
export interface WebSocketFace {
  /** Dials a path: everything behind the host, its slash included. */
  readonly dial: (path: string, options?: DialOptions) => Effect.Effect<WebSocketWire, OpenError, Scope.Scope>
  /** The answer to a request that is made by hand, and hung up on. */
  readonly request: (
    path: string,
    headers?: Readonly<Record<string, string>>
  ) => Effect.Effect<{
    readonly status: number
    readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  }>
}

/** One mediator with one clock, which stands still unless a scenario advances it. */
export class Target extends Context.Service<
  Target,
  {
    readonly name: "in-memory" | "websocket"
    /** One connection of one device. Closing the scope hangs up. */
    readonly open: (path: ClientUrlInfo) => Effect.Effect<Wire, OpenError, Scope.Scope>
    /** Lets the mediator's time pass, and everything that is due happen. */
    readonly advance: (duration: Duration.Input) => Effect.Effect<void>
    /** The mediator's time, in ms since 1970. */
    readonly now: Effect.Effect<bigint>
    /** Shuts the mediator down. */
    readonly stop: Effect.Effect<void>
    /** Shuts the mediator down and starts it again on what it has stored. */
    readonly restart: Effect.Effect<void>
    /** From now on nothing can be stored any more, until the next restart. */
    readonly breakStore: Effect.Effect<void>
    readonly webSocket?: WebSocketFace
  }
>()("@d2m/server-sim/test/conformance/Target") {}

/** Makes the target of one scenario. */
export type TargetLayer = (settings: Settings) => Layer.Layer<Target>
