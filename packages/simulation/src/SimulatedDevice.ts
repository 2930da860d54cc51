/**
 * A device of a world: the real client on a machine of its own.
 *
 * Owns its lives, from switching it on to a crash or an orderly stop, the application on top of it, and what is seen of
 * both. What an application asks for is an `Operation`; what goes wrong is done to it by `Faults`.
 *
 * @since 0.1.0
 */
import {
  Capacities,
  defaultCapacities,
  Device,
  DeviceObserver,
  type DeviceOptions,
  DeviceStore,
  makeDevice,
  type Resume,
  type UserReason
} from "@d2m/client"
import {
  type ClientUrlInfo,
  Crypto,
  D2d,
  type DeviceGroupKey,
  DeviceId,
  DeviceSlotExpirationPolicy,
  DeviceSlotsExhaustedPolicy
} from "@d2m/codec"
import { Cause, Context, Effect, Exit, type Scope } from "effect"
import { Socket } from "effect/socket"
import {
  answerOf,
  carryOut,
  type ChatHandler,
  chatWith,
  type Condition,
  idsOf,
  messagesOf,
  nothing,
  wordsFrom
} from "./Application.ts"
import { planted } from "./HandlerTroubles.ts"
import { Machine } from "./Machine.ts"
import type { Route } from "./Network.ts"
import type { Operation } from "./Operation.ts"
import type { Prng } from "./Prng.ts"
import { once, Reasons, type Undo } from "./Reasons.ts"
import type { Conditions, DeviceSpec } from "./Schedule.ts"
import { TroubledChat } from "./TroubledChat.ts"
import { type MessageHandler, TroubledHandler } from "./TroubledHandler.ts"
import type { VirtualDisk } from "./VirtualDisk.ts"
import { type Watch, watched } from "./WatchedDevice.ts"
import type { Answer, CallPlace, Witness } from "./WorldEvent.ts"
import type { Kernel } from "./Kernel.ts"

/** What a device needs of its world. */
export interface DeviceHost {
  readonly kernel: Kernel
  readonly witness: Witness
  readonly crypto: Crypto["Service"]
  readonly groupKey: DeviceGroupKey
  readonly path: ClientUrlInfo
  readonly conditions: Conditions
  readonly prng: Prng
  /** Gives out so many message ids. */
  readonly takeMessageIds: (count: number) => number
  readonly nextCall: () => number
  /** Does something later, in ms from now, whether the device is on or off. */
  readonly after: (millis: number, run: () => void) => void
  /** The id of a device of its group that an operation names. */
  readonly deviceIdOf: (name: string) => DeviceId | undefined
  /** What the user answers, or nothing when there is nobody to ask. */
  readonly answer: (device: SimulatedDevice, reason: UserReason) => Resume | undefined
  /** Makes the application's part, for each life; the messages are counted as handled when it is absent. */
  readonly handler: ((device: SimulatedDevice) => MessageHandler) | undefined
  /** Makes what it does with the chat server, for each life, if it chats; something plain where it is absent. */
  readonly chat: ((device: SimulatedDevice) => ChatHandler | undefined) | undefined
  readonly options: Partial<DeviceOptions> | undefined
  readonly onLog: ((text: string) => void) | undefined
  /** Told of what should never happen on the device, with the rule that it breaks. */
  readonly onDefect: (rule: string, defect: unknown) => void
}

const livesOn = "a device lives until it is stopped"

/** The rule that the application's handler breaks which throws or dies. */
export const noHandlerDies = "no handler dies"

/** Nobody reads the streams of events and states here, and rings of the usual size are half of what a device costs. */
const capacitiesOf = ({ client }: Conditions): Capacities => ({ ...defaultCapacities, events: 8, ...client })

/**
 * A device of a world.
 *
 * @category models
 * @since 0.1.0
 */
