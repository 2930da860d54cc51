/**
 * What a program has its devices do by themselves: said once, before any of them starts.
 *
 * Owns that what is said too late, or twice, is refused: the lives that have begun would go on without it.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { ChatHandler } from "./Application.ts"
import type { MessageHandler } from "./TroubledHandler.ts"
import type { World } from "./World.ts"

/** The first of the devices that has been switched on. */
const startedOf = (world: World): string | undefined => {
  for (const { life, name } of world.devices.values()) if (life > 0) return name
  return undefined
}

/** Something that a program says of its devices, by the name that it is said under. */
class Said<A> {
  #what: A | undefined

  get what(): A | undefined {
    return this.#what
  }

  /** Throws where it can have no effect on a life that has begun, or would take back what was said before. */
  say(name: string, what: A, world: World): void {
    const started = startedOf(world)
    if (started !== undefined) {
      throw new Error(
        `${name} after ${started} has started, which would go on without it: call it before anything else`
      )
    }
    if (this.#what !== undefined) throw new Error(`${name} for the second time: it is called once, for all devices`)
    this.#what = what
  }
}

/** What the program of one run has said. */
export class ProgramHandlers {
  readonly #reflected = new Said<(device: string) => MessageHandler>()
  readonly #chat = new Said<(device: string) => ChatHandler>()

  /** See `SimulatedGroup.onReflected`. */
  onReflected(make: (device: string) => MessageHandler, world: World): void {
    this.#reflected.say("onReflected", make, world)
  }

  /** See `SimulatedGroup.onChat`. */
  onChat(make: (device: string) => ChatHandler, world: World): void {
    this.#chat.say("onChat", make, world)
  }

  /** What a device that starts does with the chat server, if anything was said. */
  chatOf(device: string): ChatHandler | undefined {
    return this.#chat.what?.(device)
  }

  /** The handler of a device that starts: one that takes everything for handled where nothing was said. */
  handlerOf(device: string): MessageHandler {
    return this.#reflected.what?.(device) ?? (() => Effect.void)
  }
}
