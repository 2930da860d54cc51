/**
 * Runs the core: feeds it inputs, does what it puts out.
 *
 * Owns the state, its one timer and what leaves on each connection. Both shells, in memory and over WebSockets, attach
 * their connections here. Synchronous at heart: a burst of messages is one pass, whose writes are one call of the store
 * and whose frames are one flush of each connection.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode, Crypto, decodeClientFrame } from "@d2m/codec"
import { Cause, Clock, Effect, Exit, Result, type Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { makeAlarm } from "./Alarm.ts"
import { ChatUpstream } from "./ChatUpstream.ts"
import { makeForks } from "./Forks.ts"
import type { ConnectionId, Input } from "./Input.ts"
import { type Journal, type JournalEntry, makeJournal } from "./Journal.ts"
import type { MediatorOptions } from "./MediatorOptions.ts"
import { MediatorStore, type StoreError } from "./MediatorStore.ts"
import { makeOpenings, type Opening } from "./Openings.ts"
import type { Output, Persist, ToChat } from "./Output.ts"
import { clearOutbox, enqueue, hold, makePeer, type Peer, waitsForStore } from "./Peer.ts"
import { makePeerWriter } from "./PeerWriter.ts"
import { startChat } from "./ShellChat.ts"
import { type Environment, groupKeyOf, knowsGroup, makeState, type State } from "./State.ts"
import { step } from "./Step.ts"
import type { GroupKey } from "./StoreCommand.ts"
import { makeStoreWriter } from "./StoreWriter.ts"
import type { Attachment, Transport } from "./Transport.ts"

/** A running core. */
export interface MediatorShell {
  /** Gives the core a connection; all of its life is told over the attachment. */
  readonly attach: (path: ClientUrlInfo, transport: Transport) => Attachment
  /** The state between two steps. Read it, and do not keep it. */
  readonly state: () => State
  readonly peer: (connection: ConnectionId) => Peer | undefined
  readonly feed: (input: Input) => void
  readonly journal: Journal
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
    // Whole milliseconds, whatever the clock counts in.
    const now = (): number => Math.floor(clock.currentTimeMillisUnsafe())
    const journal = makeJournal(options.journalCapacity)
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
    let wakeAt = Infinity

    const note = (peer: Peer, entry: DistributiveOmit<JournalEntry, "at" | "groupKey" | "connection" | "deviceId">) => {
      peer.deviceId ??= state.connections.get(peer.id)?.session?.slot.deviceId
      const place = { at: now(), groupKey: peer.groupKey, connection: peer.id }
      const deviceId = peer.deviceId === undefined ? {} : { deviceId: peer.deviceId }
      journal.append({ ...place, ...deviceId, ...entry })
    }

    const log = (message: string, cause: Cause.Cause<unknown>): void => {
      forks.start(Effect.logError(message, cause), () => {})
    }

    const failGroup = (groupKey: GroupKey, detail: string): void => {
      writer.discard(groupKey)
      for (const peer of peers.values()) {
        if (peer.groupKey !== groupKey) continue
        clearOutbox(peer)
        if (peer.phase === "Closing") endPeer(peer, CloseCode.InternalError, "the mediator failed internally")
      }
      // Ahead of what waits: nothing may build on a state that the store does not share.
      waiting.splice(cursor, 0, { _tag: "GroupFailed", groupKey })
      if (journal.isActive()) {
        journal.append({ _tag: "GroupFailed", at: now(), groupKey, detail })
      }
    }

    /** A core that failed in the middle of an input may not know all of its connections. */
    const closeForgotten = (groupKey: GroupKey): void => {
      for (const peer of peers.values()) {
        if (peer.groupKey === groupKey && peer.phase === "Open" && !state.connections.has(peer.id)) {
          endPeer(peer, CloseCode.InternalError, "the mediator failed internally")
        }
      }
    }

    const coreFailed = (defect: unknown): void => {
      log("the mediator's core failed", Cause.die(defect))
      // A deadline of any group may have been the reason.
      for (const groupKey of state.groups.keys()) failGroup(groupKey, String(defect))
    }

    const onWritten = (persists: ReadonlyArray<Persist>, exit: Exit.Exit<void, StoreError>): void => {
      if (Exit.isFailure(exit)) {
        log("the mediator's store failed", exit.cause)
        const groupKeys = new Set(persists.map(({ groupKey }) => groupKey))
        for (const groupKey of groupKeys) failGroup(groupKey, Cause.pretty(exit.cause))
      }
      for (const peer of unwritten) dirty.add(peer)
      unwritten.clear()
      if (writer.backlog() <= options.storeHighWater / 2) {
        for (const peer of heldByStore) hold(peer, { byStore: false })
        heldByStore.clear()
      }
      openings.written()
      run()
    }
    const writer = makeStoreWriter(store, forks, onWritten)

