/**
 * Runs the core: feeds it inputs, does what it puts out.
 *
 * Owns the state, its one timer and what leaves on each connection. Both shells, in memory and over WebSockets, attach
 * their connections here. Synchronous at heart: a burst of messages is one pass, whose writes are one call of the store
 * and whose frames are one flush of each connection.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode, Crypto } from "@d2m/codec"
import { Cause, Clock, Effect, Exit, type Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { makeAlarm } from "./Alarm.ts"
import { ChatUpstream } from "./ChatUpstream.ts"
import { makeForks } from "./Forks.ts"
import { makeGroupVisits } from "./GroupVisits.ts"
import type { ConnectionId, Input } from "./Input.ts"
import { momentOf, nowOf } from "./Moment.ts"
import type { MediatorOptions } from "./MediatorOptions.ts"
import { MediatorStore, type MediatorStoreError } from "./MediatorStore.ts"
import { cutTexts, makeWatch, noCode, type Watch } from "./observe/Watch.ts"
import { makeOpenings, type Opening } from "./Openings.ts"
import type { Decided, Output, Persist } from "./Output.ts"
import { makeOutgoingBudget } from "./OutgoingBudget.ts"
import { clearOutbox, enqueue, hold, type HoldReasons, makePeer, type Peer, waitsForStore } from "./Peer.ts"
import { makePeerWriter } from "./PeerWriter.ts"
import { makeChats } from "./ShellChat.ts"
import { type Environment, groupKeyOf, knowsGroup, makeState, type State } from "./State.ts"
import { groupOf, hasDue, step } from "./Step.ts"
import type { GroupKey } from "./StoreCommand.ts"
import { makeStoreWriter } from "./StoreWriter.ts"
import type { Attachment, Transport } from "./Transport.ts"
import { closeReason } from "./Turn.ts"

/** A running core. */
export interface MediatorShell {
  /** Gives the core a connection; all of its life is told over the attachment. */
  readonly attach: (path: ClientUrlInfo, transport: Transport) => Attachment
  /** The state between two steps. Read it, and do not keep it. */
  readonly state: () => State
  readonly peer: (connection: ConnectionId) => Peer | undefined
  readonly peers: () => Iterable<Peer>
  /** About how many bytes are on their way to the store. */
  readonly backlog: () => number
  readonly feed: (input: Input) => void
  readonly watch: Watch
}

/** A core that runs until the scope closes, when every connection is closed with 1001. */
export const makeShell = (
  options: MediatorOptions
): Effect.Effect<
  MediatorShell,
  never,
  Scope.Scope | MediatorStore | ChatUpstream | Crypto | SecureRandom.SecureRandom
