/**
 * Counts what happened in a run.
 *
 * Owns the numbers that a summary is made of, which of the devices' states and what came upon them in each (coverage), and
 * the devices' latest states.
 *
 * @since 0.1.0
 */
import type { ConnectionState } from "@d2m/client"
import type { Witness, WorldEvent } from "./WorldEvent.ts"

/** A state as coverage counts it. */
const stateName = (state: ConnectionState): string => {
  if (state._tag === "Live") return `Live${state.dry ? " dry" : ""}${state.leader ? " leader" : ""}`
  return state._tag === "NeedsUser" ? `NeedsUser ${state.reason._tag}` : state._tag
}

/** An event as coverage counts it: what a device can get, and what can be done to it. */
const eventName = (event: WorldEvent): string | undefined => {
  switch (event._tag) {
    case "DeviceReceived":
      return event.frame?._tag ?? "garbage"
    case "DeviceLost":
      return `closed ${event.code}`
    case "DialFailed":
    case "Dialed":
      return event._tag
    case "Asked":
      return event.operation._tag
    case "Answered":
      return event.answer._tag === "Failed" ? event.answer.error : undefined
    case "Handled":
      return event.outcome === "Done" ? undefined : `handler ${event.outcome}`
    case "Machine":
      return event.change
    case "UserAnswered":
      return event.answer
    case "Fault":
      return event.phase === "Fired" ? event.kind : undefined
    default:
      return undefined
  }
}

/**
 * The counts of one run.
 *
 * @category models
 * @since 0.1.0
 */
export class Tally {
  /** Frames that were handed to the network, by devices and mediator. */
  frames = 0
  /** Faults that have acted, by kind; closes of the mediator are counted as `close <code>`. */
  readonly faults = new Map<string, number>()
  /** States that devices have been in. */
  readonly states = new Set<string>()
  /** What came upon devices in each state. */
  readonly pairs = new Map<string, Set<string>>()
  /** The latest state of each device that is on. */
  readonly latest = new Map<string, ConnectionState>()
  /** Calls that are not answered, with their devices. */
  readonly open = new Map<number, string>()
  readonly #names = new Map<string, string>()

  readonly see: Witness = (event) => {
    switch (event._tag) {
      case "DeviceSent":
      case "MediatorSent":
        this.frames++
        return
      case "MediatorReceived":
      case "Handling":
      case "Happened":
      case "Phase":
        return
      case "StateChanged": {
        this.latest.set(event.device, event.state)
        const name = stateName(event.state)
        this.#names.set(event.device, name)
        if (!this.states.has(name)) {
          this.states.add(name)
          this.pairs.set(name, new Set())
        }
        return
      }
      case "MediatorClosed":
        this.#count(`close ${event.code}`)
        return
      case "Machine":
        if (event.change === "Crashed" || event.change === "Stopped") {
          this.latest.delete(event.device)
          for (const [call, device] of this.open) if (device === event.device) this.open.delete(call)
        }
        break
      case "Asked":
        this.open.set(event.call, event.device)
        break
      case "Answered":
        this.open.delete(event.call)
        break
      case "Fault":
        if (event.phase === "Fired") this.#count(event.kind)
        break
      default:
    }
    if (event.device === undefined) return
    const state = this.#names.get(event.device)
    if (state === undefined) return
    const name = eventName(event)
    if (name !== undefined) this.pairs.get(state)!.add(name)
  }

  #count(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1)
  }
}
