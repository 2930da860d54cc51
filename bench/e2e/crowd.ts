/**
 * Many groups of real devices in one process, connected and quiet; the first of each group reflects when asked to.
 */
import { type ConnectionState, type Content, type Device, DeviceStore, makeDevice } from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import { Common, Crypto, D2d, DeviceGroupKey, DeviceId, mediatorUrl } from "@d2m/codec"
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import { Effect, Layer, Stream } from "effect"
import { bodyOf, serveParent, setup } from "./Workload.ts"

export interface CrowdSetup {
  readonly url: string
  /** Numbers the groups of all processes. */
  readonly firstGroup: number
  readonly groups: number
  readonly perGroup: number
}

/** How the devices came back. Times are in nanoseconds of the clock that all processes share. */
export interface CrowdReturn {
  /** Devices that are past Dry: all of them, or as many as were when time was up. */
  readonly dry: number
  /** When the first try began that was answered; none if none was. */
  readonly firstTryAt: string | undefined
  /** When the last device was past Dry. */
  readonly at: string
}

/** What became of the messages that were reflected, as far as it was known when time was up. */
export interface CrowdReport {
  /** Reflects that the mediator acked. */
  readonly promised: number
  /** Devices that handled the message of their group. */
  readonly handled: number
  /** Devices that handled one more than once. */
  readonly twice: number
}

const { firstGroup, groups, perGroup, url } = setup<CrowdSetup>()

/** The longest that anything is waited for, in ms: what has not come by then is missing. */
const patience = 60_000

const content: Content = {
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({
    messageId: 1n,
    createdAt: 1n,
    type: Common.CspE2eMessageType.TEXT,
    body: bodyOf(1024)
  })
}

const deviceGroupKeyOf = (group: number): DeviceGroupKey => {
  const bytes = new Uint8Array(32).fill(7)
  new DataView(bytes.buffer).setUint32(0, group)
  return DeviceGroupKey.make(bytes)
}

/** How many devices are live and past Dry. */
let dry = 0
let firstTryAt: bigint | undefined
let promised = 0
let handled = 0
let twice = 0
let changed = (): void => {}

/** Waits until it is so, or time is up. */
const until = (isSo: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      changed = () => {}
      resolve()
    }
    const timer = setTimeout(end, patience)
    changed = () => {
      if (isSo()) end()
    }
    changed()
  })

const isDry = (state: ConnectionState): boolean => state._tag === "Live" && state.dry

const device = (group: number, member: number) =>
  Effect.gen(function* () {
    const groupKey = deviceGroupKeyOf(group)
    const { groupId: deviceGroupId } = (yield* Crypto).deriveKeys(groupKey)
    let messages = 0
    const made = yield* makeDevice({
      deviceId: DeviceId.make(BigInt(member + 1)),
      groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "" },
      onReflected: (batch) =>
        Effect.sync(() => {
          if (messages === 0) handled++
          // Counted once, however often it comes.
          if (messages < 2 && messages + batch.length >= 2) twice++
          messages += batch.length
          changed()
        })
    }).pipe(
      Effect.provide([
        layerNodeWebSocket({
          url: mediatorUrl(url, { deviceGroupId, serverGroup: "7a" }),
          allowPlaintext: true
        }),
        DeviceStore.layerMemory
      ])
    )
    let wasDry = false
    let triedAt = 0n
    yield* made.state.changes.pipe(
      Stream.runForEach((state) =>
        Effect.sync(() => {
          if (state._tag === "Connecting") triedAt = process.hrtime.bigint()
          if (state._tag === "Handshaking" && (firstTryAt === undefined || triedAt < firstTryAt)) firstTryAt = triedAt
          if (isDry(state) === wasDry) return
          wasDry = !wasDry
          dry += wasDry ? 1 : -1
          changed()
        })
      ),
      Effect.forkScoped
    )
    // One after the other, so that a listening socket's queue of connections does not overflow.
    yield* made.state.changes.pipe(Stream.takeUntil(isDry), Stream.runDrain)
    return made
  })

const total = groups * perGroup

const program = Effect.gen(function* () {
  const members = Array.from({ length: groups }, (_, n) => firstGroup + n).flatMap((group) =>
    Array.from({ length: perGroup }, (_, member) => ({ group, member }))
  )
  const speakers: Array<Device["Service"]> = []
  yield* Effect.forEach(
    members,
    ({ group, member }) =>
      Effect.map(device(group, member), (made) => {
        if (member === 0) speakers.push(made)
      }),
    { concurrency: 32, discard: true }
  )
  serveParent({}, undefined, {
    dry: async (): Promise<CrowdReturn> => {
      await until(() => dry === total)
      return { dry, firstTryAt: firstTryAt?.toString(), at: process.hrtime.bigint().toString() }
    },
    down: async () => {
      await until(() => dry === 0)
      firstTryAt = undefined
    },
    say: async () => {
      for (const speaker of speakers) {
        Effect.runFork(
          Effect.andThen(
            speaker.reflect(content),
            Effect.sync(() => {
              promised++
              changed()
            })
          )
        )
      }
    },
    said: async (): Promise<CrowdReport> => {
      await until(() => promised === groups && handled === groups * (perGroup - 1))
      return { promised, handled, twice }
    }
  })
  return yield* Effect.never
}).pipe(Effect.scoped)

Effect.runFork(Effect.provide(program, Layer.mergeAll(layerCrypto, layerSecureRandom)))
