/**
 * A run told for people: who did what and when, what went wrong, and what came of it.
 *
 * Owns what of the events is worth telling, in which lane it stands and which messages never arrived. How lanes stand side
 * by side on a page is `Lanes`'. An entry is plain data, so that tools can read stories as well.
 *
 * @since 0.1.0
 */
import { mediatorName } from "./Names.ts"
import { newYear2026 } from "./Simulation.ts"
import { valueText } from "./Stacks.ts"
import { frameWords, type Label, stateWords, wordsOf } from "./Wording.ts"
import type { OnLog } from "./World.ts"
import type { Witness, WorldEvent } from "./WorldEvent.ts"

/**
 * The lane in which faults stand.
 *
 * @category constants
 * @since 0.1.0
 */
export const faultLane = "faults"

/**
 * One thing that is told.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoryEntry {
  /** Virtual ms since the start of the run. */
  readonly at: number
  /** A device's name, {@link mediatorName}, or {@link faultLane}; absent for what concerns all. */
  readonly lane: string | undefined
  /** Which event it is; `Log` is what a handler or a program has logged. */
  readonly kind: WorldEvent["_tag"] | "Log"
  /** What happened: a short phrase. */
  readonly text: string
  /** Whether it goes without saying: handshakes, keep-alives, what another entry says as well. */
  readonly isNoise: boolean
  /** Set on a message that has not arrived by the end of the story. */
  readonly isLost?: true
}

/** Of handshakes the end will do, and the client keeps connections alive by asking for the list of devices. */
const routine: ReadonlySet<string> = new Set(["ServerHello", "ClientHello", "GetDevicesInfo", "DevicesInfo", "Proxy"])

/** What a device says of itself that its state, or another entry, says as well. */
const said: ReadonlySet<string> = new Set(["Dry", "PromotedToLeader", "Disconnected"])

/** So much of a label has room in a lane. */
const longestLabel = 60

/** What a label says, in one line; one that throws says so, for a story is told to its end. */
const guarded =
  (label: Label): Label =>
  (content) => {
    try {
      return label(content)?.replace(/\s+/g, " ").slice(0, longestLabel)
    } catch (thrown) {
      return `label: ${valueText(thrown instanceof Error ? thrown.message : thrown)}`
    }
  }

type Draft = { -readonly [K in keyof StoryEntry]: StoryEntry[K] }

/**
 * Listens to a run, and writes down what is to be told of it.
 *
 * @category models
 * @since 0.1.0
 */
export class Story {
  readonly #entries: Array<Draft> = []
  /** Sent and not arrived. */
  readonly #underWay = new Map<Uint8Array | string, Draft>()
  readonly #connections = new Map<string, number>()
  /** The latest state of each device in words, without its numbers. */
  readonly #states = new Map<string, string>()
  readonly #faults = new Map<string, number>()

  readonly #label: Label | undefined

  /** `label` says of contents what is told of them, where it says anything: their numbers are told besides. */
  constructor(label?: Label) {
    this.#label = label === undefined ? undefined : guarded(label)
  }

  readonly see: Witness = (event) => {
    this.#tell(event)
  }

  /** Writes down what is logged: on a device, or by the program. */
  readonly log: OnLog = (at, device, text) => {
    const entry = { at: at - newYear2026, lane: device, kind: "Log", isNoise: false } as const
    this.#entries.push({ ...entry, text: `${device === undefined ? "the program logs" : "logs"} ${text}` })
  }

