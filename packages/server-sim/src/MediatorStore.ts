/**
 * Where a mediator keeps what must survive it.
 *
 * Owns the face that stores implement and the store in memory. What is written and when a promise may leave is decided
 * by the core; a store says that something is durable by returning. The lock and an uncommitted transaction are not kept: they
 * end with their connection (PROTOCOL C5), and a mediator that has stopped has none.
 *
 * @since 0.1.0
 */
import { type DeviceId, DeviceSlotExpirationPolicy } from "@d2m/codec"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { invariant } from "./Invariant.ts"
import {
  appendMessage,
  dropMessage,
  dropQueue,
  makeMessageQueue,
  MessageMemory,
  type MessageQueue,
  readMessages,
  sizesOf
} from "./MessageMemory.ts"
import type { Persist } from "./Output.ts"
import type { Position } from "./PositionQueue.ts"
import type { GroupKey, GroupSnapshot, SlotSnapshot, StoreCommand, StoredMessage } from "./StoreCommand.ts"

const reasons = [
  "InUse",
  "Unwritable",
  "Full",
  "DiskFailed",
  "Corrupt",
  "Foreign",
  "NewerVersion",
  "Unsupported",
  "Closed",
  "Failed"
] as const

/**
 * The store could not do what it was asked.
 *
 * - `InUse`: another mediator uses the data
 * - `Unwritable`: the place cannot be written to
 * - `Full`: there is no space left; it works again when there is
 * - `DiskFailed`: reading or writing failed: the disk's own error, or a quota or limit other than its size
 * - `Corrupt`: the data is damaged
 * - `Foreign`: the data is not a mediator's
 * - `NewerVersion`: the data is of a later release
 * - `Unsupported`: the platform has not what the store is made of
 * - `Closed`: the store is not open any more
 * - `Failed`: anything else
 *
 * @category errors
 * @since 0.1.0
 */
export class MediatorStoreError extends Schema.TaggedError<MediatorStoreError>()("MediatorStoreError", {
  operation: Schema.Literals(["open", "load", "read", "apply"]),
  /** `Failed` unless given. */
  reason: Schema.Literals(reasons).pipe(Schema.withConstructorDefault(Effect.succeed("Failed" as const))),
  /** What went wrong, in words that are fit for a log. */
  detail: Schema.String
}) {
  override get message(): string {
    return `the mediator's store failed to ${this.operation}: ${this.reason}: ${this.detail}`
  }
}

/**
 * The store of a mediator. One mediator uses it at a time.
 *
 * @category services
 * @since 0.1.0
 */
export class MediatorStore extends Context.Service<
  MediatorStore,
  {
    /** What is known of a group; none if nothing is. Never called for a group with a `Persist` under way. */
    readonly load: (groupKey: GroupKey) => Effect.Effect<Option.Option<GroupSnapshot>, MediatorStoreError>

    /** The messages at these positions of a slot's queue, in this order; those that are not there are left out. */
    readonly read: (
      groupKey: GroupKey,
      deviceId: DeviceId,
      positions: ReadonlyArray<Position>
    ) => Effect.Effect<ReadonlyArray<StoredMessage>, MediatorStoreError>

    /**
     * Makes these durable, in this order, each all or nothing; succeeds when all are. When it fails, the groups
     * concerned are loaded again before they are written to. Called once at a time, unless the store `isPipelined`.
     */
    readonly apply: (persists: ReadonlyArray<Persist>) => Effect.Effect<void, MediatorStoreError>

    /**
     * Whether `apply` may be called again while calls are under way; not unless given, and looked at before each call. Calls are
     * carried out in their order then. Where one fails, so do all that are called until the first of these failures is told, and
     * nothing of them is carried out; those ahead of it that have not returned may fail with it. Of calls that are done
     * together the last one is best told of first: what waited for them leaves in one write to each connection then.
     */
    readonly isPipelined?: boolean

    /** The groups that have volatile slots, for a mediator that starts: those expire though nobody connects. */
    readonly volatileGroups: Effect.Effect<ReadonlyArray<GroupKey>, MediatorStoreError>
  }
>()("@d2m/server-sim/MediatorStore") {
  /**
   * In memory: what is durable lasts as long as the layer. Never fails and never waits. Fresh wherever it is provided: two
   * mediators of a program do not share it by accident.
   */
  static readonly layerMemory: Layer.Layer<MediatorStore> = Layer.fresh(
    Layer.sync(MediatorStore, () => makeMemoryStore())
  )
}

