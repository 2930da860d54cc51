/**
 * The network between the devices of a world and its mediator.
 *
 * Owns dialing and the conditions on each device's way: latency, bandwidth, standstill, resets. All of it happens in
 * kernel time and by the seed. What a connection is, is `Pipe`'s; when something goes wrong, the `Faults`'.
 *
 * @since 0.1.0
 */
import { openFailed, UpgradeRefused } from "@d2m/client"
import type { ClientUrlInfo } from "@d2m/codec"
import type { Mediator } from "@d2m/server-sim"
import { Effect, Latch } from "effect"
import { Socket } from "effect/socket"
import type { Passage } from "./Direction.ts"
import type { Machine } from "./Machine.ts"
import { type Garbler, Pipe, type Tamper } from "./Pipe.ts"
import type { Prng } from "./Prng.ts"
import { listed, once, Reasons, type Undo } from "./Reasons.ts"
import type { UpgradeRefusal, Witness } from "./WorldEvent.ts"

/**
 * How long messages take, in ms: `base` and up to `spread` more, and now and then, with a chance of `tailChance`, up to
 * `tail` on top.
 *
 * @category models
 * @since 0.1.0
 */
export interface Latency {
  readonly base: number
  readonly spread: number
  readonly tailChance: number
  readonly tail: number
}

/**
 * Which way a message travels: `up` to the mediator, `down` to the device.
 *
 * @category models
 * @since 0.1.0
 */
export type Way = "up" | "down"

/** What can be the matter with one device's way. */
interface Trouble {
  readonly stalls: Record<Way, Reasons>
  readonly refusals: Reasons
  readonly upgradeRefusals: Reasons<UpgradeRefusal>
  readonly codeLosses: Reasons
  /** Limits, in bytes a ms. */
  readonly speeds: Record<Way, Reasons<number>>
  /** Additional latencies, in ms. */
  readonly delays: Record<Way, Reasons<number>>
  /** From one message that the device's host reads to the next, in ms. */
  readonly readGaps: Reasons<number>
}

const refusalWords = ({ retryAfter, status }: UpgradeRefusal): string =>
  `HTTP ${status}${retryAfter > 0 ? `, to be left alone for ${Math.round(retryAfter)} ms` : ""}`

const refusalError = ({ retryAfter, status }: UpgradeRefusal): Socket.SocketError =>
  openFailed(
    new UpgradeRefused({
      status,
      address: "the mediator",
      detail: "the virtual server refuses",
      ...(retryAfter > 0 ? { retryAfter } : {})
    })
  )

const openError = (cause: string): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })

/**
 * One device's way to the mediator.
 *
 * @category models
 * @since 0.1.0
 */
