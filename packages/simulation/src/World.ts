/**
 * A world: devices, a mediator and the network between them, in one thread, in virtual time, under one seed.
 *
 * Owns its parts and what can be seen of them. What happens in it is up to a `Schedule` (see `Run`) or to a program of
 * one's own (see `Simulate`); whether that was right is for oracles to say.
 *
 * @since 0.1.0
 */
import type { DeviceOptions, Resume, UserReason } from "@d2m/client"
import { type ClientUrlInfo, Crypto, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { Effect } from "effect"
import type { ChatHandler } from "./Application.ts"
import { layerBulkCrypto } from "./BulkCrypto.ts"
import { Digest } from "./Digest.ts"
import { Kernel } from "./Kernel.ts"
import { Machine } from "./Machine.ts"
import { Network } from "./Network.ts"
import { Onlookers } from "./Onlookers.ts"
import * as Prng from "./Prng.ts"
import type { Undo } from "./Reasons.ts"
import type { Conditions, DeviceSpec } from "./Schedule.ts"
import { newYear2026 } from "./Simulation.ts"
import { type DeviceHost, SimulatedDevice } from "./SimulatedDevice.ts"
import type { MessageHandler } from "./TroubledHandler.ts"
import { SimulatedMediator } from "./SimulatedMediator.ts"
import { withStacks } from "./Stacks.ts"
import { resumeFor } from "./User.ts"
import { VirtualChat } from "./VirtualChat.ts"
import { VirtualDisk } from "./VirtualDisk.ts"
import { VirtualStore } from "./VirtualStore.ts"
import type { Witness, WorldEvent } from "./WorldEvent.ts"

/**
 * What of a device's options is not the world's: who a device is, and what its spec says of its slot, is; and oracles know
 * the usual tolerance for clocks, and no other.
 *
 * @category models
 * @since 0.1.0
 */
export type FreeDeviceOptions = Partial<
  Omit<DeviceOptions, "deviceId" | "groupKey" | "slotsExhausted" | "slotExpiration" | "clockTolerance">
>

/**
 * What a world is made from.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorldOptions {
  readonly seed: number
  readonly conditions: Conditions
  /** Everybody who looks on, called in this order for each event. */
  readonly witnesses?: ReadonlyArray<Witness>
  /** Makes the application's part in handling messages: called for each life of each device. */
  readonly handler?: (device: SimulatedDevice) => MessageHandler
  /** Makes what an application does with the chat server: called for each life of each device that chats. */
  readonly chat?: (device: SimulatedDevice) => ChatHandler | undefined
  /** What devices are made with beyond what their spec says. */
  readonly deviceOptions?: FreeDeviceOptions
  /** Told what is logged on devices, and by a program; nothing is logged unless given. */
  readonly onLog?: OnLog | undefined
  /** Told of what should never happen, with the rule that it breaks; it is thrown where nobody is told. */
  readonly onDefect?: OnDefect
}

/**
 * Told what is logged, in words: when, in ms of kernel time, and on which device; by the program where there is none.
 *
 * @category models
 * @since 0.1.0
 */
export type OnLog = (at: number, device: string | undefined, text: string) => void

/**
 * Told of a defect: of the client or the mediator, or of somebody who looks on.
 *
 * @category models
 * @since 0.1.0
 */
export type OnDefect = (rule: string, defect: unknown, device: string | undefined) => void

const cryptos = new Map<Conditions["crypto"], Crypto["Service"]>()

/** The cryptography of a world, for the package itself. Either is stateless but for what it has derived; one for all worlds. */
export const cryptoOf = (kind: Conditions["crypto"]): Crypto["Service"] => {
  const known = cryptos.get(kind)
  if (known !== undefined) return known
  const crypto = Effect.runSync(Effect.provide(Crypto, kind === "bulk" ? layerBulkCrypto : Crypto.layer))
  // Deriving a group's keys takes longer than a short run.
  const groups = new Map<DeviceGroupKey, ReturnType<typeof crypto.deriveKeys>>()
  const deriveKeys: typeof crypto.deriveKeys = (key) => {
    const keys = groups.get(key) ?? crypto.deriveKeys(key)
    groups.set(key, keys)
    return keys
  }
  const cached = Crypto.of({ ...crypto, deriveKeys })
  cryptos.set(kind, cached)
  return cached
}

const groupKeys = new Map<number, DeviceGroupKey>()

/**
 * The key of a device group of a world. For simulations only: it is no secret.
 *
 * @category getters
 * @since 0.1.0
 */
export const deviceGroupKeyOf = (group: number): DeviceGroupKey => {
  const known = groupKeys.get(group)
  if (known !== undefined) return known
  const bytes = new Uint8Array(32).fill(7)
  new DataView(bytes.buffer).setUint32(0, group, true)
  const key = DeviceGroupKey.make(bytes)
  groupKeys.set(group, key)
  return key
}

/** What a witness throws at an event once more, with the stack that a run does without (see `withStacks`). */
const thrownAgain = (witness: Witness, event: WorldEvent): unknown =>
  withStacks(true, () => {
    try {
      witness(event)
      return undefined
    } catch (defect) {
      return defect
    }
  })

/**
 * A world.
 *
 * @category models
 * @since 0.1.0
 */
