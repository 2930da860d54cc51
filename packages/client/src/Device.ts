/**
 * One device of a group: what an application has in its hands.
 * Owns the face, the options, and the assembly of the parts into a layer.
 * Leaves each part to the module named after it.
 */
import {
  Crypto,
  type DeviceId,
  DeviceSlotExpirationPolicy,
  DeviceSlotsExhaustedPolicy,
  Limits,
  type Timestamp
} from "@d2m/codec"
import {
  Cause,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Redacted,
  type Option,
  type Scope,
  type Stream
} from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { SecureRandom } from "effect/crypto"
import type { Socket } from "effect/socket"
import { Capacities, deadlineMillis, Deadlines } from "./Bounds.ts"
import { makeChatProxy, noChat } from "./ChatProxy.ts"
import type { ConnectionParts } from "./Connection.ts"
import { type ConnectionStateView, makeStateCell, StateView } from "./ConnectionState.ts"
import { makeDeviceBlobs, plainRoom } from "./DeviceBlob.ts"
import { type DeviceEvent, makeEventLog } from "./DeviceEvent.ts"
import { encodeDescription } from "./DeviceDescription.ts"
import type { DeviceHandlers } from "./DeviceHandlers.ts"
import { checkOptions, type DeviceOptions } from "./DeviceOptions.ts"
import type { DeviceOptionsError } from "./DeviceOptionsError.ts"
import { type DeviceEntry, type DeviceError, makeDevices, type SharedData } from "./Devices.ts"
import { DeviceStore } from "./DeviceStore.ts"
import type { Content, ContentError, InvalidContent, ReflectedMessage } from "./Envelope.ts"
import { HandlerPolicy } from "./Handler.ts"
import { forCaller, lasting, runIn } from "./HandlerContext.ts"
import { clientHello, type Hello } from "./Handshake.ts"
import { makeHandling } from "./Handling.ts"
import { makeHolding } from "./Holding.ts"
import { makeLiveCell, type NotLive } from "./LiveConnection.ts"
import { makeWatch } from "./observe/Watch.ts"
import { makeQuarantine, type Quarantine } from "./Quarantine.ts"
import { makeClockTolerance, makeReconnectLoop } from "./ReconnectLoop.ts"
import { ReconnectPolicy } from "./ReconnectPolicy.ts"
import { makeReflectedQueue } from "./ReflectedQueue.ts"
import { DeviceStopped, type ReflectError, type ReflectQueueFull } from "./ReflectError.ts"
import { makeLedger, makeReflection } from "./Reflection.ts"
import { claimStore } from "./StoreClaim.ts"
import { makeTransactions, type Transaction, type TransactionOptions } from "./Transaction.ts"
import type { TransactionError } from "./TransactionError.ts"
import type { Resume } from "./UserQuestion.ts"

/**
 * One device of a group. Connects when its layer is built, reconnects by itself, and hangs up with 1000 when the layer's
 * scope closes.
 *
 * @category services
 * @since 0.1.0
 */
