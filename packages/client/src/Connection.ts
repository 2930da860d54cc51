/**
 * One connection, from dialling to its end.
 * Owns the pipelines decode → route → reflect queue and draw → seal → send, and that the first end of any ends all.
 * Leaves acks of handled messages to `ReflectedQueue`, and what follows from the end to the reconnect loop.
 */
import { type Box, Crypto, D2d, decodeMessage, type DeviceGroupKeys, type Reflected } from "@d2m/codec"
import { Clock, Context, Deferred, Effect, Result, type Scope, Stream } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import type { SecureRandom } from "effect/crypto"
import type { Socket } from "effect/socket"
import { deadlineMillis } from "./Bounds.ts"
import { type ChatProxy, noChat } from "./ChatProxy.ts"
import { Closed } from "./TransportError.ts"
import { type ConnectionEnd, DeadlinePassed, ProtocolViolation } from "./ConnectionEnd.ts"
import type { StateCell } from "./ConnectionState.ts"
import type { BlobRejection } from "./DeviceBlob.ts"
import type { EventLog } from "./DeviceEvent.ts"
import type { Devices } from "./Devices.ts"
import type { DeviceStore, DeviceStoreError } from "./DeviceStore.ts"
import { Handshake, type Hello } from "./Handshake.ts"
import { KeepAlive, type Pulse } from "./KeepAlive.ts"
import { type Link, openLink } from "./Link.ts"
import type { LiveCell, LiveConnection } from "./LiveConnection.ts"
import type { ReflectedQueue } from "./ReflectedQueue.ts"
import type { Reflection } from "./Reflection.ts"
import type { Session, SessionServerFrame } from "./Session.ts"

/**
 * The parts of a device that a connection serves.
 *
 * @internal
 */
export interface ConnectionParts {
  readonly keys: Pick<DeviceGroupKeys, "dgtsk">
  readonly hello: Effect.Effect<Hello, ConnectionEnd>
  readonly state: StateCell
  readonly events: EventLog
  readonly live: LiveCell
  readonly reflection: Reflection
  readonly reflected: Pick<ReflectedQueue<never>, "accept" | "takeHalt">
  readonly devices: Devices
}

const openScope = (
  crypto: Crypto["Service"],
  keys: Pick<DeviceGroupKeys, "dgtsk">,
  box: Box<"dgtsk">
): Result.Result<number, BlobRejection> => {
  const plain = crypto.open(keys.dgtsk, box)
  if (Result.isFailure(plain)) return Result.fail("Undecryptable")
  const scope = decodeMessage(D2d.TransactionScope, plain.success)
  return Result.isFailure(scope) ? Result.fail("Malformed") : Result.succeed(scope.success.scope)
}

/** Waits no longer than `answer` for any answer; time in which the device did not listen does not count. */
const watchDeadlines = Effect.fnUntraced(function* (live: LiveConnection, reflection: Reflection, answer: number) {
  for (;;) {
    const since = Math.min(reflection.oldestWrittenAt() ?? Infinity, live.requests.oldestSince ?? Infinity)
    const waited = since === Infinity ? 0 : live.link.listeningTime() - since
    if (waited >= answer) return yield* new DeadlinePassed({ waitedFor: "answer", millis: answer })
    yield* Effect.sleep(answer - waited)
  }
})

/** What is left of one read when every other frame has gone where it belongs. */
interface Routed {
  readonly messages: ReadonlyArray<Reflected>
  /** A frame that cannot come now, behind the messages; nothing after it counts. */
  readonly violation: ProtocolViolation | undefined
}

/** What tells who holds or held the lock. */
type LockFrame = Extract<SessionServerFrame, { readonly _tag: "TransactionEnded" | "TransactionRejected" }>