export class World {
  readonly seed: number
  readonly conditions: Conditions
  readonly kernel: Kernel
  readonly prng: Prng.Prng
  /** Draws the bytes that a mediator which misbehaves makes up, one fault after the other. */
  readonly mischief: Prng.Prng
  readonly crypto: Crypto["Service"]
  readonly network: Network
  readonly store: VirtualStore
  readonly chat = new VirtualChat()
  readonly mediator: SimulatedMediator
  /** By name, in the order they were added. */
  readonly devices = new Map<string, SimulatedDevice>()
  /** Takes back the faults that are in force, in the order in which they began. */
  readonly inForce = new Set<Undo>()
  /** Whether faults are over, so that users leave a group they were put out of. */
  isLiveness = false
  readonly #options: WorldOptions
  #onlookers: Onlookers
  readonly #digest = new Digest()
  /** How many devices a group has, twins included. */
  readonly #siblings = new Map<number, number>()
  #lastMessage = 0
  #lastCall = 0
  #twins = 0

  constructor(options: WorldOptions) {
    const { conditions, seed } = options
    this.seed = seed
    this.conditions = conditions
    this.#options = options
    this.#onlookers = new Onlookers(options.witnesses ?? [])
    this.prng = Prng.make(seed)
    this.mischief = this.prng.fork("mischief")
    this.kernel = new Kernel(this.prng.fork("order"), newYear2026)
    this.crypto = cryptoOf(conditions.crypto)
    const nature = new Machine(this.kernel, { name: "network", prng: this.prng.fork("nature") })
    this.network = new Network(nature, this.prng.fork("network"), this.witness)
    this.store = new VirtualStore(conditions.storeLatency)
    this.mediator = new SimulatedMediator({
      network: this.network,
      prng: this.prng.fork("mediator"),
      store: this.store,
      chat: this.chat,
      crypto: this.crypto,
      options: conditions.mediator,
      onDefect: (rule, defect) => this.defect(rule, defect, undefined)
    })
  }

  /** Milliseconds since the world began. */
  get elapsed(): number {
    return this.kernel.now - newYear2026
  }

  /** A number for everything that has been seen so far: two runs with the same one are the same run. */
  get digest(): string {
    return this.#digest.hex
  }

  /** Shows an event to everybody who looks on. What one of them throws is no matter of who is looked at. */
  readonly witness: Witness = (event: WorldEvent) => {
    this.#digest.add(event)
    const witnesses = this.#onlookers.of(event)
    let index = 0
    try {
      while (index < witnesses.length) witnesses[index++]!(event)
    } catch (defect) {
      this.defect("whoever looks on does not throw", thrownAgain(witnesses[index - 1]!, event) ?? defect, undefined)
    }
  }

  /** Tells of a defect. */
  readonly defect: OnDefect = (rule, defect, device) => {
    const { onDefect } = this.#options
    if (onDefect === undefined) throw defect
    onDefect(rule, defect, device)
  }

  /** A disk with nothing on it. */
  newDisk(): VirtualDisk {
    return new VirtualDisk(this.conditions.diskLatency)
  }

  /**
   * Adds a device, switched off; once it starts, oracles judge it like those of the schedule. Ids are numbered in each group:
   * another group has the same ones.
   */
  addDevice(spec: DeviceSpec): SimulatedDevice {
    const siblings = this.#siblings.get(spec.group) ?? 0
    return this.#add(spec, DeviceId.make(BigInt(siblings + 1)), this.newDisk())
  }

  /** Adds a second machine that believes to be the same device. */
  addTwin(device: SimulatedDevice): SimulatedDevice {
    return this.#add({ ...device.spec, name: `${device.name}'${++this.#twins}` }, device.deviceId, device.disk.copy())
  }

  /** How devices of a group find the mediator. */
  pathOf(group: number): ClientUrlInfo {
    return { deviceGroupId: this.crypto.deriveKeys(deviceGroupKeyOf(group)).groupId, serverGroup: "7a" }
  }

  /** Does something later, in ms from now. */
  after(millis: number, run: () => void): void {
    this.kernel.after(this.network.machine, millis, run)
  }

  /**
   * Nothing happens any more, and nobody looks on. Lets go of what would be kept until a major collection: a few hundred KB for
   * each world that chats, which a collector copies twice when many worlds follow one another.
   */
  end(): void {
    this.#onlookers = new Onlookers([])
    // What an application does in the end is not ours to bring about.
    if (this.#options.chat === undefined) for (const { chatting } of this.devices.values()) chatting.end()
    this.kernel.end()
  }

  #add(spec: DeviceSpec, deviceId: DeviceId, disk: VirtualDisk): SimulatedDevice {
    const { conditions, crypto, kernel, network, prng } = this
    const { chat, deviceOptions, handler, onLog } = this.#options
    const host: DeviceHost = {
      kernel,
      crypto,
      witness: this.witness,
      groupKey: deviceGroupKeyOf(spec.group),
      path: this.pathOf(spec.group),
      conditions,
      prng: prng.fork(`device ${spec.name}`),
      takeMessageIds: (count) => {
        const first = this.#lastMessage + 1
        this.#lastMessage += count
        return first
      },
      nextCall: () => ++this.#lastCall,
      after: (millis, run) => this.after(millis, run),
      deviceIdOf: (name) => {
        const other = this.devices.get(name)
        return other?.spec.group === spec.group ? other.deviceId : undefined
      },
      answer: (_device: SimulatedDevice, reason: UserReason): Resume | undefined => resumeFor(reason, this.isLiveness),
      handler,
      chat,
      options: deviceOptions,
      onLog: onLog === undefined ? undefined : (text) => onLog(kernel.now, spec.name, text),
      onDefect: (rule, defect) => this.defect(rule, defect, spec.name)
    }
    if (this.devices.has(spec.name)) throw new Error(`two devices have the name ${spec.name}`)
    const device = new SimulatedDevice(host, spec, deviceId, network.route(spec.name, conditions.latency), disk)
    this.devices.set(spec.name, device)
    this.#siblings.set(spec.group, (this.#siblings.get(spec.group) ?? 0) + 1)
    return device
  }
}
