/**
 * The mediator as a service: connections to it, views of it, and faults on the way to it.
 *
 * Owns the face that tests, servers and tools use. What it does is decided in the core (`step`); what runs the core is
 * `MediatorShell`.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, Crypto, type DeviceId, type GroupId } from "@d2m/codec"
import { Clock, Context, Effect, Layer, Option, Random, type Scope, type Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Socket } from "effect/socket"
import { ChatUpstream } from "./ChatUpstream.ts"
import { type Fault, InjectError, invalidFault } from "./Fault.ts"
import { makeDetachedForks } from "./Forks.ts"
import { type GroupView, groupView } from "./GroupView.ts"
import type { JournalEntry } from "./Journal.ts"
import { type Link, makeLink } from "./Link.ts"
import type { LinkHost } from "./LinkConnection.ts"
import type { LinkOptions } from "./LinkOptions.ts"
import { type InvalidOptions, makeOptions, type MediatorOptions, type MediatorOptionsInput } from "./MediatorOptions.ts"
import { makeShell } from "./MediatorShell.ts"
import { MediatorStore } from "./MediatorStore.ts"
import { registerMetrics } from "./observe/Metrics.ts"
import type { Observer } from "./observe/Observer.ts"
import type { Peer } from "./Peer.ts"
import { groupKeyOf } from "./State.ts"
import type { Attachment, Transport } from "./Transport.ts"

/**
 * Names a device of a group.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceRef {
  /** 32 bytes. */
  readonly groupId: GroupId
  readonly deviceId: DeviceId
}

/**
 * A running mediator.
 *
 * @category services
 * @since 0.1.0
 */
export class Mediator extends Context.Service<
  Mediator,
  {
    readonly options: MediatorOptions

    /** A way to this mediator for one device: each acquisition of the socket's reader opens a connection. */
    readonly connect: (path: ClientUrlInfo, link?: LinkOptions) => Effect.Effect<Socket.Socket>

    /** {@link connect} as a layer. */
    readonly socket: (path: ClientUrlInfo, link?: LinkOptions) => Layer.Layer<Socket.Socket>

    /** {@link connect} with a handle to the network in between, for faults that also concern connections to come. */
    readonly link: (path: ClientUrlInfo, link?: LinkOptions) => Effect.Effect<Link>

    /** A group as it stands; none if nobody has connected to it, nothing is left of it, or it is not in memory (`idleGroups`). */
    readonly group: (id: GroupId) => Effect.Effect<Option.Option<GroupView>>

    /**
     * Every frame, close, decision and fault: first the entries that were kept (`journalCapacity`), then all that follow, up
     * to the last close when the mediator's layer ends. A reader that is 65 536 entries behind loses the oldest.
     */
    readonly journal: Stream.Stream<JournalEntry>

    /** Tells the observer what happens from now on, until the scope closes. */
    readonly observe: (observer: Observer) => Effect.Effect<void, never, Scope.Scope>

    /**
     * Reports this mediator's metrics in the `Metric.MetricRegistry` of the context, until the scope closes: whatever
     * exports Effect's metrics exports them. Durations are measured from then on, everything else is counted anyway.
     */
    readonly reportMetrics: Effect.Effect<void, never, Scope.Scope>

    /** Closes the connection of a device; `false` if it has none. */
    readonly close: (device: DeviceRef, code: number, reason?: string) => Effect.Effect<boolean>

    /** Puts a fault in force on the present connection of a registered device, until the scope closes. */
    readonly inject: (device: DeviceRef, fault: Fault) => Effect.Effect<void, InjectError, Scope.Scope>

    /** For shells: gives the mediator a connection that something else carries. */
    readonly attach: (path: ClientUrlInfo, transport: Transport) => Attachment
  }
>()("@d2m/server-sim/Mediator") {
  /** A mediator with these options, strict unless told. It closes every connection with 1001 when the layer ends. */
  static readonly layer = (
    options?: MediatorOptionsInput
  ): Layer.Layer<Mediator, InvalidOptions, MediatorStore | ChatUpstream | Crypto | SecureRandom.SecureRandom> =>
    Layer.effect(Mediator, Effect.flatMap(makeOptions(options), make))

  /** {@link Mediator.reportMetrics} as a layer. */
  static readonly layerMetrics: Layer.Layer<never, never, Mediator> = Layer.suspend(() =>
    Layer.effectDiscard(Effect.flatMap(Mediator, ({ reportMetrics }) => reportMetrics))
  )

  /**
   * For tests: strict, in memory, an echo for a chat server, and a journal of the last 10 000 entries. It takes time from
   * the Clock and chance from Random.
   */
  static readonly layerTest: Layer.Layer<Mediator> = Layer.suspend(() => layerInMemory)
}

/** Randomness that a seed reproduces. For tests: what it makes is no secret. */
const layerSeedableRandom = Layer.effect(
  SecureRandom.SecureRandom,
  Effect.map(Random.Random, (random) =>
    SecureRandom.make((size) => Uint8Array.from({ length: size }, () => Math.floor(random.nextDoubleUnsafe() * 256)))
  )
)

const make = Effect.fnUntraced(function* (options: MediatorOptions) {
  const shell = yield* makeShell(options)
  const host: LinkHost = {
    forks: yield* makeDetachedForks,
    clock: yield* Clock.Clock,
    random: yield* Random.Random,
    attach: shell.attach
  }

  const peerOf = ({ deviceId, groupId }: DeviceRef): Peer | undefined => {
    const session = shell.state().groups.get(groupKeyOf(groupId))?.slots.get(deviceId)?.session
    return session && shell.peer(session.connection.id)
  }

  const link = (path: ClientUrlInfo, options: LinkOptions = {}): Effect.Effect<Link> =>
    Effect.sync(() => makeLink(host, path, options))

  const connect = (path: ClientUrlInfo, options?: LinkOptions): Effect.Effect<Socket.Socket> =>
    Effect.map(link(path, options), ({ socket }) => socket)

  return Mediator.of({
    options,
    link,
    connect,
    socket: (path, options) => Layer.effect(Socket.Socket, connect(path, options)),
    group: (id) =>
      Effect.sync(() => Option.map(Option.fromUndefinedOr(shell.state().groups.get(groupKeyOf(id))), groupView)),
    journal: shell.watch.journal.stream,
    observe: (observer) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => shell.watch.observe(observer)),
          (stop) => Effect.sync(stop)
        )
      ),
    reportMetrics: registerMetrics(shell),
    close: (device, code, reason = "") =>
      Effect.sync(() => {
        const peer = peerOf(device)
        if (peer === undefined) return false
        shell.feed({ _tag: "CloseRequested", connection: peer.id, code, reason })
        return true
      }),
    inject: (device, fault) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.suspend(() => {
            const error = invalidFault(fault)
            if (error !== undefined) return error
            const peer = peerOf(device)
            if (peer === undefined) return new InjectError({ reason: "NotConnected", fault: fault._tag })
            const lift = peer.transport.inject(fault)
            return lift === undefined
              ? new InjectError({ reason: "Unsupported", fault: fault._tag })
              : Effect.succeed(lift)
          }),
          (lift) => Effect.sync(lift)
        )
      ),
    attach: shell.attach
  })
})

const layerInMemory: Layer.Layer<Mediator> = Layer.effect(
  Mediator,
  Effect.flatMap(Effect.orDie(makeOptions({ journalCapacity: 10_000 })), make)
).pipe(Layer.provide([MediatorStore.layerMemory, ChatUpstream.layerEcho, Crypto.layer, layerSeedableRandom]))