> =>
  Effect.gen(function* () {
    const store = yield* MediatorStore
    const upstream = yield* ChatUpstream
    const crypto = yield* Crypto
    const random = yield* SecureRandom.SecureRandom
    const clock = yield* Clock.Clock
    const forks = yield* makeForks

    const environment: Environment = { options, crypto }
    const watch = makeWatch(options, clock, forks, () => nowOf(clock))
    const peers = new Map<ConnectionId, Peer>()
    const dirty = new Set<Peer>()
    const unwritten = new Set<Peer>()
    const heldByStore = new Set<Peer>()
    const waiting: Array<Input | Opening> = []
    let state = makeState()
    let lastConnection = 0
    let isRunning = false
    let isClosed = false
    let cursor = 0
    /** The time of the steps for what is taken from `waiting`. */
    let moment = momentOf(clock)
    let wakeAt = Infinity

    const failGroup = (groupKey: GroupKey, detail: string): void => {
      writer.discard(groupKey)
      for (const peer of peers.values()) {
        if (peer.groupKey !== groupKey) continue
        clearOutbox(peer)
        if (peer.phase === "Closing") endPeer(peer, CloseCode.InternalError, "the mediator failed internally")
      }
      // Ahead of what waits: nothing may build on a state that the store does not share.
      waiting.splice(cursor, 0, { _tag: "GroupFailed", groupKey })
      watch.groupFailed(groupKey, detail)
      visits.forgotten()
    }

    /** A core that failed in the middle of an input may not know all of its connections. */
    const closeForgotten = (groupKey: GroupKey): void => {
      for (const peer of peers.values()) {
        if (peer.groupKey === groupKey && peer.phase === "Open" && !state.connections.has(peer.id)) {
          endPeer(peer, CloseCode.InternalError, "the mediator failed internally")
        }
      }
    }

    /** A group is absent if any may have been the reason. */
    const coreFailed = (groupKey: GroupKey | undefined, defect: unknown): void => {
      watch.failed("the mediator's core failed", Cause.die(defect))
      const failed = groupKey === undefined ? [...state.groups.keys()] : [groupKey]
      for (const key of failed) failGroup(key, String(defect))
    }

    const onWritten = (persists: ReadonlyArray<Persist>, exit: Exit.Exit<void, MediatorStoreError>): void => {
      if (Exit.isFailure(exit)) {
        watch.failed("the mediator's store failed", exit.cause)
        const groupKeys = new Set(persists.map(({ groupKey }) => groupKey))
        for (const groupKey of groupKeys) failGroup(groupKey, Cause.pretty(exit.cause))
      } else {
        visits.written()
      }
      for (const peer of unwritten) dirty.add(peer)
      unwritten.clear()
      for (const peer of heldByStore) {
        if (!writer.hasRoomFor(peer.groupKey)) continue
        heldByStore.delete(peer)
        holdPeer(peer, { byStore: false })
      }
      openings.written()
      run()
    }
    const writer = makeStoreWriter(options, store, forks, watch, onWritten)

    const openings = makeOpenings({
      forks,
      store,
      crypto,
      random,
      watch,
      onReady: (ready) => feed(...ready),
      onFailed: (failed, cause) => {
        watch.failed("a connection could not be opened", cause, failed[0]?.groupKey)
        for (const peer of failed) endPeer(peer, CloseCode.InternalError, "the mediator failed internally")
      }
    })

    const visits = makeGroupVisits({
      forks,
      store,
      isKnown: (groupKey) => knowsGroup(state, groupKey),
      isBusy: writer.isBusyWith,
      load: openings.visit,
      onFailed: (cause, groupKey) => watch.failed("volatile slots of a group will expire late", cause, groupKey)
    })

    const open = (opening: Opening): void => {
      const { challenge, esk, peer, stored } = opening
      if (peer.phase !== "Opening") return
      if (stored === undefined && !knowsGroup(state, peer.groupKey)) {
        return openings.load(opening, writer.isBusyWith(peer.groupKey))
      }
      peer.phase = "Open"
      const groupId = peer.groupId
      stepOnce({ _tag: "Opened", connection: peer.id, groupId, esk, challenge, ...(stored && { stored }) })
      holdPeer(peer, { byStore: false })
      const messages = peer.early
      peer.early = []
      for (const message of messages) stepOnce({ _tag: "Received", connection: peer.id, message })
    }

    /** Silence of a peer that is not read must not count against it. */
    const holdPeer = (peer: Peer, reasons: HoldReasons): void => {
      const change = hold(peer, reasons)
      if (change !== undefined && peer.phase === "Open") waiting.push({ _tag: change, connection: peer.id })
    }

    const endPeer = (peer: Peer, code: number, reason: string): void => {
      if (peer.phase === "Gone") return
      forgetPeer(peer)
      peer.transport.close(code, reason)
      watch.ended(peer, "Mediator", code, reason)
    }

    /** The transport has ended, and the core does not know yet. */
    const hasEnded: Watch["ended"] = (peer, by, code, reason) => {
      budget.forget(peer)
      if (peer.phase === "Gone") return
      forgetPeer(peer)
      watch.ended(peer, by, code, reason)
      feed({ _tag: "Gone", connection: peer.id })
    }

    /** Ends it without a goodbye, which would wait, too. What is in the peer's queue is in the store. */
    const cutOff = (peer: Peer, reason: keyof typeof cutTexts): void => {
      peer.transport.cut(reason)
      hasEnded(peer, "Mediator", noCode, cutTexts[reason])
    }

    const budget = makeOutgoingBudget(options, (peer) => cutOff(peer, "Overflow"))

    const forgetPeer = (peer: Peer): void => {
      peer.phase = "Gone"
      peers.delete(peer.id)
      dirty.delete(peer)
      unwritten.delete(peer)
      heldByStore.delete(peer)
      peer.chat?.close()
      clearOutbox(peer)
    }

    const peerWriter = makePeerWriter({
      options,
      store,
      forks,
      watch,
      tell: (input) => waiting.push(input),
      hold: holdPeer,
      onClose: (peer, code, reason) => endPeer(peer, code, reason),
      onRead: (peer) => {
        dirty.add(peer)
        run()
      },
      onReadFailed: (peer, cause) => {
        watch.failed("the mediator's store failed", cause, peer.groupKey)
        failGroup(peer.groupKey, Cause.pretty(cause))
        run()
      }
    })

    const flushPeer = (peer: Peer): void => {
      peerWriter.flush(peer, writer.durable())
      if (waitsForStore(peer)) unwritten.add(peer)
      budget.look(peer)
    }

    const toChat = makeChats({
      forks,
      upstream,
      highWater: options.chatHighWater,
      tell: (inputs) => feed(...inputs)
    })

    const decided = ({ decision, groupKey }: Decided): void => {
      if (decision._tag !== "Registered") return watch.decided(groupKey, decision)
      const { deviceId } = decision
      const session = state.groups.get(groupKey)?.slots.get(deviceId)?.session
      const peer = session && peers.get(session.connection.id)
      if (peer !== undefined) peer.deviceId = deviceId
      watch.decided(groupKey, decision, peer)
    }

    const perform = (output: Output, input: Input): void => {
      switch (output._tag) {
        case "Persist":
          return writer.push(output)
        case "WakeAt":
          wakeAt = output.at
          return
        case "Decided":
          return decided(output)
      }
      const peer = peers.get(output.connection)
      if (peer === undefined) return
      if (output._tag === "ToChat") return toChat(peer, output.data)
      const isAnswer = input._tag === "Received" && input.connection === peer.id
      if (isAnswer && !budget.admits(peer)) return
      if (output._tag === "Close") {
        peer.phase = "Closing"
        peer.chat?.close()
      } else if (output._tag === "Send" && output.frame._tag === "ReflectAck") {
        watch.acks(peer)
      }
      enqueue(peer, output)
      dirty.add(peer)
    }

    const stepOnce = (input: Input): void => {
      if (input._tag === "Received" && watch.journal.isActive()) {
        watch.readsMessage(peers.get(input.connection), input.message)
      }
      const groupKey = groupOf(state, input)
      let outputs: ReadonlyArray<Output>
      try {
        ;[state, outputs] = step(state, input, moment, environment)
      } catch (defect) {
        return coreFailed(groupKey, defect)
      }
      for (const output of outputs) perform(output, input)
    }

    const alarm = makeAlarm(forks, clock, () => {
      wakeAt = Infinity
      feed({ _tag: "Tick" })
    })

    const pass = (): void => {
      do {
        while (cursor < waiting.length) {
          moment = momentOf(clock)
          // A step of their own, which may fail any group. Behind it, what fails is one group's.
          if (hasDue(state, moment)) {
            wakeAt = Infinity
            stepOnce({ _tag: "Tick" })
          }
          const next = waiting[cursor++]!
          if (next._tag === "Opening") open(next)
          else stepOnce(next)
          if (next._tag === "GroupFailed") closeForgotten(next.groupKey)
        }
        waiting.length = cursor = 0
        writer.flush()
        for (const peer of dirty) {
          dirty.delete(peer)
          flushPeer(peer)
        }
      } while (waiting.length > 0 || dirty.size > 0)
    }

    /** Whatever happens while it happens is part of the same pass. */
    const run = (): void => {
      if (isRunning) return
      isRunning = true
      try {
        pass()
      } finally {
        isRunning = false
      }
      alarm.set(wakeAt)
    }

    const attach = (path: ClientUrlInfo, transport: Transport): Attachment => {
      const groupKey = groupKeyOf(path.deviceGroupId)
      const peer = makePeer(++lastConnection, path.deviceGroupId, groupKey, path.serverGroup, transport)
      peers.set(peer.id, peer)
      watch.opened(peer)
      if (isClosed) endPeer(peer, CloseCode.GoingAway, "the mediator is shutting down")
      else openings.prepare(peer)
      // Whoever is not open by now waits for the store, and so do its messages.
      if (peer.phase === "Opening") holdPeer(peer, { byStore: true })
      return {
        connection: peer.id,
        isRegistered: () => peer.deviceId !== undefined,
        received: (messages) => {
          watch.received(peer, messages)
          if (peer.phase === "Opening") return void peer.early.push(...messages)
          if (peer.phase !== "Open") return
          for (const message of messages) waiting.push({ _tag: "Received", connection: peer.id, message })
          run()
          if (writer.isAhead(groupKey) && peers.has(peer.id)) {
            heldByStore.add(peer)
            holdPeer(peer, { byStore: true })
            run()
          }
        },
        pinged: () => feed({ _tag: "Pinged", connection: peer.id }),
        drained: () => {
          if (!peers.has(peer.id)) return
          peerWriter.checkLevel(peer)
          run()
        },
        gone: (code = noCode) => hasEnded(peer, "Peer", code, ""),
        violated: (code, reason) => hasEnded(peer, "Mediator", code, reason),
        requestClose: (code, reason) => {
          if (peer.phase === "Opening") endPeer(peer, code, closeReason(reason))
          else feed({ _tag: "CloseRequested", connection: peer.id, code, reason })
        },
        requestCut: (reason) => cutOff(peer, reason),
        faultFired: (fault) => watch.faultFired(peer, fault)
      }
    }

    const feed = (...inputs: ReadonlyArray<Input | Opening>): void => {
      waiting.push(...inputs)
      run()
    }

    const closeAll = (): void => {
      for (const peer of peers.values()) endPeer(peer, CloseCode.GoingAway, "the mediator is shutting down")
    }

    // What was promised is written, and only then do the last frames and the closes leave.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isClosed = true
        feed({ _tag: "Shutdown" })
        return Effect.timeoutOption(writer.settled, options.shutdownTimeout)
      }).pipe(Effect.andThen(Effect.sync(closeAll)), Effect.andThen(Effect.sync(watch.journal.end)))
    )

    visits.start()

    return {
      attach,
      state: () => state,
      peer: (connection) => peers.get(connection),
      peers: () => peers.values(),
      backlog: writer.backlog,
      feed,
      watch
    }
  })
