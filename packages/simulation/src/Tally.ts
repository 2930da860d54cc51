/**
 * Counts what happened in a run.
 *
 * Owns the numbers that a summary is made of, which of the devices' states and what came upon them in each (coverage), and
 * the devices' latest states. Besides faults, it counts what the world itself does to devices that are away.
 *
 * @since 0.1.0
 */
import type { ConnectionState } from "@d2m/client"
import { type ClientFrame, CloseCode, DeviceSlotExpirationPolicy, DeviceSlotState } from "@d2m/codec"
import { mediatorName } from "./Names.ts"
import type { Witness, WorldEvent } from "./WorldEvent.ts"

/** A state as coverage counts it. */
const stateName = (state: ConnectionState): string => {
  if (state._tag === "Live") return `Live${state.dry ? " dry" : ""}${state.leader ? " leader" : ""}`
  return state._tag === "NeedsUser" ? `NeedsUser ${state.reason._tag}` : state._tag
}

type Fired = Extract<WorldEvent, { readonly _tag: "Fault" }>

/** The name that a fault is counted under. */
export const faultName = ({ detail, kind }: Pick<Fired, "detail" | "kind">): string =>
  detail === undefined ? kind : `${kind}:${detail}`

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
    case "ChatClosed":
      return event.canReconnect ? "close-error, can reconnect" : "close-error"
    case "UserAnswered":
      return event.answer
    case "Fault":
      return event.phase === "Fired" ? faultName(event) : undefined
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
  /**
   * Faults that have acted, by kind and by what sets them apart: `Refuse`, `Stall:both`, `Misbehave:LoseAcks`. Besides them
   * closes of the mediator as `close <code>`, devices that start with a wrong clock as `ClockSkew`, crashes of the mediator while
   * it was writing as `MidWrite:kept` and `MidWrite:lost`, by what became of that, those of a device as `MidWrite:device`, and
   * slots that were gone when a device came back: `SlotLost:dropped` by another, `SlotLost:expired` of a volatile one,
   * `SlotLost:ousted` by its own queue or to make room. Messages that a device has passed over, because their handler stood
   * still for too long, are counted as `PassedOver`.
   */
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
  /** The latest hello of each device. */
  readonly #hellos = new Map<string, Extract<ClientFrame, { readonly _tag: "ClientHello" }>>()
  /** Devices that were dropped since they last had a slot. */
  readonly #dropped = new Set<string>()

  readonly see: Witness = (event) => {
    switch (event._tag) {
      case "DeviceSent":
        this.frames++
        if (event.frame?._tag === "ClientHello") this.#hellos.set(event.device, event.frame)
        return
      case "MediatorSent":
        this.frames++
        if (event.frame?._tag === "ServerInfo") this.#dropped.delete(event.device)
        return
      case "MediatorReceived":
      case "Handling":
      case "Phase":
        return
      case "Happened":
        if (event.event._tag === "PassedOver") this.#count("PassedOver")
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
        if (event.code === CloseCode.SlotStateMismatch) this.#refused(event.device)
        return
      case "Machine":
        if (event.skew !== undefined && event.skew !== 0) this.#count("ClockSkew")
        if (event.writes !== undefined) this.#midWrite(event.device, event.writes)
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
        if (event.operation._tag === "Drop" && event.answer._tag === "Done") this.#dropped.add(event.operation.target)
        break
      case "Fault":
        if (event.phase === "Fired") this.#count(faultName(event))
        break
      default:
    }
    if (event.device === undefined) return
    const state = this.#names.get(event.device)
    if (state === undefined) return
    const name = eventName(event)
    if (name !== undefined) this.pairs.get(state)!.add(name)
  }

  /** A device that was refused for its slot state: does it come back to a slot that is gone? */
  #refused(device: string): void {
    const hello = this.#hellos.get(device)
    if (hello?.expectedDeviceSlotState !== DeviceSlotState.EXISTING) return
    const isVolatile = hello.deviceSlotExpirationPolicy === DeviceSlotExpirationPolicy.VOLATILE
    this.#count(`SlotLost:${this.#dropped.has(device) ? "dropped" : isVolatile ? "expired" : "ousted"}`)
  }

  #midWrite(device: string, { kept, lost }: { readonly kept: number; readonly lost: number }): void {
    const isMediator = device === mediatorName
    if (kept > 0) this.#count("MidWrite:kept")
    if (lost > 0) this.#count(isMediator ? "MidWrite:lost" : "MidWrite:device")
  }

  #count(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1)
  }
}
