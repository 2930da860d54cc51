/**
 * That an application which asks for the shared data is told what is latest (decision 17, PROTOCOL C6).
 *
 * Owns one rule: it is what the latest ServerInfo says, from Live on, or what the device has set itself since; none when it
 * was never set, or cannot be read. Which of two was later is not always seen: until the state is Live, and where two of the
 * device's own changes overlap, either will do.
 *
 * A box under a nonce from before may be a replay, and then there is none (decision 23): it has to be told where nobody has
 * seen the nonce, or where it is the one that was told last, or was sent since.
 *
 * @since 0.1.0
 */
import { type Box, D2d } from "@d2m/codec"
import { Option } from "effect"
import { ownerOf } from "../../Names.ts"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { only, type Answer } from "../../WorldEvent.ts"
import { type BlobOpener, blobOpener } from "../Boxes.ts"
import { nonceOf } from "../Envelopes.ts"
import { Specs } from "../Specs.ts"
import { Tracks } from "./Tracks.ts"

/** A version of the shared data, or none. */
type Value = number | undefined

/** A change of the device's own that is under way. */
interface Change {
  readonly version: number
  /** Whether nothing else has touched the shared data since it was asked for. */
  isAlone: boolean
}

interface Track {
  connection: number
  /** What the device may hold. */
  values: Set<Value>
  /** What the ServerInfo of this connection may come to, until the state is Live. */
  learned: Set<Value> | undefined
  readonly changes: Map<number, Change>
  /** What the device has held at some time since each question that has no answer. */
  readonly questions: Map<number, Set<Value>>
  /** The nonces that must be readable: of the box that was told last, and of those that were sent since. */
  recent: Set<number>
}

const valueText = (value: Value): string => (value === undefined ? "none" : `version ${value}`)

class SharedData implements Oracle {
  readonly #report: Report
  readonly #specs: Specs
  readonly #open: BlobOpener
  readonly #tracks = new Map<string, Track>()
  /** Nonces of shared data that a device has seen or sent, by its name. Twins begin with what their device knows. */
  readonly #known = new Tracks(() => new Set<number>())

  constructor(report: Report, schedule: Schedule) {
    this.#report = report
    this.#specs = new Specs(schedule)
    this.#open = blobOpener(schedule, this.#specs)
  }

  readonly see = only(
    ["DeviceSent", "DeviceReceived", "Opened", "StateChanged", "Asked", "Answered", "Machine"],
    (event) => {
      switch (event._tag) {
        case "DeviceSent": {
          const track = this.#track(event.device)
          const box = event.frame.encryptedSharedDeviceData
          track.recent.add(nonceOf(box))
          this.#known.of(ownerOf(event.device)).add(nonceOf(box))
          return this.#mayHold(track, [this.#read(event.device, box)])
        }
        case "DeviceReceived": {
          const track = this.#track(event.device)
          if (track.connection !== event.connection) return
          return this.#learned(track, this.#valuesOf(event.device, track, event.frame.encryptedSharedDeviceData))
        }
        case "Opened": {
          const track = this.#track(event.device)
          track.connection = event.connection
          track.learned = undefined
          return
        }
        case "StateChanged":
          if (event.state._tag === "Live") this.#live(this.#track(event.device))
          return
        case "Asked":
          if (event.operation._tag === "SetSharedData") {
            this.#asked(this.#track(event.device), event.call, event.operation.version)
          } else if (event.operation._tag === "GetSharedData") {
            const track = this.#track(event.device)
            track.questions.set(event.call, new Set(track.values))
          }
          return
        case "Answered":
          if (event.operation._tag === "SetSharedData")
            this.#changed(this.#track(event.device), event.call, event.answer)
          else if (event.operation._tag === "GetSharedData") this.#told(event.device, event.call, event.answer)
          return
        case "Machine":
          this.#specs.see(event)
          if (event.change === "Started" || event.change === "Crashed") this.#begins(event.device)
          return
      }
    },
    { DeviceSent: ["SetSharedDeviceData"], DeviceReceived: ["ServerInfo"] }
  )

  #track(name: string): Track {
    return this.#tracks.get(name) ?? this.#begins(name)
  }

  /** A device that starts holds nothing; what it has on its disk outlives its lives. */
  #begins(name: string): Track {
    const track: Track = {
      connection: 0,
      values: new Set([undefined]),
      learned: undefined,
      changes: new Map(),
      questions: new Map(),
      recent: this.#tracks.get(name)?.recent ?? new Set()
    }
    this.#tracks.set(name, track)
    return track
  }

  #read(device: string, box: Box<"dgsddk">): Value {
    return Option.getOrUndefined(this.#open(device, "dgsddk", D2d.SharedDeviceData, box))?.version
  }

  /** What a device may make of a box that it is told. */
  #valuesOf(device: string, track: Track, box: Box<"dgsddk">): Set<Value> {
    const value = box.length === 0 ? undefined : this.#read(device, box)
    if (value === undefined) return new Set([undefined])
    const nonce = nonceOf(box)
    const known = this.#known.of(ownerOf(device))
    const isFresh = !known.has(nonce)
    known.add(nonce)
    if (!isFresh && !track.recent.has(nonce)) return new Set([undefined, value])
    track.recent = new Set([nonce])
    return new Set([value])
  }

  /** It may hold one of these from now on, or still what it has held. */
  #mayHold(track: Track, values: Iterable<Value>): void {
    for (const value of values) {
      track.values.add(value)
      for (const held of track.questions.values()) held.add(value)
    }
  }

  #learned(track: Track, values: Set<Value>): void {
    for (const change of track.changes.values()) change.isAlone = false
    track.learned = values
    this.#mayHold(track, values)
  }

  #live(track: Track): void {
    if (track.learned === undefined) return
    track.values = track.learned
    track.learned = undefined
  }

  #asked(track: Track, call: number, version: number): void {
    const isAlone = track.changes.size === 0
    for (const change of track.changes.values()) change.isAlone = false
    track.changes.set(call, { version, isAlone })
  }

  #changed(track: Track, call: number, answer: Answer): void {
    const change = track.changes.get(call)
    track.changes.delete(call)
    if (change === undefined || answer._tag === "Failed") return
    this.#mayHold(track, [change.version])
    if (change.isAlone) track.values = new Set([change.version])
  }

  #told(device: string, call: number, answer: Answer): void {
    const { questions } = this.#track(device)
    const held = questions.get(call)
    questions.delete(call)
    if (held === undefined || answer._tag === "Failed") return
    const version = answer.told?._tag === "SharedData" ? answer.told.version : undefined
    if (held.has(version)) return
    this.#report({
      rule: "an application is told the shared data of the latest ServerInfo, or what the device has set since",
      device,
      found: valueText(version),
      expected: Array.from(held, valueText).join(" or ")
    })
  }
}

/**
 * Judges the shared data that applications are told.
 *
 * @category oracles
 * @since 0.1.0
 */
export const sharedData: OracleMaker = {
  name: "shared data",
  make: (report, schedule) => new SharedData(report, schedule)
}
