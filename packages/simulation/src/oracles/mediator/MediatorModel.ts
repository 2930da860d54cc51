/**
 * Judges the mediator by what goes in and comes out of it.
 *
 * Owns the way of each event to the rule it concerns, and which connections there are. It looks at frames where the
 * mediator gets and gives them, before the network or a misbehaving one does something to them: so its rules hold in
 * every run.
 *
 * @since 0.1.0
 */
import { type ClientFrame, CloseCode, type ServerFrame } from "@d2m/codec"
import { mediatorName } from "../../Names.ts"
import type { Oracle, OracleMaker } from "../../Oracle.ts"
import type { Schedule } from "../../Schedule.ts"
import type { WorldEvent } from "../../WorldEvent.ts"
import { Specs } from "../Specs.ts"
import { checkAllSilence, checkClose, checkSilence, erred } from "./Closes.ts"
import { devicesAsked, devicesInfoSent } from "./DevicesInfo.ts"
import { leaderOwed, leaderSent } from "./Leaders.ts"
import {
  beginAckSent,
  beginReceived,
  checkEnds,
  commitAckSent,
  commitReceived,
  endedSent,
  endOwedTo,
  holderOver,
  rejectedSent
} from "./Locks.ts"
import { type Group, isOverdue, makeGroup, mayBeOver, type Model, numbersOf, type Peer } from "./Model.ts"
import { reflectAckSent } from "./Promises.ts"
import { dropAckSent, dropReceived, helloReceived, refused, serverInfoSent, sessionOver } from "./Registration.ts"
import { checkRoom, waits } from "./Room.ts"
import { ackReceived, doubtAcks, drySent, owedTo, reflectedSent, reflectReceived } from "./Streams.ts"

const refusals: ReadonlySet<number> = new Set([
  CloseCode.ProtocolError,
  CloseCode.UnsupportedVersion,
  CloseCode.SlotsExhausted,
  CloseCode.SlotStateMismatch
])

class MediatorModel implements Oracle {
  readonly #model: Model
  readonly #specs: Specs
  readonly #peers = new Map<number, Peer>()
  readonly #hasLatency: boolean
  /** By how much the store can be slowed at most, in ms. */
  readonly #slowest: number
  #slow = 0
  #slowUntil = 0
  #failing = 0
  #failedAt = 0
  #judgements: Array<() => void> = []
  #judgeAt = 0

