/**
 * The devices of the group and the data that they share through the mediator.
 * Owns listing, dropping and the shared device data (PROTOCOL C6, decisions 17, 23).
 * Leaves the boxes to `DeviceBlob` and matching answers to requests to `Requests`.
 */
import {
  type AugmentedDeviceInfo,
  type Box,
  CloseCode,
  D2d,
  type DeviceGroupKeys,
  type DeviceId,
  type DevicesInfo,
  type DropDeviceAck
} from "@d2m/codec"
import { Deferred, Effect, Option, Result } from "effect"
import type { StateCell } from "./ConnectionState.ts"
import { type BlobRejection, type DeviceBlobs, plainRoom } from "./DeviceBlob.ts"
import type { DeviceStoreError } from "./DeviceStore.ts"
import { encodeOrFail, type InvalidContent } from "./Envelope.ts"
import { type LiveCell, type LiveConnection, NotLive } from "./LiveConnection.ts"
import type { Expected, Requests } from "./Requests.ts"
import type { SessionFrame } from "./Session.ts"

/**
 * Why a request about devices failed. `NotLive` also stands for a connection that ended before the answer: a drop may have
 * been done then, and asking again is safe.
 *
 * @category errors
 * @since 0.1.0
 */
export type DeviceError = NotLive | DeviceStoreError

/**
 * One registered device, as the mediator knows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceEntry {
  /** What the device says of itself, or why that cannot be told. */
  readonly info: Result.Result<D2d.DeviceInfo, BlobRejection>
  /** How long its slot outlives its connection: `DeviceSlotExpirationPolicy`. */
  readonly slotExpiration: number
  /** Connected since, or away since, a time in milliseconds since 1970; absent when the mediator does not say. */
  readonly connection: AugmentedDeviceInfo["connectionState"] | undefined
}

/**
 * The data that all devices of a group share, padding apart.
 *
 * @category models
 * @since 0.1.0
 */
export type SharedData = Omit<D2d.SharedDeviceData, "padding">

/** The boxes of one answer, or of one of our own, are looked at in a turn. */
type Turn = Deferred.Deferred<void>

/** Turns in the order in which they were taken, whoever's fiber runs first. */
const makeTurns = () => {
  const line: Array<Turn> = []
  const next = (): void => {
    const [first] = line
    if (first !== undefined) Deferred.doneUnsafe(first, Effect.void)
  }
  return {
    take: (): Turn => {
      const turn = Deferred.makeUnsafe<void>()
      line.push(turn)
      next()
      return turn
    },
    leave: (turn: Turn): void => {
      line.splice(line.indexOf(turn), 1)
      next()
    }
  }
}

const padding = new Uint8Array(0)
const sharedSource = { _tag: "SharedDeviceData" } as const
const setSharedDataFrame = (encryptedSharedDeviceData: Box<"dgsddk">): SessionFrame => ({
  _tag: "SetSharedDeviceData",
  encryptedSharedDeviceData
})

/** @internal */
export type Devices = ReturnType<typeof makeDevices>