export class Route {
  readonly device: string
  latency: Latency
  readonly #network: Network
  readonly #prng: Prng
  readonly #trouble: Trouble = {
    stalls: { up: new Reasons(), down: new Reasons() },
    refusals: new Reasons(),
    upgradeRefusals: new Reasons(),
    codeLosses: new Reasons(),
    speeds: { up: new Reasons(), down: new Reasons() },
    delays: { up: new Reasons(), down: new Reasons() },
    readGaps: new Reasons()
  }
  /** The number of the connection that was opened last; 0 before the first. */
  connection = 0
  /** Called when a connection is open. */
  onConnected: () => void = () => {}
  readonly #pipes = new Set<Pipe>()
  readonly #tampers: Array<Tamper> = []
  readonly #garblers: Array<Garbler> = []
  #moves = Latch.makeUnsafe(true)
  /** The connection that a new writer belongs to. */
  #current: Pipe | undefined
  #opened = Latch.makeUnsafe(false)

  /** Made by {@link Network.route}. */
  constructor(network: Network, device: string, prng: Prng, latency: Latency) {
    this.#network = network
    this.device = device
    this.#prng = prng
    this.latency = latency
  }

  /** The connections that one end or the other has not let go of. */
  get pipes(): ReadonlySet<Pipe> {
    return this.#pipes
  }

  /** Holds one direction back, or both; nothing is lost, and dials wait. `acted` is called when something has to wait. */
  stall(ways: ReadonlyArray<Way>, acted: () => void): Undo {
    const { stalls } = this.#trouble
    const undo = ways.map((way) => stalls[way].add(acted))
    this.#moves.closeUnsafe()
    return once(() => {
      for (const one of undo) one()
      // One way may move while the other still stands; only a dial takes both.
      if (stalls.up.size === 0 && stalls.down.size === 0) this.#moves.openUnsafe()
      for (const pipe of this.#pipes) pipe.wake()
    })
  }

  /** Refuses dials; open connections stay. `acted` is called for each that is refused. */
  refuse(acted: () => void): Undo {
    return this.#trouble.refusals.add(acted)
  }

  /** Answers dials with HTTP, as the latest refusal says, whether a mediator runs or not; `acted` is called for each. */
  refuseUpgrade(refusal: UpgradeRefusal, acted: () => void): Undo {
    return this.#trouble.upgradeRefusals.add(acted, refusal)
  }

  /** Lets the device see 1006 in the place of the mediator's close codes; `acted` is called for each that is lost. */
  loseCloseCodes(acted: () => void): Undo {
    return this.#trouble.codeLosses.add(acted)
  }

  /** Limits one direction to so many bytes a ms; the lowest limit holds. `acted` is called for what is slowed down. */
  slow(way: Way, bytesPerMilli: number, acted: () => void): Undo {
    const respeed = () => {
      for (const pipe of this.#pipes) pipe.respeed(way)
    }
    const undo = this.#trouble.speeds[way].add(acted, bytesPerMilli)
    respeed()
    return once(() => {
      undo()
      respeed()
    })
  }

  /** Makes every message of one direction take so many ms longer, and dials; `acted` is called for each. */
  delay(way: Way, millis: number, acted: () => void): Undo {
    return this.#trouble.delays[way].add(acted, millis)
  }

  /**
   * Lets the device's host read one message each `gap` ms and no more; the longest gap holds. `acted` is called when
   * something has to wait.
   */
  readSlowly(gap: number, acted: () => void): Undo {
    return this.#trouble.readGaps.add(acted, gap)
  }

  /** Lets somebody alter what the mediator sends before it travels, on this connection and those to come. */
  tamper(tamper: Tamper): Undo {
    return listed(this.#tampers, tamper)
  }

  /** Lets the device reflect something else than it has written, on this connection and those to come. */
  garble(garbler: Garbler): Undo {
    return listed(this.#garblers, garbler)
  }

  /** Resets every open connection; says whether there was one. */
  reset(): boolean {
    const open = [...this.#pipes]
    for (const pipe of open) pipe.reset()
    return open.length > 0
  }

  /** Every open connection stays open at both ends, and nothing travels on it any more; says whether something did. */
  vanish(): boolean {
    let hasVanished = false
    for (const pipe of this.#pipes) if (pipe.vanish()) hasVanished = true
    return hasVanished
  }

  /** The device's process has crashed. */
  abandon(isMediatorTold: boolean): void {
    this.#current = undefined
    this.#opened.closeUnsafe()
    for (const pipe of this.#pipes) pipe.abandon(isMediatorTold)
  }

  /** The mediator's process has crashed. */
  orphan(isDeviceTold: boolean): void {
    for (const pipe of this.#pipes) pipe.orphan(isDeviceTold)
  }

  /** Made once: a generator function that is made anew for each life keeps what it closes over for longer than the world. */
  static readonly #dial = Effect.fnUntraced(function* (route: Route, machine: Machine, path: ClientUrlInfo) {
    const network = route.#network
    const trouble = route.#trouble
    const place = () => ({ at: network.machine.kernel.now, device: route.device })
    const fail = (why: string, error: Socket.SocketError, refusal?: UpgradeRefusal) => {
      network.witness({ _tag: "DialFailed", ...place(), why, ...(refusal === undefined ? {} : { refusal }) })
      return Effect.fail(error)
    }

    network.witness({ _tag: "Dialed", ...place() })
    yield* Effect.sleep(route.#sample("up") + route.#sample("down"))
    trouble.stalls.up.act()
    trouble.stalls.down.act()
    // A latch resumes at once, even whoever is paused or dead by now: a turn of the scheduler tells.
    yield* Effect.andThen(route.#moves.await, Effect.yieldNow)
    const { mediator } = network
    const isUnreachable = trouble.refusals.act()
    // A proxy in front of the mediator answers in its place.
    const refusal = isUnreachable ? undefined : trouble.upgradeRefusals.values.at(-1)
    if (refusal !== undefined) {
      trouble.upgradeRefusals.act(refusal)
      return yield* fail(refusalWords(refusal), refusalError(refusal), refusal)
    }
    if (isUnreachable || mediator === undefined) {
      const why = "connection refused"
      return yield* fail(why, openError(why))
    }
    const pipe = yield* Effect.acquireRelease(
      Effect.sync(() => route.#connect(machine, path, mediator)),
      (pipe) => Effect.sync(() => route.#letGo(pipe))
    )
    return { pull: pipe.pull, upgrade: Socket.SocketUpgradeError.unsupported }
  })

  /** The device's socket: each acquisition of its reader is a dial. */
  socket(machine: Machine, path: ClientUrlInfo): Socket.Socket {
    const reader = Effect.suspend(() => Route.#dial(this, machine, path))
    const writer = Effect.sync((): Socket.Writer => {
      let own = this.#current
      const withOwn = (
        use: (pipe: Pipe) => Effect.Effect<void, Socket.SocketError>
      ): Effect.Effect<void, Socket.SocketError> =>
        Effect.suspend(() => {
          own ??= this.#current
          return own === undefined
            ? Effect.andThen(Effect.andThen(this.#opened.await, Effect.yieldNow), withOwn(use))
            : use(own)
        })
      return {
        write: (chunk) =>
          withOwn((pipe) =>
            Socket.isCloseEvent(chunk) ? Effect.sync(() => pipe.close(chunk.code, chunk.reason)) : pipe.write([chunk])
          ),
        writeAll: (chunks) => withOwn((pipe) => pipe.write(chunks))
      }
    })

    return Socket.make({ reader, writer })
  }

  #connect(machine: Machine, path: ClientUrlInfo, mediator: Mediator["Service"]): Pipe {
    const network = this.#network
    const pipe = new Pipe({
      id: network.nextConnection(),
      device: this.device,
      network: network.machine,
      machine,
      up: this.#passage("up"),
      down: this.#passage("down"),
      witness: network.witness,
      tamper: this.#tampers,
      garblers: this.#garblers,
      readGaps: this.#trouble.readGaps,
      losesCloseCode: () => this.#trouble.codeLosses.act(),
      resetsStrangers: () => network.mediator !== undefined,
      onEnd: (ended) => this.#pipes.delete(ended)
    })
    this.#pipes.add(pipe)
    this.#current = pipe
    this.connection = pipe.id
    this.#opened.openUnsafe()
    pipe.open((transport) => mediator.attach(path, transport), mediator.options.outgoingLowWater)
    this.onConnected()
    return pipe
  }

  #letGo(pipe: Pipe): void {
    pipe.hangUp()
    if (this.#current !== pipe) return
    this.#current = undefined
    this.#opened.closeUnsafe()
  }

  #passage(way: Way): Passage {
    const { speeds, stalls } = this.#trouble
    return {
      latency: () => this.#sample(way),
      speed: () => {
        if (speeds[way].size === 0) return Infinity
        const lowest = Math.min(...speeds[way].values)
        speeds[way].act(lowest)
        return lowest
      },
      isStalled: () => stalls[way].act()
    }
  }

  #sample(way: Way): number {
    const { base, spread, tail, tailChance } = this.latency
    const prng = this.#prng
    let millis = base
    if (spread > 0) millis += prng.real() * spread
    if (tailChance > 0 && prng.real() < tailChance) millis += prng.real() * tail
    const delays = this.#trouble.delays[way]
    if (delays.act()) for (const delay of delays.values) millis += delay
    return millis
  }
}

/**
 * The network of a world: a {@link Route} for each device, and the one mediator at its end.
 *
 * @category models
 * @since 0.1.0
 */
export class Network {
  /** Where things travel: never paused, never killed, its clock is right. */
  readonly machine: Machine
  readonly witness: Witness
  /** The mediator that dials reach; absent while none runs, and dials are refused. */
  mediator: Mediator["Service"] | undefined
  readonly #prng: Prng
  readonly #routes = new Map<string, Route>()
  #connections = 0

  constructor(machine: Machine, prng: Prng, witness: Witness) {
    this.machine = machine
    this.#prng = prng
    this.witness = witness
  }

  /** The way of a device, made when it is first asked for. */
  route(device: string, latency: Latency): Route {
    const known = this.#routes.get(device)
    if (known !== undefined) return known
    const route = new Route(this, device, this.#prng.fork(`route ${device}`), latency)
    this.#routes.set(device, route)
    return route
  }

  /** The mediator's process has crashed: no connection has an end there any more. */
  mediatorCrashed(areDevicesTold: boolean): void {
    this.mediator = undefined
    for (const route of this.#routes.values()) route.orphan(areDevicesTold)
  }

  /** Numbers a connection. */
  nextConnection(): number {
    return ++this.#connections
  }
}
