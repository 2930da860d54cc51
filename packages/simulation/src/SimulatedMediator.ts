/**
 * The mediator of a world: the real one, core and shell, on a machine of its own.
 *
 * Owns its lives. What it has written outlives them on a `VirtualStore`; its connections do not.
 *
 * @since 0.1.0
 */
import { Crypto } from "@d2m/codec"
import { ChatUpstream, Mediator, type MediatorOptions, MediatorStore } from "@d2m/server-sim"
import { Cause, Context, Effect, Exit, Layer, Scope } from "effect"
import type { SecureRandom } from "effect/crypto"
import { Machine } from "./Machine.ts"
import { mediatorName } from "./Names.ts"
import type { Network } from "./Network.ts"
import type { Prng } from "./Prng.ts"
import type { VirtualChat } from "./VirtualChat.ts"
import type { VirtualStore } from "./VirtualStore.ts"

/** What a mediator needs of its world. */
export interface MediatorHost {
  readonly network: Network
  readonly prng: Prng
  readonly store: VirtualStore
  readonly chat: VirtualChat
  readonly crypto: Crypto["Service"]
  readonly options: Partial<MediatorOptions>
  /** Told of what should never happen, with the rule that it breaks. */
  readonly onDefect: (rule: string, defect: unknown) => void
}

/**
 * The mediator of a world.
 *
 * @category models
 * @since 0.1.0
 */
export class SimulatedMediator {
  life = 0
  readonly #host: MediatorHost
  readonly #layer: Layer.Layer<Mediator, never, SecureRandom.SecureRandom>
  #machine: Machine | undefined
  #scope: Scope.Closeable | undefined
  /** What to do when the life that is being stopped is over: no two lives share a store. */
  #afterStop: Array<() => void> | undefined

  constructor(host: MediatorHost) {
    this.#host = host
    const services = Layer.mergeAll(
      Layer.succeed(MediatorStore, host.store.service),
      Layer.succeed(ChatUpstream, host.chat.service),
      Layer.succeed(Crypto, host.crypto)
    )
    // Options come from a schedule: wrong ones are a mistake of its author's, who is told.
    this.#layer = Layer.orDie(Mediator.layer(host.options)).pipe(Layer.provide(services))
  }

  /** The running one, if there is one. */
  get mediator(): Mediator["Service"] | undefined {
    return this.#host.network.mediator
  }

  get isOn(): boolean {
    return this.#machine !== undefined
  }

  /** Starts it; from now on dials are answered. */
  start(): void {
    if (this.#machine !== undefined) return
    if (this.#afterStop !== undefined) return void this.#afterStop.push(() => this.start())
    const { network, prng } = this.#host
    const { kernel } = network.machine
    const life = ++this.life
    const machine = new Machine(kernel, { name: mediatorName, prng: prng.fork(`${mediatorName} ${life}`) })
    const scope = Scope.makeUnsafe()
    this.#machine = machine
    this.#scope = scope
    this.#tell("Started")
    machine.fork(
      Effect.map(Layer.buildWithScope(Layer.fresh(this.#layer), scope), (context) => {
        network.mediator = Context.get(context, Mediator)
      }),
      this.#seeTo("the mediator comes up")
    )
  }

  /** Ends its life from one moment to the next. Of what it was writing, the first `kept` writes reach the disk. */
  crash(kept: number, areDevicesTold: boolean): void {
    const machine = this.#machine
    if (machine === undefined) return
    machine.kill()
    this.#machine = this.#scope = undefined
    const { chat, network, store } = this.#host
    const { writing } = store
    network.machine.fork(Effect.orDie(store.crash(kept)))
    chat.abandon()
    network.mediatorCrashed(areDevicesTold)
    this.#tell("Crashed", { kept: Math.min(writing, kept), lost: Math.max(writing - kept, 0) })
  }

  /** Stops it in an orderly way: what was promised is written, and connections are closed with 1001. */
  stop(onStopped: () => void): void {
    const machine = this.#machine
    const scope = this.#scope
    if (machine === undefined || scope === undefined) return
    const { network, store } = this.#host
    this.#machine = this.#scope = undefined
    network.mediator = undefined
    this.#afterStop = [onStopped]
    this.#tell("Stopped")
    const judge = this.#seeTo("the mediator stops")
    machine.fork(Scope.close(scope, Exit.void), (exit) => {
      judge(exit)
      machine.kill()
      // What it gave up waiting for is not written behind the back of its next life.
      network.machine.fork(Effect.orDie(store.crash(0)))
      const after = this.#afterStop ?? []
      this.#afterStop = undefined
      for (const proceed of after) proceed()
    })
  }

  /** Tells of a defect if that is how it ends. */
  #seeTo(rule: string): (exit: Exit.Exit<void>) => void {
    return (exit) => {
      if (Exit.isFailure(exit)) this.#host.onDefect(rule, Cause.squash(exit.cause))
    }
  }

  #tell(change: "Started" | "Crashed" | "Stopped", writes?: { readonly kept: number; readonly lost: number }): void {
    const { network } = this.#host
    network.witness({
      _tag: "Machine",
      at: network.machine.kernel.now,
      device: mediatorName,
      life: this.life,
      change,
      ...(writes === undefined ? {} : { writes })
    })
  }
}