interface MemorySlot {
  expirationPolicy: number
  encryptedDeviceInfo: Uint8Array
  issued: Position
  lastDisconnectAt: number | undefined
  readonly queue: MessageQueue
}

interface MemoryGroup {
  encryptedSharedDeviceData: Uint8Array
  readonly slots: Map<DeviceId, MemorySlot>
}

const isVolatile = (slot: MemorySlot): boolean => slot.expirationPolicy === DeviceSlotExpirationPolicy.VOLATILE

const slotOf = (group: MemoryGroup, deviceId: DeviceId): MemorySlot => {
  const slot = group.slots.get(deviceId)
  invariant(slot !== undefined, "what is written about a slot follows its registration")
  return slot
}

const applyCommand = (group: MemoryGroup, command: StoreCommand, memory: MessageMemory): void => {
  switch (command._tag) {
    case "RegisterSlot": {
      const slot = group.slots.get(command.deviceId)
      const { encryptedDeviceInfo, expirationPolicy } = command
      if (slot === undefined) {
        group.slots.set(command.deviceId, {
          expirationPolicy,
          encryptedDeviceInfo,
          issued: command.issued,
          lastDisconnectAt: undefined,
          queue: makeMessageQueue()
        })
      } else {
        slot.expirationPolicy = expirationPolicy
        slot.encryptedDeviceInfo = encryptedDeviceInfo
        slot.lastDisconnectAt = undefined
      }
      return
    }
    case "DisconnectSlot":
      slotOf(group, command.deviceId).lastDisconnectAt = command.at
      return
    case "DropSlot": {
      const slot = group.slots.get(command.deviceId)
      if (slot !== undefined) dropQueue(slot.queue)
      group.slots.delete(command.deviceId)
      return
    }
    case "Append": {
      if (command.to.length === 0) return
      const kept = memory.keep(command)
      for (const { deviceId, position } of command.to) {
        const slot = slotOf(group, deviceId)
        appendMessage(slot.queue, position, kept)
        slot.issued = position
      }
      return
    }
    case "IssueId":
      slotOf(group, command.deviceId).issued = command.issued
      return
    case "Ack":
      dropMessage(slotOf(group, command.deviceId).queue, command.position)
      return
    case "SetSharedData":
      group.encryptedSharedDeviceData = command.encryptedSharedDeviceData
      return
  }
}

const snapshotOf = (group: MemoryGroup): GroupSnapshot => ({
  encryptedSharedDeviceData: group.encryptedSharedDeviceData,
  slots: Array.from(group.slots, ([deviceId, slot]): SlotSnapshot => ({
    deviceId,
    expirationPolicy: slot.expirationPolicy,
    encryptedDeviceInfo: slot.encryptedDeviceInfo,
    issued: slot.issued,
    ...(slot.lastDisconnectAt === undefined ? {} : { lastDisconnectAt: slot.lastDisconnectAt }),
    queue: sizesOf(slot.queue)
  }))
})

/**
 * A store in memory. An envelope stays where it is if that is most of its buffer, and is copied otherwise. Of the memory of
 * messages that have gone, up to 64 MiB are kept for those to come.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemoryStore = (): MediatorStore["Service"] => {
  const groups = new Map<GroupKey, MemoryGroup>()
  const memory = new MessageMemory()

  const applyPersist = (persist: Persist): void => {
    const group = groups.get(persist.groupKey) ?? { encryptedSharedDeviceData: new Uint8Array(0), slots: new Map() }
    groups.set(persist.groupKey, group)
    for (const command of persist.commands) applyCommand(group, command, memory)
    if (group.slots.size === 0 && group.encryptedSharedDeviceData.length === 0) groups.delete(persist.groupKey)
  }

  return {
    load: (groupKey) => Effect.sync(() => Option.map(Option.fromUndefinedOr(groups.get(groupKey)), snapshotOf)),

    read: (groupKey, deviceId, positions) =>
      Effect.sync(() => {
        const queue = groups.get(groupKey)?.slots.get(deviceId)?.queue
        return queue === undefined ? [] : readMessages(queue, positions)
      }),

    apply: (persists) => Effect.sync(() => persists.forEach(applyPersist)),

    volatileGroups: Effect.sync(() =>
      Array.from(groups).flatMap(([groupKey, { slots }]) =>
        Array.from(slots.values()).some(isVolatile) ? groupKey : []
      )
    )
  }
}