export class SimulatedDevice {
  readonly spec: DeviceSpec
  readonly deviceId: DeviceId
  readonly route: Route
  disk: VirtualDisk
  /** Which life it is in; 0 before the first. */
  life = 0
  /** The machine of its present life. */
  machine: Machine | undefined
  /** The client of its present life, once it is made. */
  device: Device["Service"] | undefined
  /** The application's parts, and why they fail, die, stand still, or take so many ms longer. */
  readonly handling: TroubledHandler
  readonly chatting: TroubledChat
  /** Called when the client of a life is made. */
  onStart: (device: Device["Service"]) => void = () => {}
  readonly #host: DeviceHost
  /** By how many ms its clock has been set forward, or back. */
  readonly #jumps = new Reasons<number>()
  /** Whether its last life is about to end in an orderly way: no two lives share a disk. */
  #isStopping = false
  #isStarting = false
  /** Pauses of the present life that are in force. */
  #pauses = 0
  /** The application's, of the present life: what it keeps in memory does not outlive it. */
  #handler: MessageHandler | undefined
  #waiting: Array<() => void> = []
  /** The question that the user has been asked and has not answered; told again, it is still the same. */
  #question: { readonly reason: UserReason } | undefined

  readonly #watch: Watch

  constructor(host: DeviceHost, spec: DeviceSpec, deviceId: DeviceId, route: Route, disk: VirtualDisk) {
    this.#host = host
    this.spec = spec
    this.deviceId = deviceId
    this.route = route
    this.disk = disk
    this.handling = new TroubledHandler(host.kernel, host.witness, (defect) => host.onDefect(noHandlerDies, defect))
    this.chatting = new TroubledChat(host.kernel, host.witness, spec.name)
    this.#watch = {
      name: spec.name,
      witness: host.witness,
      nextCall: host.nextCall,
      place: () => this.#place(),
      takeQuestion: () => {
        const question = this.#question
        this.#question = undefined
        return question?.reason
      }
    }
  }

  get name(): string {
    return this.spec.name
  }

  get isOn(): boolean {
    return this.machine !== undefined
  }

  /** Whether it was switched on while its last life was not over yet: it starts when that is. */
  get isStarting(): boolean {
    return this.#isStarting
  }

  /** What its clock shows too much, in ms, over all its lives. */
  get skew(): number {
    return this.#jumps.values.reduce((sum, by) => sum + by, this.spec.skew)
  }

  /** Switches it on, once its last life is over. */
  start(): void {
    if (this.machine !== undefined) return
    this.#isStarting = this.#isStopping
    if (this.#isStarting) return
    const { conditions, kernel, onLog, prng } = this.#host
    const life = ++this.life
    const machine = new Machine(kernel, {
      name: this.name,
      prng: prng.fork(`${this.name} ${life}`),
      preempt: conditions.preempt,
      skew: this.skew,
      onLog
    })
    this.machine = machine
    this.#host.witness({ _tag: "Machine", ...this.#place(), change: "Started", skew: machine.skew, spec: this.spec })
    this.#jumps.act()
    this.#handler = this.#host.handler?.(this)
    this.disk.onKept = this.#toldOf(life)
    machine.fork(Effect.scoped(SimulatedDevice.#live(this)), (exit) => this.#seeTo(livesOn, exit))
  }

  /** Tells of what the disk keeps in quarantine. */
  #toldOf(life: number): VirtualDisk["onKept"] {
    const { kernel, witness } = this.#host
    return ({ envelope, id, reason, reflectedId }) =>
      witness({ _tag: "Kept", at: kernel.now, device: this.name, life, id, reflectedId, envelope, reason })
  }

  /** Ends its life from one moment to the next. */
  crash(options: { readonly withoutStorage: VirtualDisk | undefined; readonly isMediatorTold: boolean }): void {
    const { machine } = this
    if (machine === undefined) return
    machine.kill()
    this.handling.renew()
    this.chatting.renew()
    this.route.abandon(options.isMediatorTold)
    this.#host.witness({
      _tag: "Machine",
      ...this.#place(),
      change: "Crashed",
      withoutStorage: options.withoutStorage !== undefined,
      writes: { kept: 0, lost: this.disk.abandon() }
    })
    if (options.withoutStorage !== undefined) this.disk = options.withoutStorage
    this.#gone()
  }

  /** Stops the client in an orderly way, and then the machine. */
  stop(): void {
    const { device, machine } = this
    this.#isStarting = false
    if (machine === undefined) return
    const place = this.#place()
    this.#host.witness({ _tag: "Machine", ...place, change: "Stopped" })
    this.#gone()
    if (device === undefined) return machine.kill()
    this.#isStopping = true
    machine.resume()
    machine.fork(device.stop, (exit) => {
      const { now } = machine.kernel
      if (Exit.isSuccess(exit))
        this.#host.witness({ _tag: "HandedBack", ...place, at: now, unacked: idsOf(exit.value) })
      machine.kill()
      this.#isStopping = false
      if (this.#isStarting) this.start()
    })
  }

  /** Nothing of it runs until all pauses are taken back; one that is off is not paused. */
  pause(): Undo {
    const { machine } = this
    if (machine === undefined) return () => {}
    if (this.#pauses++ === 0) {
      machine.pause()
      this.#host.witness({ _tag: "Machine", ...this.#place(), change: "Paused" })
    }
    return once(() => {
      // A pause does not outlive what it has paused.
      if (this.machine !== machine || --this.#pauses > 0) return
      machine.resume()
      this.#host.witness({ _tag: "Machine", ...this.#place(), change: "Resumed" })
    })
  }

  /** Sets its clock forward, or back; `acted` is called when the clock shows it to somebody: at once, or at the next start. */
  jump(millis: number, acted: () => void): Undo {
    const undo = this.#jumps.add(acted, millis)
    const set = () => {
      if (this.machine !== undefined) this.machine.skew = this.skew
    }
    set()
    if (this.isOn) acted()
    return once(() => {
      undo()
      set()
    })
  }

  /** Makes the application ask for something; `false` while the device is off. */
  perform(operation: Operation, onAnswer: (answer: Answer) => void = () => {}): boolean {
    const { machine } = this
    if (machine === undefined) return false
    // An application stands still with its machine: what it was about to do it does afterwards.
    if (machine.mode === "Paused") {
      machine.hold(() => this.perform(operation, onAnswer), 0)
      return true
    }
    if (operation._tag === "SwitchOff") {
      this.stop()
      this.#host.after(operation.lasts, () => this.start())
      return true
    }
    const count = messagesOf(operation)
    const firstMessage = count === 0 ? 0 : this.#host.takeMessageIds(count)
    const { life, name } = this
    const { kernel, nextCall, witness } = this.#host
    const call = nextCall()
    // Spreading a place takes several times as long as naming what is in it.
    const place = { at: kernel.now, device: name, life, call, operation, firstMessage }
    witness({ _tag: "Asked", at: kernel.now, device: name, life, call, operation, firstMessage })
    const condition = this.#condition(machine, place)
    this.#whenMade(machine, (device) => {
      const carriedOut =
        operation._tag === "Chat"
          ? Effect.as(this.chatting.say(wordsFrom(firstMessage, operation.count)), nothing)
          : carryOut(device, operation, firstMessage, this.#host.deviceIdOf, condition)
      machine.fork(carriedOut, (exit) => {
        // What a crash has interrupted is not answered.
        if (machine.mode === "Dead") return
        this.#seeTo("no call dies", exit)
        const answer = answerOf(exit)
        witness({ _tag: "Answered", at: kernel.now, device: name, life, call, operation, firstMessage, answer })
        onAnswer(answer)
      })
    })
    return true
  }

  /** Runs the effect that is given, if one is, once the device can. `onExit` is not called when the machine crashes first. */
  run<A, E>(give: () => Effect.Effect<A, E, Device> | undefined, onExit: (exit: Exit.Exit<A, E>) => void): boolean {
    const { machine } = this
    if (machine === undefined) return false
    if (machine.mode === "Paused") {
      machine.hold(() => this.run(give, onExit), 0)
      return true
    }
    this.#whenMade(machine, (device) => {
      const effect = give()
      if (effect === undefined) return
      machine.fork(Effect.provideService(effect, Device, watched(device, this.#watch)), (exit) => {
        if (machine.mode !== "Dead") onExit(exit)
      })
    })
    return true
  }

  /** Of an operation that is asked for now. */
  #condition({ kernel }: Machine, { at, call, device, life, operation }: CallPlace): Condition {
    const { witness } = this.#host
    const place = () => ({ at: kernel.now, device, life, call })
    return {
      holds: () => "holdsFor" in operation && kernel.now - at < (operation.holdsFor ?? 0),
      onChecked: (holds) => witness({ _tag: "Checked", ...place(), holds }),
      onEntered: () => witness({ _tag: "Entered", ...place() })
    }
  }

  /** Tells of a defect if that is how it ended. */
  #seeTo(rule: string, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {
      this.#host.onDefect(rule, Cause.squash(exit.cause))
    }
  }

  #whenMade(machine: Machine, use: (device: Device["Service"]) => void): void {
    if (this.device !== undefined) return use(this.device)
    this.#waiting.push(() => {
      if (this.machine === machine && this.device !== undefined) use(this.device)
    })
  }

  #gone(): void {
    this.machine = undefined
    this.#pauses = 0
    this.device = undefined
    this.#question = undefined
    this.#waiting = []
  }

  #place() {
    return { at: this.#host.kernel.now, device: this.name, life: this.life }
  }

  /** One for all devices: a generator function of its own keeps what it closes over for longer than the world. */
  static readonly #live = Effect.fnUntraced(function* (
    self: SimulatedDevice
  ): Effect.fn.Return<never, never, Scope.Scope> {
    const { conditions, crypto, groupKey, options, path, witness } = self.#host
    const machine = self.machine!
    const { life } = self
    const place = () => ({ at: machine.kernel.now, device: self.name, life })
    const context = machine.context.pipe(
      Context.add(Capacities, capacitiesOf(conditions)),
      Context.add(DeviceObserver, {
        onEvent: (event) => witness({ _tag: "Happened", at: machine.kernel.now, device: self.name, life, event }),
        onState: (state) => {
          witness({ _tag: "StateChanged", at: machine.kernel.now, device: self.name, life, state })
          if (state._tag !== "NeedsUser") self.#question = undefined
          else if (self.#question === undefined) self.#askUser(machine, life, state.reason)
        },
        onDefect: (cause) => self.#seeTo(livesOn, Exit.failCause(cause)),
        // What is made to fail is no news; what dies by itself is told where it is handled.
        onHandlerDefect: () => {},
        onChatDefect: (cause) => {
          if (Cause.squash(cause) !== planted) self.#seeTo("no chat handler dies", Exit.failCause(cause))
        }
      }),
      Context.add(Socket.Socket, self.route.socket(machine, path)),
      Context.add(Crypto, crypto),
      Context.add(DeviceStore, self.disk.store)
    )
    const onClosed = (canReconnect: boolean) => witness({ _tag: "ChatClosed", ...place(), canReconnect })
    const chat = () => {
      const handler = chatWith(self.#host.chat?.(self), onClosed)
      return self.chatting.handlerIn(life, handler, () => self.route.connection)
    }
    const device = yield* makeDevice({
      deviceId: self.deviceId,
      groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: self.name },
      slotExpiration:
        self.spec.expiration === "Volatile"
          ? DeviceSlotExpirationPolicy.VOLATILE
          : DeviceSlotExpirationPolicy.PERSISTENT,
      slotsExhausted:
        self.spec.exhausted === "Reject"
          ? DeviceSlotsExhaustedPolicy.REJECT
          : DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT,
      ...options,
      onReflected: (batch) => self.handling.handle({ device: self.name, life }, batch, self.#handler),
      ...(self.spec.chats ? { chat: chat() } : {})
      // Its description is its name, which is short.
    }).pipe(Effect.orDie, Effect.provideContext(context))
    self.device = device
    self.onStart(device)
    for (const use of self.#waiting.splice(0)) use()
    return yield* Effect.never
  })

  /** The user looks at the screen after a while, and does what they think best. */
  #askUser(machine: Machine, life: number, reason: UserReason): void {
    const { answer, conditions, kernel, witness } = this.#host
    const question = (this.#question = { reason })
    kernel.after(machine, conditions.userDelay, () => {
      const { device } = this
      if (this.#question !== question || device === undefined) return
      const resume = answer(this, reason)
      if (resume === undefined) return
      witness({ _tag: "UserAnswered", ...this.#place(), life, reason: reason._tag, answer: resume._tag })
      machine.fork(device.resume(resume))
    })
  }
}