/** Sends every frame of a read where it belongs and leaves the reflected messages. */
const makeRoute = (parts: ConnectionParts, crypto: Crypto["Service"], live: LiveConnection) => {
  const { events, reflection, state } = parts

  const stateful = (change: { readonly dry: true } | { readonly leader: true }) => {
    const phase = state.phase()
    if (phase._tag === "Live") state.setUnsafe({ ...phase, ...change })
  }
  const stray = (frame: string) => events.emit({ _tag: "StrayFrame", frame })

  /** A scope that cannot be read is told and is nobody's error (decision 6). */
  const tellLock = (_tag: "TransactionEnded" | "LockHeld", { deviceId, encryptedScope }: LockFrame) => {
    const scope = openScope(crypto, parts.keys, encryptedScope)
    if (Result.isSuccess(scope)) return events.emit({ _tag, deviceId, scope: scope.success })
    events.emit({ _tag: "BlobRejected", blob: "TransactionScope", deviceId, reason: scope.failure })
    events.emit({ _tag, deviceId })
  }

  const routeOne = (frame: Exclude<SessionServerFrame, Reflected>): ProtocolViolation | undefined => {
    const phase = state.phase()
    switch (frame._tag) {
      case "ReflectAck":
        reflection.acked(frame.reflectId, frame.timestamp)
        return undefined
      case "ReflectionQueueDry":
        if (phase._tag === "Live" && phase.dry) stray(frame._tag)
        else {
          stateful({ dry: true })
          Deferred.doneUnsafe(live.dry, Effect.succeed(live.arrivals.arrived()))
          events.emit({ _tag: "Dry" })
        }
        return undefined
      case "RolePromotedToLeader":
        if (phase._tag === "Live" && !phase.dry) stray("RolePromotedToLeader before ReflectionQueueDry")
        if (phase._tag === "Live" && phase.leader) stray(frame._tag)
        else {
          stateful({ leader: true })
          events.emit({ _tag: "PromotedToLeader" })
        }
        return undefined
      case "TransactionEnded":
        tellLock("TransactionEnded", frame)
        live.lockReleased.openUnsafe()
        return undefined
    }
    if (!live.requests.settle(frame)) {
      return new ProtocolViolation({ expected: "no answer, as nothing was asked", found: frame._tag })
    }
    if (frame._tag === "TransactionRejected") tellLock("LockHeld", frame)
    return undefined
  }

  const routeAll = (frames: NonEmptyReadonlyArray<SessionServerFrame>): Routed => {
    const messages: Array<Reflected> = []
    let violation: ProtocolViolation | undefined
    for (const frame of frames) {
      if (frame._tag === "Reflected") {
        live.arrivals.arrive()
        messages.push(frame)
      } else violation = routeOne(frame)
      if (violation !== undefined) break
    }
    state.refreshUnsafe()
    return { messages, violation }
  }
  // Acks of one read set many callers free, whose next reflects should not be written one by one.
  return (frames: NonEmptyReadonlyArray<SessionServerFrame>): Routed => reflection.gather(() => routeAll(frames))
}

/** The session at hand. */
class CurrentSession extends Context.Service<CurrentSession, Session>()("@d2m/client/CurrentSession") {}

/**
 * What the mediator sends. One stream for all connections, which looks up whose it is: V8 keeps what a stream closes over
 * until a major collection, and from a session that is all of its device.
 */
const inbox = Stream.fromPull(Effect.map(CurrentSession, ({ receive }) => receive))

/** Only reflected messages may hold up the next read. */
const makeEnqueue =
  (reflected: ConnectionParts["reflected"], live: LiveConnection) =>
  ({ messages, violation }: Routed): Effect.Effect<void, ConnectionEnd> => {
    const accepted = isReadonlyArrayNonEmpty(messages) ? reflected.accept(live, messages) : Effect.void
    return violation === undefined ? accepted : Effect.andThen(accepted, Effect.fail(violation))
  }

/** A write that fails leaves the last word to the reader, which knows why; `Link.broken` ends its turn. */
const leaveToReader = <A>(write: Effect.Effect<A, ConnectionEnd>): Effect.Effect<A, DeviceStoreError> =>
  Effect.catch(write, (end) => (end._tag === "DeviceStoreError" ? Effect.fail(end) : Effect.never))

const pulseOf = (live: LiveConnection): Pulse => ({
  lastWriteAt: live.link.lastWriteAt,
  reads: live.link.reads,
  listeningTime: live.link.listeningTime,
  probe: leaveToReader(
    live.ask({ _tag: "GetDevicesInfo" }, (requests) =>
      requests.expectDevices({ settle: () => {}, lost: () => {}, unattended: true })
    )
  )
})