/** @internal */
export const makeDevices = (options: {
  readonly deviceId: DeviceId
  /** The device's own `d2d.DeviceInfo` without padding, and how long a ClientHello lets it be with it. */
  readonly ownInfo: { readonly plain: Uint8Array; readonly room: number }
  readonly keys: Pick<DeviceGroupKeys, "dgdik" | "dgsddk">
  readonly blobs: DeviceBlobs
  readonly live: LiveCell
  readonly state: StateCell
}) => {
  const { blobs, keys, live, state } = options
  const sharedRoom = plainRoom("dgsddk", setSharedDataFrame)
  let shared: SharedData | undefined
  /** Infos are looked at in the order they came: an answer that is late for a newer one would seem to be a replay. */
  const turns = makeTurns()

  const notLive = () => new NotLive({ state: state.phase()._tag })

  const connected: Effect.Effect<LiveConnection, NotLive> = Effect.suspend(() => {
    const connection = live.current()
    return connection === undefined ? Effect.fail(notLive()) : Effect.succeed(connection)
  })

  /** Sends a request and waits for its answer, which comes in time or ends the connection. */
  const request = <F>(
    connection: LiveConnection,
    frame: SessionFrame,
    expect: (requests: Requests, expected: Expected<F>) => () => void
  ): Effect.Effect<F, NotLive> =>
    Effect.suspend(() => {
      const answer = Deferred.makeUnsafe<F, NotLive>()
      const asked = connection.ask(frame, (requests) =>
        expect(requests, {
          settle: (frame) => Deferred.doneUnsafe(answer, Effect.succeed(frame)),
          lost: () => Deferred.doneUnsafe(answer, Effect.fail(notLive()))
        })
      )
      return Effect.andThen(Effect.mapError(asked, notLive), Deferred.await(answer))
    })

  const entryOf = (deviceId: DeviceId, known: AugmentedDeviceInfo): Effect.Effect<DeviceEntry, DeviceStoreError> =>
    Effect.map(
      blobs.open({ _tag: "DeviceInfo", deviceId }, keys.dgdik, D2d.DeviceInfo, known.encryptedDeviceInfo),
      (info) => ({ info, slotExpiration: known.deviceSlotExpirationPolicy, connection: known.connectionState })
    )

  const entriesOf = ({
    augmentedDeviceInfo
  }: DevicesInfo): Effect.Effect<Map<DeviceId, DeviceEntry>, DeviceStoreError> =>
    Effect.map(
      Effect.forEach(augmentedDeviceInfo, ([id, known]) =>
        Effect.map(entryOf(id, known), (entry) => [id, entry] as const)
      ),
      (entries) => new Map(entries)
    )

  const list: Effect.Effect<ReadonlyMap<DeviceId, DeviceEntry>, DeviceError> = Effect.suspend(() => {
    let turn: Turn | undefined
    let isOver = false
    const inTurn = (expected: Expected<DevicesInfo>): Expected<DevicesInfo> => ({
      ...expected,
      settle: (answer) => {
        // Nobody would leave the turn of who does not wait any more.
        if (!isOver) turn = turns.take()
        expected.settle(answer)
      }
    })
    return connected.pipe(
      Effect.flatMap((connection) =>
        request<DevicesInfo>(connection, { _tag: "GetDevicesInfo" }, (requests, expected) =>
          requests.expectDevices(inTurn(expected))
        )
      ),
      Effect.tap(() => (turn === undefined ? Effect.void : Deferred.await(turn))),
      Effect.flatMap(entriesOf),
      Effect.ensuring(
        Effect.sync(() => {
          isOver = true
          if (turn !== undefined) turns.leave(turn)
        })
      )
    )
  })

  const drop = (deviceId: DeviceId): Effect.Effect<void, NotLive> =>
    Effect.flatMap(connected, (connection) =>
      request<DropDeviceAck>(connection, { _tag: "DropDevice", deviceId }, (requests, expected) =>
        requests.expectDrop(deviceId, expected)
      ).pipe(
        Effect.asVoid,
        Effect.catch((error) => {
          // Of its own drop a device may hear by the close code alone.
          const { ended } = connection
          const dropped = deviceId === options.deviceId && ended?._tag === "Closed" && ended.code === CloseCode.Dropped
          return dropped ? Effect.void : Effect.fail(error)
        })
      )
    )

  const sendShared = (plain: Uint8Array, connection: LiveConnection): Effect.Effect<void, DeviceError> =>
    Effect.flatMap(blobs.seal(sharedSource, keys.dgsddk, plain, sharedRoom), (box) =>
      Effect.mapError(connection.send([setSharedDataFrame(box)]), notLive)
    )

  const setSharedData = (data: SharedData): Effect.Effect<void, DeviceError | InvalidContent> =>
    // It is a number: with the longest padding it is far from the limit of its frame.
    encodeOrFail(D2d.SharedDeviceData, { ...data, padding }).pipe(
      Effect.flatMap((plain) => Effect.flatMap(connected, (connection) => sendShared(plain, connection))),
      Effect.map(() => {
        shared = data
      })
    )

  return {
    list,
    drop,
    setSharedData,
    sharedData: Effect.sync(() => Option.fromNullishOr(shared)),
    /** Takes in the shared data of a ServerInfo; empty bytes mean that none was ever set. */
    learnSharedData: (box: Box<"dgsddk">): Effect.Effect<void, DeviceStoreError> =>
      box.length === 0
        ? Effect.sync(() => {
            shared = undefined
          })
        : Effect.map(blobs.open(sharedSource, keys.dgsddk, D2d.SharedDeviceData, box), (data) => {
            shared = Result.isSuccess(data) ? { version: data.success.version } : undefined
          }),
    /** The device's own info in a fresh box, for a ClientHello. */
    ownInfo: Effect.acquireUseRelease(
      Effect.sync(turns.take),
      (turn) =>
        Effect.andThen(
          Deferred.await(turn),
          blobs.seal(
            { _tag: "DeviceInfo", deviceId: options.deviceId },
            keys.dgdik,
            options.ownInfo.plain,
            options.ownInfo.room
          )
        ),
      (turn) => Effect.sync(() => turns.leave(turn))
    )
  }
}