  #tell(event: WorldEvent): void | Draft {
    switch (event._tag) {
      case "DeviceSent":
        return this.#send(event, event.device, `${this.#words(event)} →`)
      case "MediatorSent":
        return this.#send(event, mediatorName, `← ${this.#words(event)}${this.#of(event)}`)
      case "MediatorReceived":
        return this.#receive(event, mediatorName, `→ ${this.#words(event)}${this.#of(event)}`)
      case "DeviceReceived":
        return this.#receive(event, event.device, `← ${this.#words(event)}`)
      case "Opened":
        this.#connections.set(event.device, event.connection)
        return this.#add(event, event.device, `connected #${event.connection}`)
      case "MediatorClosed":
      case "MediatorLost":
        return this.#add(event, mediatorName, `${this.#words(event)}${this.#of(event)}`)
      case "Dialed":
        return this.#add(event, event.device, this.#words(event), true)
      case "StateChanged":
        return this.#change(event)
      case "Handled":
        return this.#handled(event)
      case "ChatBegun":
      case "ChatListens":
      case "ChatHeard":
        return this.#add(event, event.device, this.#words(event), true)
      case "Happened":
        return this.#add(event, event.device, this.#words(event), said.has(event.event._tag))
      case "Asked":
        return this.#add(event, event.device, `app asks ${this.#words(event)}`)
      case "Answered":
        return this.#add(event, event.device, `app gets ${this.#words(event)}`)
      case "ProgramAsked":
        return this.#add(event, event.device, `program asks ${this.#words(event)}`, true)
      case "ProgramAnswered":
        return this.#add(event, event.device, `program gets ${this.#words(event)}`, true)
      case "Machine":
        return this.#add(event, event.device, `== ${this.#words(event)} ==`)
      case "Fault":
        return this.#fault(event)
      case "Phase":
        return this.#add(event, undefined, phaseWords[event.phase], event.phase !== "Liveness")
      case "DialFailed":
      case "DeviceClosed":
      case "DeviceLost":
      case "Handling":
      case "Kept":
      case "ChatClosed":
      case "UserAnswered":
      case "Checked":
      case "Entered":
      case "HandedBack":
        return this.#add(event, event.device, this.#words(event))
    }
  }

  #words(event: WorldEvent): string {
    return wordsOf(event, this.#label)
  }

  /** The story so far. */
  get entries(): ReadonlyArray<StoryEntry> {
    for (const draft of this.#underWay.values()) draft.isLost = true
    return this.#entries
  }

  #add(event: WorldEvent, lane: string | undefined, text: string, isNoise = false): Draft {
    const draft: Draft = { at: event.at - newYear2026, lane, kind: event._tag, text, isNoise }
    this.#entries.push(draft)
    return draft
  }

  #send(
    event: Extract<WorldEvent, { readonly _tag: "DeviceSent" | "MediatorSent" }>,
    lane: string,
    text: string
  ): void {
    this.#underWay.set(event.message, this.#add(event, lane, text, isRoutine(event)))
  }

  #receive(
    event: Extract<WorldEvent, { readonly _tag: "MediatorReceived" | "DeviceReceived" }>,
    lane: string,
    text: string
  ): void {
    this.#underWay.delete(event.message)
    this.#add(event, lane, text, isRoutine(event))
  }

  /** Whose connection it is, and which, unless it is the present one. */
  #of({ connection, device }: { readonly connection: number; readonly device: string }): string {
    return this.#connections.get(device) === connection ? ` · ${device}` : ` · ${device} #${connection}`
  }

  #change(event: Extract<WorldEvent, { readonly _tag: "StateChanged" }>): Draft {
    const { device, state } = event
    const words = stateWords("pendingReflects" in state ? { ...state, pendingReflects: 0 } : state)
    const isSame = this.#states.get(device) === words
    this.#states.set(device, words)
    const isPassing = state._tag === "Handshaking" || (state._tag === "Connecting" && state.attempt === 1)
    // Of several states at once, the last one stands for all.
    const last = this.#entries.findLast(({ isNoise, lane }) => lane === device && !isNoise)
    if (last?.kind === "StateChanged" && last.at === event.at - newYear2026) last.isNoise = true
    return this.#add(event, device, `[${stateWords(state)}]`, isSame || isPassing)
  }

  /** That a handler has ended well at once is nothing to tell: it was told that it began. */
  #handled(event: Extract<WorldEvent, { readonly _tag: "Handled" }>): void {
    const begun = this.#entries.findLast(({ kind, lane }) => kind === "Handling" && lane === event.device)
    const isAtOnce = begun !== undefined && begun.at === event.at - newYear2026
    this.#add(event, event.device, this.#words(event), isAtOnce && event.outcome === "Done")
  }

  #fault(event: Extract<WorldEvent, { readonly _tag: "Fault" }>): Draft {
    const { at, detail, device, kind, phase } = event
    const named = device === undefined ? kind : `${kind} ${device}`
    const name = detail === undefined ? named : `${named}: ${detail}`
    if (phase === "Begun") {
      this.#faults.set(name, at)
      return this.#add(event, faultLane, `! ${name}`)
    }
    return this.#add(event, faultLane, `${name} ${phase === "Fired" ? "acts" : "ends"}`, this.#faults.get(name) === at)
  }
}

const phaseWords = { Safety: "the run begins", Liveness: "faults are over", Over: "the run ends" } as const

const isRoutine = ({ frame }: { readonly frame: Parameters<typeof frameWords>[0] | undefined }): boolean =>
  frame !== undefined && routine.has(frame._tag)