    const openings = makeOpenings({
      forks,
      store,
      crypto,
      random,
      onReady: (ready) => {
        waiting.push(...ready)
        run()
      },
      onFailed: (failed, cause) => {
        log("a connection could not be opened", cause)
        for (const peer of failed) endPeer(peer, CloseCode.InternalError, "the mediator failed internally")
      }
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
      hold(peer, { byStore: false })
      const messages = peer.early
      peer.early = []
      for (const message of messages) stepOnce({ _tag: "Received", connection: peer.id, message })
    }

    const endPeer = (peer: Peer, code: number, reason: string): void => {
      forgetPeer(peer)
      peer.transport.close(code, reason)
      if (journal.isActive()) note(peer, { _tag: "Closed", code, reason })
    }

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
      tell: (input) => waiting.push(input),
      onSent: (peer, frame) => {
        if (journal.isActive()) note(peer, { _tag: "Sent", frame })
      },
      onClose: (peer, code, reason) => endPeer(peer, code, reason),
      onRead: (peer) => {
        dirty.add(peer)
        run()
      },
      onReadFailed: (peer, cause) => {
        log("the mediator's store failed", cause)
        failGroup(peer.groupKey, Cause.pretty(cause))
        run()
      }
    })

    const flushPeer = (peer: Peer): void => {
      peerWriter.flush(peer, writer.durable())
      if (waitsForStore(peer)) unwritten.add(peer)
    }

    const toChat = (peer: Peer, output: ToChat): void => {
      const over = (how: "Ended" | "Unreachable" | "Failed"): void => {
        waiting.push({ _tag: "ChatOver", connection: peer.id, how })
        run()
      }
      peer.chat ??= startChat(
        forks,
        upstream,
        { connection: peer.id, serverGroup: peer.serverGroup },
        options.chatHighWater,
        (messages) => {
          for (const data of messages) waiting.push({ _tag: "ChatReceived", connection: peer.id, data })
          run()
        },
        over
      )
      if (!peer.chat.send(output.data)) over("Failed")
    }

    const perform = (output: Output): void => {
      switch (output._tag) {
        case "Persist":
          return writer.push(output)
        case "WakeAt":
          wakeAt = output.at
          return
        case "Decided":
          if (journal.isActive()) {
            journal.append({ _tag: "Decided", at: now(), groupKey: output.groupKey, decision: output.decision })
          }
          return
      }
      const peer = peers.get(output.connection)
      if (peer === undefined) return
      if (output._tag === "ToChat") return toChat(peer, output)
      if (output._tag === "Close") {
        peer.phase = "Closing"
        peer.chat?.close()
      }
      enqueue(peer, output)
      dirty.add(peer)
    }

    const noteReceived = (connection: ConnectionId, message: Uint8Array | string): void => {
      const peer = peers.get(connection)
      if (peer === undefined) return
      const frame = typeof message === "string" ? undefined : decodeClientFrame(message)
      const decoded = frame !== undefined && Result.isSuccess(frame) ? { frame: frame.success } : {}
      note(peer, { _tag: "Received", message, ...decoded })
    }

    const stepOnce = (input: Input): void => {
      if (input._tag === "Received" && journal.isActive()) noteReceived(input.connection, input.message)
      let outputs: ReadonlyArray<Output>
      try {
        ;[state, outputs] = step(state, input, now(), environment)
      } catch (defect) {
        return coreFailed(defect)
      }
      for (const output of outputs) perform(output)
    }

    const alarm = makeAlarm(forks, clock, () => {
      wakeAt = Infinity
      feed({ _tag: "Tick" })
    })

    const pass = (): void => {
      do {
        while (cursor < waiting.length) {
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
      if (journal.isActive()) note(peer, { _tag: "Opened" })
      if (isClosed) endPeer(peer, CloseCode.GoingAway, "the mediator is shutting down")
      else openings.prepare(peer)
      // Whoever is not open by now waits for the store, and so do its messages.
      if (peer.phase === "Opening") hold(peer, { byStore: true })
      return {
        connection: peer.id,
        received: (messages) => {
          if (peer.phase === "Opening") return void peer.early.push(...messages)
          if (peer.phase !== "Open") return
          for (const message of messages) waiting.push({ _tag: "Received", connection: peer.id, message })
          run()
          if (writer.backlog() > options.storeHighWater && peers.has(peer.id)) {
            heldByStore.add(peer)
            hold(peer, { byStore: true })
          }
        },
        pinged: () => {
          waiting.push({ _tag: "Pinged", connection: peer.id })
          run()
        },
        drained: () => {
          if (!peers.has(peer.id)) return
          peerWriter.checkLevel(peer)
          run()
        },
        gone: () => {
          if (peer.phase === "Gone") return
          if (journal.isActive()) note(peer, { _tag: "Gone" })
          forgetPeer(peer)
          waiting.push({ _tag: "Gone", connection: peer.id })
          run()
        },
        requestClose: (code, reason) => {
          if (peer.phase === "Opening") endPeer(peer, code, reason)
          else feed({ _tag: "CloseRequested", connection: peer.id, code, reason })
        },
        faultFired: (fault) => {
          if (journal.isActive()) note(peer, { _tag: "FaultFired", fault })
        }
      }
    }

    const feed = (input: Input): void => {
      waiting.push(input)
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
      }).pipe(Effect.andThen(Effect.sync(closeAll)))
    )

    return { attach, state: () => state, peer: (connection) => peers.get(connection), feed, journal }
  })

type DistributiveOmit<A, Key extends PropertyKey> = A extends unknown ? Omit<A, Key> : never
