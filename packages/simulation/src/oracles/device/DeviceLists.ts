/**
 * That an application which asks for the devices of its group is told what the mediator has answered (PROTOCOL C6, D23).
 *
 * Owns one rule: the list is that of a DevicesInfo which answers a GetDevicesInfo sent since the question, all of it, with
 * what each device says of itself as the group's key opens it. Whether the mediator's answer is right is judged there.
 *
 * A box under a nonce from before may be a replay, and what it says then is none of the application's business (decision 23):
 * it has to be told where nobody has seen the nonce, or where it is the one that was shown last. With answers that a
 * keep-alive has asked for, a device may do as it likes.
 *
 * @since 0.1.0
 */
import { type ClientFrame, D2d, type ServerFrame } from "@d2m/codec"
import { Option } from "effect"
import { descriptionOf } from "../../Application.ts"
import { ownerOf } from "../../Names.ts"
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import { listedWords } from "../../Wording.ts"
import { only, type Answer, type ListedDevice } from "../../WorldEvent.ts"
import { type BlobOpener, blobOpener } from "../Boxes.ts"
import { nonceOf } from "../Envelopes.ts"
import { Specs } from "../Specs.ts"
import { Tracks } from "./Tracks.ts"

type DevicesInfo = Extract<ServerFrame, { readonly _tag: "DevicesInfo" }>
type ClientHello = Extract<ClientFrame, { readonly _tag: "ClientHello" }>

/** One device that must be in a list. */
interface Expected {
  readonly listed: ListedDevice
  /** Whether what it says of itself may be kept from the application. */
  mayBeUntold: boolean
}

type List = Map<bigint, Expected>

/** A question that has no answer. */
interface Call {
  /** Which of the events it was. */
  readonly number: number
  readonly lists: Array<List>
}

interface Track {
  connection: number
  deviceId: bigint | undefined
  /** Which of the events each GetDevicesInfo without an answer was, oldest first. */
  readonly asks: Array<number>
  readonly calls: Map<number, Call>
  /** By device id, the nonce of the latest info that was fresh. */
  readonly latest: Map<bigint, number>
}

const sameListed = ({ listed, mayBeUntold }: Expected, told: ListedDevice): boolean =>
  (listed.description === told.description || (mayBeUntold && told.description === undefined)) &&
  listed.slotExpiration === told.slotExpiration &&
  listed.connection?.isConnected === told.connection?.isConnected &&
  listed.connection?.since === told.connection?.since

const isList = (list: List, told: ReadonlyArray<ListedDevice>): boolean =>
  list.size === told.length &&
  told.every((device) => {
    const expected = list.get(device.deviceId)
    return expected !== undefined && sameListed(expected, device)
  })

const fresh = (): Track => ({
  connection: 0,
  deviceId: undefined,
  asks: [],
  calls: new Map(),
  latest: new Map()
})

class DeviceLists implements Oracle {
  readonly #report: Report
  readonly #specs: Specs
  readonly #open: BlobOpener
  readonly #tracks = new Tracks(fresh)
  /** Nonces of device infos that a device has seen or sent, by its name. Twins begin with what their device knows. */
  readonly #known = new Tracks(() => new Set<number>())
  /** Numbers what is seen, so that it is known what came first. */
  #number = 0

  constructor(report: Report, schedule: Schedule) {
    this.#report = report
    this.#specs = new Specs(schedule)
    this.#open = blobOpener(schedule, this.#specs)
  }