  constructor(report: Model["report"], schedule: Schedule) {
    this.#specs = new Specs(schedule)
    this.#hasLatency = schedule.conditions.storeLatency > 0
    this.#slowest = schedule.faults.reduce(
      (sum, { fault }) => (fault._tag === "StoreSlow" ? sum + fault.by : sum),
      schedule.conditions.storeLatency
    )
    this.#model = {
      numbers: numbersOf(schedule.conditions),
      report,
      now: 0,
      received: 0,
      isStoreInstant: !this.#hasLatency,
      isStoreFailing: false,
      chatFailsSince: Infinity,
      isStopping: false,
      silenceAt: 0,
      groups: new Map(),
      later: (judge) => {
        this.#judgements.push(judge)
        this.#judgeAt = this.#model.now
      }
    }
  }

  readonly see = (event: WorldEvent): void => {
    const model = this.#model
    if (this.#judgements.length > 0 && event.at > this.#judgeAt) this.#judge()
    switch (event._tag) {
      case "MediatorReceived": {
        model.now = event.at
        const peer = this.#peers.get(event.connection)
        model.received++
        if (peer !== undefined) this.#received(peer, event.frame)
        return checkAllSilence(model)
      }
      case "MediatorSent": {
        model.now = event.at
        const peer = this.#peers.get(event.connection)
        if (peer !== undefined) {
          checkRoom(model, peer, event.frame, event.buffered)
          waits(model, peer, event.buffered + event.message.length)
          return this.#sent(peer, event.frame)
        }
        return model.report({
          rule: "nothing is sent on a connection that is over",
          device: event.device,
          found: event.frame?._tag ?? "something that is no frame",
          expected: "nothing"
        })
      }
      case "DeviceReceived": {
        const peer = this.#peers.get(event.connection)
        if (peer === undefined) return
        model.now = event.at
        return waits(model, peer, peer.waiting - event.message.length)
      }
      case "Opened":
        return this.#opened(event)
      case "MediatorClosed": {
        model.now = event.at
        const peer = this.#peers.get(event.connection)
        if (peer !== undefined) this.#closed(peer, event.code, event.reason)
        return
      }
      case "MediatorLost": {
        model.now = event.at
        const peer = this.#peers.get(event.connection)
        if (peer !== undefined) this.#over(peer, false)
        return
      }
      case "Machine":
        return event.device === mediatorName ? this.#machine(event.change, event.at) : this.#specs.see(event)
      case "Fault":
        return this.#fault(event.kind, event.phase, event.at)
      default:
    }
  }

  readonly owes = (): string | undefined => {
    const model = this.#model
    for (const group of model.groups.values()) {
      for (const peer of group.peers) {
        checkSilence(model, peer)
        const owed = owedTo(model, peer) ?? endOwedTo(model, peer)
        if (owed !== undefined) return owed
      }
      const owed = leaderOwed(model, group)
      if (owed !== undefined) return owed
    }
    return undefined
  }

  #judge(): void {
    const judgements = this.#judgements
    this.#judgements = []
    for (const judge of judgements) judge()
    this.#storeState()
  }

  #storeState(): void {
    const model = this.#model
    model.isStoreInstant = !this.#hasLatency && this.#slow === 0 && this.#failing === 0 && model.now >= this.#slowUntil
    // A close for it may stand behind a write that was begun before, and takes as long as the store does.
    model.isStoreFailing = this.#failing > 0 || model.now <= this.#failedAt + this.#slowest
  }

  #groupOf(device: string): Group {
    const { groups } = this.#model
    const key = this.#specs.of(device)?.group ?? 0
    const known = groups.get(key)
    if (known !== undefined) return known
    const group = makeGroup()
    groups.set(key, group)
    return group
  }

  #opened({ at, connection, device }: Extract<WorldEvent, { readonly _tag: "Opened" }>): void {
    this.#model.now = at
    this.#storeState()
    checkAllSilence(this.#model)
    const group = this.#groupOf(device)
    const peer: Peer = {
      connection,
      device,
      group,
      chats: this.#specs.of(device)?.chats ?? false,
      hasErred: false,
      hasAckedUnknown: false,
      greetedAt: undefined,
      hello: undefined,
      slot: undefined,
      isOver: false,
      doubts: 0,
      doubtedAt: undefined,
      doubtedBy: undefined,
      heardAt: at,
      wasOverdue: false,
      reflects: [],
      nextAck: 0,
      sent: 0,
      waiting: 0,
      isUnread: false,
      readAt: at,
      full: undefined,
      deliveries: new Map(),
      firstId: undefined,
      lastId: 0,
      isDry: false,
      dryAt: 0,
      dryNumber: 0,
      isLeader: false,
      lock: undefined,
      commits: [],
      asks: [],
      drops: [],
      ends: new Map()
    }
    group.peers.push(peer)
    this.#peers.set(connection, peer)
  }

  #received(peer: Peer, frame: ClientFrame | undefined): void {
    const model = this.#model
    checkSilence(model, peer)
    peer.wasOverdue ||= isOverdue(model, peer)
    peer.heardAt = model.now
    if (frame === undefined || (peer.hello === undefined && frame._tag !== "Proxy" && frame._tag !== "ClientHello")) {
      return erred(model, peer)
    }
    switch (frame._tag) {
      case "Reflect":
        return reflectReceived(model, peer, frame)
      case "ReflectedAck":
        return ackReceived(model, peer, frame)
      case "ClientHello":
        if (peer.hello !== undefined) return erred(model, peer)
        return helloReceived(model, peer, frame)
      case "BeginTransaction":
        if (peer.lock !== undefined && peer.lock.state === "Held") return erred(model, peer)
        return beginReceived(model, peer, frame)
      case "CommitTransaction":
        if (peer.lock === undefined) return erred(model, peer)
        return commitReceived(model, peer)
      case "GetDevicesInfo":
        return devicesAsked(model, peer)
      case "DropDevice":
        return dropReceived(model, peer, frame)
      case "SetSharedDeviceData": {
        const isCertain = model.isStoreInstant && !mayBeOver(model, peer)
        peer.group.sharedData = isCertain ? new Uint8Array(frame.encryptedSharedDeviceData) : undefined
        peer.group.sharedAt = model.received
        return
      }
      case "Unknown":
        return model.numbers.strict ? erred(model, peer) : undefined
      default:
    }
  }

  #sent(peer: Peer, frame: ServerFrame | undefined): void {
    const model = this.#model
    const tag = frame?._tag
    if (frame === undefined || tag === "Unknown") {
      return model.report({
        rule: "the mediator sends frames that everybody knows",
        device: peer.device,
        found: tag ?? "something that is no frame",
        expected: "a frame"
      })
    }
    const isInOrder =
      frame._tag === "ServerHello"
        ? peer.greetedAt === undefined
        : frame._tag === "Proxy" ||
          peer.slot !== undefined ||
          (peer.greetedAt !== undefined && frame._tag === "ServerInfo")
    if (!isInOrder) {
      return model.report({
        rule: "ServerHello comes first, then ServerInfo, and then the rest",
        device: peer.device,
        found: frame._tag,
        expected: peer.greetedAt !== undefined ? "ServerInfo" : "ServerHello"
      })
    }
    switch (frame._tag) {
      case "ServerHello":
        peer.greetedAt = model.now
        return
      case "Reflected":
        reflectedSent(model, peer, frame)
        return peer.ends.size === 0 ? undefined : checkEnds(model, peer)
      case "ReflectAck":
        return reflectAckSent(model, peer, frame)
      case "ServerInfo":
        return serverInfoSent(model, peer, frame)
      case "ReflectionQueueDry":
        return drySent(model, peer)
      case "RolePromotedToLeader":
        return leaderSent(model, peer)
      case "BeginTransactionAck":
        return beginAckSent(model, peer)
      case "CommitTransactionAck":
        return commitAckSent(model, peer)
      case "TransactionRejected":
        return rejectedSent(model, peer, frame)
      case "TransactionEnded":
        return endedSent(model, peer, frame)
      case "DevicesInfo":
        return devicesInfoSent(model, peer, frame)
      case "DropDeviceAck":
        return dropAckSent(model, peer, frame)
      default:
    }
  }

  #closed(peer: Peer, code: number, reason: string): void {
    const model = this.#model
    this.#storeState()
    checkClose(model, peer, code, reason)
    if (code === CloseCode.InternalError) doubtAcks(model, peer.group)
    if (!model.isStoreInstant) {
      // The close has waited for the store: the session may have been over since the last sign of life.
      peer.doubtedAt ??= peer.heardAt
      peer.doubtedBy ??= peer.lock?.number
    }
    const { slot } = peer
    if (slot !== undefined && (code === CloseCode.QueueLimit || code === CloseCode.Dropped)) slot.state = "No"
    if (slot === undefined && refusals.has(code)) {
      refused(model, peer, code)
      peer.hello = undefined
    }
    this.#over(peer, false)
  }

  #over(peer: Peer, hasMediatorCrashed: boolean): void {
    const model = this.#model
    const { group } = peer
    peer.isOver = true
    this.#peers.delete(peer.connection)
    group.peers.splice(group.peers.indexOf(peer), 1)
    sessionOver(model, peer, hasMediatorCrashed)
    holderOver(model, peer)
  }

  #machine(change: string, at: number): void {
    const model = this.#model
    model.now = at
    this.#storeState()
    model.isStopping = change === "Stopped"
    if (change === "Started") return
    for (const group of model.groups.values()) {
      // One that stops waits for its store, but not for ever. Its sessions are over, though their closes wait as well.
      doubtAcks(model, group)
      if (change === "Stopped") for (const peer of group.peers) peer.doubtedAt ??= at
      if (change !== "Crashed") continue
      while (group.peers.length > 0) this.#over(group.peers[0]!, true)
    }
  }

  #fault(kind: string, phase: string, at: number): void {
    this.#model.now = at
    const by = phase === "Begun" ? 1 : phase === "Ended" ? -1 : 0
    if (kind === "StoreSlow") {
      this.#slow += by
      if (by < 0) this.#slowUntil = at + this.#slowest + 1
    } else if (kind === "StoreFails") {
      this.#failing += by
      if (by < 0) this.#failedAt = at
      // A group hears of a write that failed by a close with 1011, unless there is nobody to hear it.
      for (const group of by <= 0 ? this.#model.groups.values() : []) {
        if (group.peers.length === 0) doubtAcks(this.#model, group)
      }
    } else if (kind === "ChatFails" && by > 0) {
      this.#model.chatFailsSince = Math.min(this.#model.chatFailsSince, at)
    }
    this.#storeState()
  }
}

/**
 * The rules of a faithful mediator.
 *
 * @category oracles
 * @since 0.1.0
 */
export const mediator: OracleMaker = {
  name: "mediator",
  make: (report, schedule) => new MediatorModel(report, schedule)
}