/** What a connection that this device gives up by itself ends with. */
const closedByUs = () => new Closed({ code: 1000, reason: "the device has stopped", by: "client" })

/**
 * Runs one connection to its end, which is how it fails; interrupting it hangs up with 1000.
 *
 * `onLive` is told when ServerInfo has come.
 *
 * @internal
 */
export const runConnection = Effect.fnUntraced(function* (
  parts: ConnectionParts,
  chat: ChatProxy,
  attempt: number,
  onLive: () => void
): Effect.fn.Return<
  never,
  ConnectionEnd,
  Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore | Scope.Scope
> {
  const { events, reflected, reflection, state } = parts
  const crypto = yield* Crypto
  const clock = yield* Clock.Clock
  const deadlines = yield* deadlineMillis
  const keepAlive = yield* KeepAlive
  const shakeHands = yield* Handshake

  const tooLate = Effect.delay(
    Effect.suspend(() => Effect.fail(new DeadlinePassed({ waitedFor: "ServerInfo", millis: deadlines.handshake }))),
    deadlines.handshake
  )
  const greet = (link: Link) =>
    Effect.raceAllFirst([Effect.flatMap(parts.hello, (hello) => shakeHands(link, hello)), link.broken, tooLate])

  /** A message that halted the device must not be overtaken by what a new connection would deliver. */
  const unlessHalted = <A>(go: () => A): Effect.Effect<A, ConnectionEnd> =>
    Effect.suspend(() => {
      const halt = reflected.takeHalt()
      return halt === undefined ? Effect.succeed(go()) : Effect.fail(halt)
    })

  const goLive = (link: Link, session: Session) =>
    unlessHalted(() => {
      const live = parts.live.begin(link, session)
      onLive()
      state.setUnsafe({
        _tag: "Live",
        since: clock.currentTimeMillisUnsafe(),
        dry: false,
        leader: false,
        queued: session.info.reflectionQueueLength,
        maxDeviceSlots: session.info.maxDeviceSlots
      })
      return live
    })

  /** All of these run until the first of them ends, which is the end of the connection. */
  const converse = (live: LiveConnection) => {
    // decode → route → reflect queue → ack: the session's frames are decoded, and what stands in the queue is opened,
    // handled and acked by `ReflectedQueue`, over this connection and the next.
    const route = makeRoute(parts, crypto, live)
    const enqueue = makeEnqueue(reflected, live)
    const inbound = Stream.runForEachArray(inbox, (frames) => enqueue(route(frames))).pipe(
      Effect.provideService(CurrentSession, live.session)
    )
    const running: ReadonlyArray<Effect.Effect<void, ConnectionEnd>> = [
      inbound,
      leaveToReader(reflection.outbound(live)),
      keepAlive.watch(pulseOf(live)),
      watchDeadlines(live, reflection, deadlines.answer),
      live.link.broken,
      ...(chat === noChat ? [] : [chat.over])
    ]
    const ending = running.map((part) => Effect.tapError(part, (end) => Effect.sync(() => live.end(end))))
    return Effect.andThen(Effect.raceAllFirst([...ending, live.over]), Effect.never)
  }

  const part = (live: LiveConnection) =>
    Effect.sync(() => {
      live.end(closedByUs())
      live.requests.cut()
      reflection.cut()
    })

  yield* unlessHalted(() => state.setUnsafe({ _tag: "Connecting", attempt }))
  const link = yield* openLink({
    onProxy: chat.accept,
    onUnknown: (type, length) => events.emit({ _tag: "UnknownFrame", type, length })
  })
  const greeted = Effect.suspend(() => {
    state.setUnsafe({ _tag: "Handshaking", attempt })
    return greet(link)
  })
  return yield* chat.start(link).pipe(
    Effect.andThen(greeted),
    Effect.tap((session) => parts.devices.learnSharedData(session.info.encryptedSharedDeviceData)),
    Effect.flatMap((session) => Effect.acquireUseRelease(goLive(link, session), converse, part)),
    Effect.tapError((end) => (end._tag === "Closed" ? Effect.void : link.close(end)))
  )
})
