/**
 * Runs the core: feeds it inputs, does what it puts out.
 *
 * Owns the state, its one timer and whose turn it is. How connections live is `PeerLife`'s, what becomes of a group that
 * fails `GroupFailures`'. Both shells, in memory and over WebSockets, attach their connections here. Synchronous at heart:
 * a burst of messages is one pass, whose writes go to the store together and whose frames are one flush of each connection.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode, Crypto } from "@d2m/codec"
import { Clock, Effect, Exit, type Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { makeAlarm } from "./Alarm.ts"
import { ChatUpstream } from "./ChatUpstream.ts"
import { makeForks } from "./Forks.ts"
import { makeGroupFailures } from "./GroupFailures.ts"
import { makeGroupVisits } from "./GroupVisits.ts"
import type { ConnectionId, Input } from "./Input.ts"
import { momentOf, nowOf } from "./Moment.ts"
import type { MediatorOptions } from "./MediatorOptions.ts"
import { MediatorStore, type MediatorStoreError } from "./MediatorStore.ts"
import { makeWatch, noCode, type Watch } from "./observe/Watch.ts"
import { makeOpenings, type Opening } from "./Openings.ts"
import type { Decided, Output, Persist } from "./Output.ts"
import { enqueue, type Peer, waitsForStore } from "./Peer.ts"
import { makePeerLife } from "./PeerLife.ts"
import { makePeerWriter } from "./PeerWriter.ts"
import { makeChats } from "./ShellChat.ts"
import { type Environment, knowsGroup, makeState, type State } from "./State.ts"
import { groupOf, hasDue, step } from "./Step.ts"
import { makeStoreWriter } from "./StoreWriter.ts"
import type { Attachment, Transport } from "./Transport.ts"
import { closeReason } from "./Turn.ts"

/** Steps that happen at the same moment, at most: a millisecond of work. */
const stepsPerMoment = 32

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
export const makeShell = Effect.fnUntraced(function* (
  options: MediatorOptions
): Effect.fn.Return<
  MediatorShell,
  never,
  Scope.Scope | MediatorStore | ChatUpstream | Crypto | SecureRandom.SecureRandom
> {
  const store = yield* MediatorStore
  const upstream = yield* ChatUpstream
  const crypto = yield* Crypto
  const random = yield* SecureRandom.SecureRandom
  const clock = yield* Clock.Clock
  const forks = yield* makeForks

  const environment: Environment = { options, crypto }
  const watch = makeWatch(options, clock, forks, () => nowOf(clock))
  const waiting: Array<Input | Opening> = []
  let state = makeState()
  let isRunning = false
  let isClosed = false
  let cursor = 0
  /** The time of the steps for what is taken from `waiting`. */
  let moment = momentOf(clock)
  let wakeAt = Infinity

  const life = makePeerLife({
    options,
    watch,
    tell: (input) => waiting.push(input),
    feed: (input) => feed(input)
  })
  const { budget, dirty, peers, unwritten } = life

  const onReturned = (exit: Exit.Exit<void, MediatorStoreError>, lost: ReadonlyArray<Persist>): void => {
    if (Exit.isSuccess(exit)) visits.written()
    else if (lost.length > 0) failures.writeFailed(new Set(lost.map(({ groupKey }) => groupKey)), exit.cause)
    life.written(writer.hasRoomFor)
    openings.written()
    run()
  }
  const writer = makeStoreWriter(options, store, forks, watch, onReturned)

  const openings = makeOpenings({
    forks,
    store,
    crypto,
    random,
    watch,
    onReady: (ready) => feed(...ready),
    onFailed: (failed, cause) => {
      watch.failed("a connection could not be opened", cause, failed[0]?.groupKey)
      for (const peer of failed) life.fail(peer)
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

  const failures = makeGroupFailures({
    life,
    watch,
    state: () => state,
    tellFirst: (input) => waiting.splice(cursor, 0, input),
    discard: writer.discard,
    onForgotten: visits.forgotten
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
    life.hold(peer, { byStore: false })
    const messages = peer.early
    peer.early = []
    for (const message of messages) stepOnce({ _tag: "Received", connection: peer.id, message })
  }

  const peerWriter = makePeerWriter({
    options,
    store,
    forks,
    watch,
    tell: (input) => waiting.push(input),
    hold: life.hold,
    onClose: life.close,
    onRead: (peer) => {
      dirty.add(peer)
      run()
    },
    onReadFailed: (peer, cause) => {
      failures.readFailed(peer.groupKey, cause)
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
      return failures.coreFailed(groupKey, defect)
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
        // To read two clocks takes a twentieth of a step: what came in one read happens at one moment.
        if (cursor % stepsPerMoment === 0) moment = momentOf(clock)
        // A step of their own, which may fail any group. Behind it, what fails is one group's.
        if (hasDue(state, moment)) {
          wakeAt = Infinity
          stepOnce({ _tag: "Tick" })
        }
        const next = waiting[cursor++]!
        if (next._tag === "Opening") open(next)
        else stepOnce(next)
        if (next._tag === "GroupFailed") failures.settle(next.groupKey)
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
    const peer = life.begin(path, transport)
    if (isClosed) goAway(peer)
    else openings.prepare(peer)
    // Whoever is not open by now waits for the store, and so do its messages.
    if (peer.phase === "Opening") life.hold(peer, { byStore: true })
    return {
      connection: peer.id,
      isRegistered: () => peer.deviceId !== undefined,
      received: (messages) => {
        watch.received(peer, messages)
        if (peer.phase === "Opening") return void peer.early.push(...messages)
        if (peer.phase !== "Open") return
        for (const message of messages) waiting.push({ _tag: "Received", connection: peer.id, message })
        run()
        if (writer.isAhead(peer.groupKey) && peers.has(peer.id)) {
          life.holdForStore(peer)
          run()
        }
      },
      pinged: () => feed({ _tag: "Pinged", connection: peer.id }),
      drained: () => {
        if (!peers.has(peer.id)) return
        peerWriter.checkLevel(peer)
        run()
      },
      gone: (code = noCode) => life.ended(peer, "Peer", code, ""),
      violated: (code, reason) => life.ended(peer, "Mediator", code, reason),
      requestClose: (code, reason) => {
        if (peer.phase === "Opening") life.close(peer, code, closeReason(reason))
        else feed({ _tag: "CloseRequested", connection: peer.id, code, reason })
      },
      requestCut: (reason) => life.cutOff(peer, reason),
      faultFired: (fault) => watch.faultFired(peer, fault)
    }
  }

  const feed = (...inputs: ReadonlyArray<Input | Opening>): void => {
    waiting.push(...inputs)
    run()
  }

  const goAway = (peer: Peer): void => life.close(peer, CloseCode.GoingAway, "the mediator is shutting down")

  const closeAll = (): void => {
    for (const peer of peers.values()) goAway(peer)
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
