/**
 * Where everything that happens in the demo is told to: the timeline, the tally, and whoever waits for a moment.
 *
 * Owns the order of printed lines and the bound on how many messages are printed one by one.
 *
 * @since 0.1.0
 */
import { Clock, Console, Effect, Latch, Schema } from "effect"
import { Tally } from "./Tally.ts"
import { type Canvas, type EventKind, header, type Lane, render, type TimelineEvent, toJson } from "./Timeline.ts"

/**
 * Something the demo waited for did not happen.
 *
 * @category errors
 * @since 0.1.0
 */
export class DemoStuck extends Schema.TaggedError<DemoStuck>()("DemoStuck", { waitingFor: Schema.String }) {
  override get message(): string {
    return `the demo waited in vain: ${this.waitingFor}`
  }
}

/** How the demo shows itself. */
export type Output = { readonly _tag: "Json" } | { readonly _tag: "Lanes"; readonly canvas: Canvas }

/** Where everything is told to. */
export interface Recorder {
  readonly output: Output
  readonly tally: Tally
  readonly tell: (lane: Lane | "story", kind: EventKind, text: string) => void
  /** Tells of a chat message, as long as not too many were told of. */
  readonly tellMessage: (lane: Lane, kind: "sent" | "received", text: string) => void
  /** Something that somebody may wait for has changed. */
  readonly poke: () => void
  /** Waits until a condition holds; it is looked at after each `poke`. */
  readonly until: (waitingFor: string, condition: () => boolean) => Effect.Effect<void, DemoStuck>
}

const patience = "20 seconds"
/** Own text may have thousands of lines; each would be printed once for every device. */
const messagesShown = 60

export const make = Effect.fnUntraced(function* (output: Output): Effect.fn.Return<Recorder> {
  const clock = yield* Clock.Clock
  const console = yield* Console.Console
  const began = clock.currentTimeMillisUnsafe()
  const changed = Latch.makeUnsafe(false)
  let shown = 0

  const print = (event: TimelineEvent): void =>
    console.log(output._tag === "Json" ? toJson(event) : render(event, output.canvas))
  const tell = (lane: Lane | "story", kind: EventKind, text: string): void =>
    print({ at: clock.currentTimeMillisUnsafe() - began, lane, kind, text })
  if (output._tag === "Lanes") console.log(header(output.canvas))

  return {
    output,
    tally: new Tally(),
    tell,
    tellMessage: (lane, kind, text) => {
      if (output._tag === "Json" || shown < messagesShown) tell(lane, kind, text)
      else if (shown === messagesShown) tell("story", "chapter", "… and so on; the summary counts them all")
      shown++
    },
    poke: () => changed.openUnsafe(),
    until: (waitingFor, condition) => {
      const look: Effect.Effect<void> = Effect.suspend(() => {
        if (condition()) return Effect.void
        changed.closeUnsafe()
        return Effect.andThen(changed.await, look)
      })
      return Effect.timeoutOrElse(look, {
        duration: patience,
        orElse: () => Effect.fail(new DemoStuck({ waitingFor }))
      })
    }
  }
})