  readonly see = only(
    ["DeviceSent", "DeviceReceived", "Opened", "Asked", "Answered", "Machine"],
    (event) => {
      switch (event._tag) {
        case "DeviceSent": {
          const track = this.#tracks.of(event.device)
          if (track.connection !== event.connection) return
          if (event.frame._tag === "GetDevicesInfo") track.asks.push(++this.#number)
          else this.#introduced(event.device, track, event.frame)
          return
        }
        case "DeviceReceived": {
          const track = this.#tracks.of(event.device)
          if (track.connection === event.connection) this.#answeredBy(event.device, track, event.frame)
          return
        }
        case "Opened":
          return this.#opened(this.#tracks.of(event.device), event.connection)
        case "Asked":
          if (event.operation._tag !== "ListDevices") return
          this.#tracks.of(event.device).calls.set(event.call, { number: ++this.#number, lists: [] })
          return
        case "Answered":
          if (event.operation._tag === "ListDevices") this.#told(event.device, event.call, event.answer)
          return
        case "Machine":
          this.#specs.see(event)
          // What a device has on its disk outlives its lives.
          if (event.change === "Started" || event.change === "Crashed") this.#tracks.of(event.device).calls.clear()
          return
      }
    },
    { DeviceSent: ["ClientHello", "GetDevicesInfo"], DeviceReceived: ["DevicesInfo"] }
  )

  /** Notes a nonce; whether it had been seen before. */
  #isKnown(device: string, nonce: number): boolean {
    const nonces = this.#known.of(ownerOf(device))
    if (nonces.has(nonce)) return true
    nonces.add(nonce)
    return false
  }

  #opened(track: Track, connection: number): void {
    track.connection = connection
    track.asks.length = 0
    // It is about to introduce itself anew: a list that it has not looked at yet has a box of its own from before.
    if (track.deviceId === undefined) return
    for (const { lists } of track.calls.values()) {
      for (const list of lists) {
        const own = list.get(track.deviceId)
        if (own !== undefined) own.mayBeUntold = true
      }
    }
  }

  #introduced(device: string, track: Track, { deviceId, encryptedDeviceInfo }: ClientHello): void {
    const nonce = nonceOf(encryptedDeviceInfo)
    track.deviceId = deviceId
    track.latest.set(deviceId, nonce)
    this.#isKnown(device, nonce)
  }

  #answeredBy(device: string, track: Track, { augmentedDeviceInfo }: DevicesInfo): void {
    const askedAt = track.asks.shift()
    if (askedAt === undefined) return
    const waiting = [...track.calls.values()].filter(({ number }) => number < askedAt)
    const list: List = new Map()
    for (const [deviceId, known] of augmentedDeviceInfo) {
      const { connectionState, deviceSlotExpirationPolicy: slotExpiration, encryptedDeviceInfo: box } = known
      const mayBeUntold = this.#mayBeUntold(device, track, deviceId, nonceOf(box))
      if (waiting.length === 0) continue
      const info = this.#open(device, "dgdik", D2d.DeviceInfo, box)
      const isConnected = connectionState?._tag === "connectedSince"
      const connection =
        connectionState === undefined ? undefined : { isConnected, since: Number(connectionState.value) }
      const description = Option.isSome(info) ? descriptionOf(info.value) : undefined
      list.set(deviceId, { listed: { deviceId, description, slotExpiration, connection }, mayBeUntold })
    }
    for (const { lists } of waiting) lists.push(list)
  }

  #mayBeUntold(device: string, track: Track, deviceId: bigint, nonce: number): boolean {
    const isKnown = this.#isKnown(device, nonce)
    if (!isKnown) track.latest.set(deviceId, nonce)
    return isKnown && track.latest.get(deviceId) !== nonce
  }

  #told(device: string, call: number, answer: Answer): void {
    const { calls } = this.#tracks.of(device)
    const lists = calls.get(call)?.lists
    calls.delete(call)
    if (lists === undefined || answer._tag === "Failed") return
    const told = answer.told?._tag === "Devices" ? answer.told.devices : []
    if (lists.some((list) => isList(list, told))) return
    const textOf = (list: List) => Array.from(list.values(), ({ listed }) => listedWords(listed)).join(", ")
    this.#report({
      rule: "an application is told of the devices that the answer to its request lists",
      device,
      found: told.length === 0 ? "no devices" : told.map(listedWords).join(", "),
      expected: lists.length === 0 ? "no list, as none has come" : lists.map(textOf).join(" or ")
    })
  }
}

/**
 * Judges the lists of devices that applications are given.
 *
 * @category oracles
 * @since 0.1.0
 */
export const deviceLists: OracleMaker = {
  name: "device lists",
  make: (report, schedule) => new DeviceLists(report, schedule)
}