export class Device extends Context.Service<
  Device,
  {
    /** The one truth about the connection. */
    readonly state: ConnectionStateView
    /**
     * Sends a content to all other devices of the group; resolves with the mediator's time once the mediator has promised
     * to deliver it.
     *
     * Waits while there is no connection, and for room while too much waits already. A lost connection means sending again,
     * so that receivers may get it twice. Interrupting gives it up, though it may have been sent.
     */
    readonly reflect: (content: Content) => Effect.Effect<Timestamp, ReflectError>
    /**
     * Sends several contents next to each other and in their order; resolves once all are promised. They must not change until
     * then: those that find no room within `Capacities.reflects` are read again once they do.
     */
    readonly reflectAll: (
      contents: NonEmptyReadonlyArray<Content>
    ) => Effect.Effect<NonEmptyReadonlyArray<Timestamp>, ReflectError>
    /**
     * Sends a content to the devices that are connected at this time. Nobody promises anything: there is nothing to wait
     * for, and a lost connection loses it.
     */
    readonly reflectEphemeral: (content: Content) => Effect.Effect<void, NotLive | ContentError | ReflectQueueFull>
    /**
     * Runs a body under the group's lock; what it reflects with `Transaction` becomes visible all at once when it succeeds.
     *
     * Waits for a connection and for other transactions; where there is a precondition, for the handler as well (decision 29),
     * which must not wait for it: {@link TransactionInHandler}. When the body fails or is interrupted after it has reflected, the
     * connection is dropped, which is the protocol's only way to undo (PROTOCOL C5); the state tells so by the time the
     * transaction fails. Behind the body nothing interrupts the
     * commit, which lasts until the mediator has answered or the connection is over.
     *
     * What others reflect with the device waits for the end of the transaction; the body itself is refused that with
     * {@link ReflectNested}, for it would wait until the ttl is over.
     */
    readonly transaction: <A, E, R, E2 = never, R2 = never>(
      options: TransactionOptions<E2, R2>,
      body: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | E2 | TransactionError, Exclude<R, Transaction> | R2>
    /** All registered devices, this one included. */
    readonly devices: Effect.Effect<ReadonlyMap<DeviceId, DeviceEntry>, DeviceError>
    /** Removes a device from the group; its own id is allowed, an unknown one no error. */
    readonly drop: (deviceId: DeviceId) => Effect.Effect<void, NotLive>
    /** Replaces the data that every device gets when it connects. The mediator does not confirm it. */
    readonly setSharedData: (data: SharedData) => Effect.Effect<void, DeviceError | InvalidContent>
    /** The shared data as of the latest ServerInfo or our own change; none when never set or not readable. */
    readonly sharedData: Effect.Effect<Option.Option<SharedData>>
    readonly quarantine: Quarantine
    /** What happens from now on; ends when the device stops. A slow subscriber loses the oldest. */
    readonly events: Stream.Stream<DeviceEvent>
    /** Answers the question of `NeedsUser`. `false` when there is none, or another answer was first. */
    readonly resume: (answer: Resume) => Effect.Effect<boolean>
    /** Ends the waiting for the next connection. `false` when the device does not wait. */
    readonly retryNow: Effect.Effect<boolean>
    /** Stops the device for good and tells which reflects were never acked, oldest first. Again: the same. */
    readonly stop: Effect.Effect<ReadonlyArray<Content>>
  }
>()("@d2m/client/Device") {
  /**
   * A device with its own connection. Policies and bounds are references with defaults: `ReconnectPolicy`, `KeepAlive`,
   * `HandlerPolicy`, `Handshake`, `Deadlines`, `Capacities`.
   */
  static readonly layer = <R = never, R2 = never>(
    options: DeviceOptions & DeviceHandlers<R, R2>
  ): Layer.Layer<
    Device,
    DeviceOptionsError,
    Exclude<R | R2, Scope.Scope> | Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore
  > => Layer.effect(Device, makeDevice(options))
}

/** How far the mediator's clock may be off unless an option says otherwise: 20 minutes. */
const usualTolerance = 20 * 60_000

/**
 * A device that lives as long as the scope. Fails where an option, one of the `Capacities` or `Deadlines` or a number of a
 * policy is none that a device can have, the description does not fit a ClientHello, or another device that runs has the store.
 *
 * So must what it is given: `Effect.provide` with a layer around this effect alone closes the layer as soon as the device is
 * made, and the file of a durable store with it. Provide around all that uses the device, or build {@link Device.layer}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDevice: <R = never, R2 = never>(
  options: DeviceOptions & DeviceHandlers<R, R2>
) => Effect.Effect<
  Device["Service"],
  DeviceOptionsError,
  Exclude<R | R2, Scope.Scope> | Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore | Scope.Scope
> = Effect.fnUntraced(function* <R = never, R2 = never>(options: DeviceOptions & DeviceHandlers<R, R2>) {
  const crypto = yield* Crypto
  const random = yield* SecureRandom.SecureRandom
  const store = yield* DeviceStore
  const capacities = yield* Capacities
  const policy = yield* HandlerPolicy
  const context = lasting(
    yield* Effect.context<
      Exclude<R | R2, Scope.Scope> | Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore
    >()
  )
  const inForce = { capacities, deadlines: yield* Deadlines, handler: policy, reconnect: yield* ReconnectPolicy }
  yield* Effect.fromResult(checkOptions(options, inForce))
  const deadlines = yield* deadlineMillis
  const { deviceId, identity } = options
  const keys = crypto.deriveKeys(options.groupKey)
  const identified = {
    deviceId,
    keys,
    versions: options.versions ?? { minimum: 0, maximum: 0 },
    slotsExhausted: options.slotsExhausted ?? DeviceSlotsExhaustedPolicy.REJECT,
    slotExpiration: options.slotExpiration ?? DeviceSlotExpirationPolicy.PERSISTENT
  }
  // The longest ClientHello it sends: that of the highest version, for a slot that exists.
  const room = plainRoom("dgdik", (encryptedDeviceInfo) =>
    clientHello(
      { ...identified, encryptedDeviceInfo },
      identified.versions.maximum,
      new Uint8Array(Limits.response),
      "Existing"
    )
  )
  const plain = yield* Effect.fromResult(encodeDescription(options.description, room))
  yield* claimStore(store, keys.groupId, deviceId)
  const runFork = Effect.runForkWith(context)

  const watch = yield* makeWatch({ groupId: keys.groupId, deviceId }, (error) =>
    runFork(Effect.logError("an observer of the device has thrown", error))
  )
  const { meter, observer } = watch
  const events = makeEventLog(capacities.events, observer.onEvent)
  const live = makeLiveCell()
  const holding = makeHolding()
  const handling = makeHandling()
  const ledger = makeLedger({
    capacity: capacities.reflects,
    ...(options.firstReflectId === undefined ? {} : { firstReflectId: options.firstReflectId })
  })
  const state = makeStateCell({
    capacity: capacities.events,
    pending: () => ledger.pending,
    onState: observer.onState
  })
  const reflection = makeReflection({
    crypto,
    random,
    store,
    keys,
    identity,
    from: { deviceId, protocolVersion: options.protocolVersion ?? 0 },
    ledger,
    capacity: capacities.reflects,
    state,
    events,
    live,
    holding,
    meter
  })
  const stopping = Deferred.makeUnsafe<never, DeviceStopped>()
  const transactions = makeTransactions({
    crypto,
    random,
    keys,
    reflection,
    live,
    state,
    holding,
    handling,
    lockPatience: deadlines.lock,
    handlerPatience: deadlines.stall,
    stopped: Deferred.await(stopping)
  })
  const isAwaiting = () => reflection.isAwaiting() || holding.isRunning() || live.current()?.requests.isAwaited === true

  const onReflected = (batch: NonEmptyReadonlyArray<ReflectedMessage>) =>
    handling.mark(Effect.suspend(() => options.onReflected(batch)))
  const reflected = yield* makeReflectedQueue({
    // It runs in the context of `main`: providing it once more for each batch would cost more than the batch.
    handler: onReflected,
    policy,
    onHandlerDefect: (cause) =>
      observer.onHandlerDefect === undefined
        ? Effect.logError("a handler of reflected messages died", cause)
        : Effect.sync(() => observer.onHandlerDefect?.(cause)),
    crypto,
    keys,
    identity,
    store,
    capacity: capacities.reflected,
    stall: deadlines.stall,
    live,
    events,
    isAwaiting,
    meter
  })
  const devices = makeDevices({
    deviceId,
    ownInfo: { plain, room },
    keys,
    blobs: makeDeviceBlobs({ crypto, random, store, identity, events }),
    live,
    state
  })

  yield* watch.attach({
    state: () => state.phase()._tag,
    pendingReflects: () => ledger.pending,
    pendingBytes: () => ledger.weight,
    unhandled: reflected.unhandled
  })

  const clockTolerance = makeClockTolerance(Duration.toMillis(options.clockTolerance ?? usualTolerance))
  const hello = Effect.zipWith(devices.ownInfo, clockTolerance.get, (encryptedDeviceInfo, clockTolerance): Hello => ({
    ...identified,
    encryptedDeviceInfo,
    clockTolerance
  }))
  const parts: ConnectionParts = { keys, hello, state, events, live, reflection, reflected, devices }
  const { chat } = options
  const loop = makeReconnectLoop({
    parts,
    clockTolerance,
    chat:
      chat === undefined
        ? Effect.succeed(noChat)
        : makeChatProxy({
            handler: (io) => Effect.provideContext(Effect.scoped(chat(io)), context),
            capacity: capacities.chat,
            patience: deadlines.chatVerdict,
            stall: deadlines.stall,
            isAwaiting,
            onDefect: (cause) => {
              events.emit({ _tag: "ChatFailed" })
              if (observer.onChatDefect === undefined) runFork(Effect.logError("a chat handler died", cause))
              else observer.onChatDefect(cause)
            }
          })
  })

  const stopped = Deferred.makeUnsafe<ReadonlyArray<Content>>()
  let isToldToStop = false
  const main = yield* Effect.acquireRelease(
    Effect.forkDetach(runIn(context)(Effect.raceFirst(loop.run, reflected.work))),
    (main) =>
      Effect.suspend(() => {
        isToldToStop = true
        return Fiber.interrupt(main)
      })
  )
  /** Those who wait go on at once, up to the observers of their fibers: none may keep the others from being told. */
  const tell = (waiting: () => void): void => {
    try {
      waiting()
    } catch (error) {
      runFork(Effect.logError("whoever waited for the device has thrown", error))
    }
  }
  // Whatever ends the device, a defect included, everyone who waits for it is told.
  main.addObserver((exit) => {
    // An interruption that nobody asked for comes from what the device was given: its store, its socket, its keep-alive.
    const died = Exit.isFailure(exit) && (!isToldToStop || Cause.hasDies(exit.cause))
    if (died) {
      if (observer.onDefect === undefined) runFork(Effect.logError("the device died", exit.cause))
      else observer.onDefect(exit.cause)
    }
    const { callers, unacked } = reflection.stop(died)
    // The state first: whoever is told may look at it.
    state.setUnsafe({ _tag: "Stopped", died, pendingReflects: unacked.length })
    events.end()
    tell(() => Deferred.doneUnsafe(stopping, Effect.fail(new DeviceStopped({ died, unacked: Redacted.make([]) }))))
    for (const givenUp of callers) tell(givenUp)
    Deferred.doneUnsafe(stopped, Effect.succeed(unacked))
  })
  const stop = Effect.suspend(() => {
    isToldToStop = true
    main.interruptUnsafe()
    return Deferred.await(stopped)
  })

  return Device.of({
    state: new StateView(state),
    reflect: (content) => Effect.map(reflection.reflectAll([content]), ([timestamp]) => timestamp),
    reflectAll: reflection.reflectAll,
    reflectEphemeral: reflection.ephemeral,
    transaction: watch.transaction(transactions.transaction),
    devices: devices.list,
    drop: devices.drop,
    setSharedData: devices.setSharedData,
    sharedData: devices.sharedData,
    quarantine: makeQuarantine({
      crypto,
      keys,
      identity,
      store,
      handler: (batch) => forCaller(context)(onReflected(batch)),
      whileAtRest: reflected.whileAtRest
    }),
    events: events.events,
    resume: loop.resume,
    retryNow: loop.retryNow,
    stop
  })
})
