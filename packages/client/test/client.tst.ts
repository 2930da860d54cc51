import {
  type Crypto,
  type DeviceGroupKey,
  type DeviceId,
  DeviceSlotExpirationPolicy,
  DeviceSlotsExhaustedPolicy,
  type ReflectId,
  type ServerFrame,
  type Timestamp
} from "@d2m/codec"
import { Context, type Duration, Effect, type Layer, type Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { SecureRandom } from "effect/crypto"
import type { Socket } from "effect/socket"
import { describe, expectTypeOf, test } from "vitest"
import type { DeviceStore } from "../src/DeviceStore.ts"
import {
  type BlobSource,
  type ConnectionEnd,
  type ConnectionState,
  type Content,
  type Deadlines,
  defaultDeadlines,
  type DeviceEntry,
  type DeviceEvent,
  type DeviceOptions,
  type DeviceOptionsError,
  Device,
  type EnvelopeTooLarge,
  type HandlerHalted,
  type HandlerPolicy,
  handshake,
  type Hello,
  type InvalidContent,
  linearBackoff,
  type Link,
  type LinkFrame,
  makeDevice,
  type NotLive,
  type QuarantineEntry,
  type ReconnectPolicy,
  type ReflectedMessage,
  type ReflectError,
  type ReflectQueueFull,
  type Session,
  type SessionFrame,
  Transaction,
  type TransactionError,
  type TransactionOver,
  type UserReason
} from "../src/index.ts"

declare const session: Session
declare const link: Link
declare const hello: Hello
declare const device: Device["Service"]
declare const content: Content
declare const serverFrame: ServerFrame
declare const sessionFrame: SessionFrame
declare const reflectId: ReflectId

describe("a session sends only what a device may send", () => {
  test("no server frame, no ClientHello, nothing unknown", () => {
    expectTypeOf<Parameters<Session["send"]>>().toEqualTypeOf<[frame: SessionFrame]>()
    expectTypeOf<SessionFrame["_tag"]>().toEqualTypeOf<
      | "Proxy"
      | "GetDevicesInfo"
      | "DropDevice"
      | "SetSharedDeviceData"
      | "BeginTransaction"
      | "CommitTransaction"
      | "Reflect"
      | "ReflectedAck"
    >()
    // @ts-expect-error TS2345: is not assignable to parameter of type
    void session.send(serverFrame)
    // @ts-expect-error TS2820: Type '"CommitTransactionAck"' is not assignable
    void session.send({ _tag: "CommitTransactionAck" })
  })

  test("there is none before a handshake", () => {
    expectTypeOf<Parameters<Link["send"]>>().toEqualTypeOf<[frames: NonEmptyReadonlyArray<LinkFrame>]>()
    expectTypeOf<LinkFrame["_tag"]>().toEqualTypeOf<"ClientHello" | "Proxy">()
    void link.send([{ _tag: "Proxy", data: new Uint8Array(48) }])
    // @ts-expect-error TS2322: Type '"Reflect"' is not assignable to type '"ClientHello" | "Proxy"'
    void link.send([{ _tag: "Reflect", flags: 0, reflectId, envelope: new Uint8Array(40) }])
    // @ts-expect-error TS2322: Type '"GetDevicesInfo"' is not assignable to type '"ClientHello" | "Proxy"'
    void link.send([{ _tag: "GetDevicesInfo" }])
    // @ts-expect-error TS2322: is not assignable to type
    void link.send([sessionFrame])
    // @ts-expect-error TS2322: is not assignable to type
    void link.send([serverFrame])
    // @ts-expect-error TS2339: Property 'sendEncoded' does not exist on type 'Link'
    void link.sendEncoded
    expectTypeOf(handshake(link, hello)).toEqualTypeOf<
      Effect.Effect<Session, ConnectionEnd, Crypto | SecureRandom.SecureRandom | DeviceStore>
    >()
    expectTypeOf<Link>().not.toExtend<Session>()
    const { info, receive, send, sendAll, sendEncoded } = session
    // @ts-expect-error TS2741: is missing in type
    const forged: Session = { info, receive, send, sendAll, sendEncoded }
    void forged
    // @ts-expect-error TS2339: Property 'send' does not exist on type 'Effect<Session
    void handshake(link, hello).send
  })
})

describe("an ephemeral", () => {
  test("has nothing to wait for, unlike a reflect", () => {
    expectTypeOf(device.reflectEphemeral(content)).toEqualTypeOf<
      Effect.Effect<void, NotLive | InvalidContent | EnvelopeTooLarge | ReflectQueueFull>
    >()
    expectTypeOf(device.reflect(content)).toEqualTypeOf<Effect.Effect<Timestamp, ReflectError>>()
    // @ts-expect-error TS2375: Type 'void' is not assignable to type
    const awaited: Effect.Effect<Timestamp, unknown> = device.reflectEphemeral(content)
    void awaited
  })
})

describe("what stands in the way of a connection", () => {
  type Because<Tag extends UserReason["_tag"]> = Extract<
    UserReason,
    { readonly _tag: Tag; because: unknown }
  >["because"]

  test("is one of the few that lead to the question", () => {
    expectTypeOf<Because<"NotTrusted">["_tag"]>().toEqualTypeOf<
      "PinMismatch" | "NoPinFor" | "PlaintextRefused" | "InvalidPinRule"
    >()
    expectTypeOf<Because<"Halted">["_tag"]>().toEqualTypeOf<"HandlerHalted" | "QuarantineFull">()
    expectTypeOf<Because<"UnsupportedVersion">["_tag"]>().toEqualTypeOf<"Closed" | "UnsupportedVersion">()
    expectTypeOf<Because<"SlotMismatch">["_tag"]>().toEqualTypeOf<"Closed" | "SlotContradiction">()
    expectTypeOf<Because<"Refused">["_tag"]>().toEqualTypeOf<"Closed" | "InvalidUrl">()
  })

  test("is a state, where nothing is live", () => {
    expectTypeOf<NotLive["state"]>().toEqualTypeOf<ConnectionState["_tag"]>()
  })
})

describe("a transaction", () => {
  const inside = Effect.flatMap(Transaction, (transaction) => transaction.reflect(content))

  test("reflects nowhere but in its body, and nothing commits but its end", () => {
    expectTypeOf<Device["Service"]>().not.toHaveProperty("commit")
    expectTypeOf<Transaction["Service"]>().not.toHaveProperty("commit")
    expectTypeOf<Effect.Services<typeof inside>>().toEqualTypeOf<Transaction>()
    // @ts-expect-error TS2379: Type 'Transaction' is not assignable to type 'never'
    void Effect.runPromise(Effect.orDie(inside))
    void Effect.runPromise(Effect.orDie(device.transaction({ scope: 0 }, inside)))
  })

  test("takes itself out of the body's requirements, and nothing else", () => {
    class Database extends Context.Service<Database, { readonly rows: number }>()("test/Database") {}
    const precondition = Effect.map(Database, ({ rows }) => rows > 0)
    const body = Effect.flatMap(Database, ({ rows }) => Effect.as(inside, rows))
    expectTypeOf(device.transaction({ scope: 0, precondition }, body)).toEqualTypeOf<
      Effect.Effect<number, TransactionError | TransactionOver | InvalidContent | EnvelopeTooLarge, Database>
    >()
  })
})

describe("options", () => {
  type Policies = Pick<DeviceOptions, "slotsExhausted" | "slotExpiration">

  test("are policies that have a name: what a mediator may say is open, what a device asks for is not", () => {
    const named: Policies = {
      slotsExhausted: DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT,
      slotExpiration: DeviceSlotExpirationPolicy.VOLATILE
    }
    void named
    expectTypeOf<Policies>().toEqualTypeOf<{ readonly slotsExhausted?: 0 | 1; readonly slotExpiration?: 0 | 1 }>()
    // @ts-expect-error TS2322: Type '2' is not assignable to type '0 | 1'
    const exhausted: Policies = { slotsExhausted: 2 }
    void exhausted
    // @ts-expect-error TS2322: Type '-1' is not assignable to type '0 | 1'
    const expiration: Policies = { slotExpiration: -1 }
    void expiration
    expectTypeOf<DeviceEntry["slotExpiration"]>().toEqualTypeOf<number>()
  })
})

describe("a layer", () => {
  class Inbox extends Context.Service<Inbox, { readonly put: Effect.Effect<void> }>()("test/Inbox") {}
  const options = {
    deviceId: 1n as DeviceId,
    groupKey: undefined as never as DeviceGroupKey,
    identity: "",
    description: { platform: 0, platformDetails: "", appVersion: "", label: "" }
  }

  test("says what it needs: socket, crypto, randomness, store, and what the handlers need", () => {
    class Chat extends Context.Service<Chat, { readonly run: Effect.Effect<void> }>()("test/Chat") {}
    const layer = Device.layer({
      ...options,
      onReflected: () => Effect.flatMap(Inbox, ({ put }) => put),
      chat: () => Effect.flatMap(Chat, ({ run }) => Effect.as(run, { _tag: "Ended" } as const))
    })
    expectTypeOf(layer).toEqualTypeOf<
      Layer.Layer<
        Device,
        DeviceOptionsError,
        Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore | Inbox | Chat
      >
    >()
  })

  test("gives the handlers a scope of their own, and needs none", () => {
    const acquire = Effect.acquireRelease(Effect.void, () => Effect.void)
    const layer = Device.layer({
      ...options,
      onReflected: () => acquire,
      chat: () => Effect.as(Effect.forkScoped(Effect.never), { _tag: "Ended" } as const)
    })
    expectTypeOf(layer).toEqualTypeOf<
      Layer.Layer<Device, DeviceOptionsError, Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore>
    >()
    const device = makeDevice({ ...options, onReflected: () => Effect.andThen(Inbox, acquire) })
    expectTypeOf<Effect.Services<typeof device>>().toEqualTypeOf<
      Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore | Inbox | Scope.Scope
    >()
  })
})

describe("what an application is told goes where it is asked for", () => {
  type Told<Tag extends DeviceEvent["_tag"]> = Extract<DeviceEvent, { readonly _tag: Tag }>

  test("devices in events are those that can be dropped and looked up", () => {
    type DropArguments = Parameters<Device["Service"]["drop"]>
    expectTypeOf<[Told<"LockHeld">["deviceId"]]>().toEqualTypeOf<DropArguments>()
    expectTypeOf<[Told<"TransactionEnded">["deviceId"]]>().toEqualTypeOf<DropArguments>()
    expectTypeOf<[NonNullable<Told<"BlobRejected">["deviceId"]>]>().toEqualTypeOf<DropArguments>()
    expectTypeOf<Extract<BlobSource, { readonly _tag: "DeviceInfo" }>["deviceId"]>().toEqualTypeOf<DeviceId>()
  })

  test("a message has the same number and time as a message, in events, in quarantine and where it halts the device", () => {
    expectTypeOf<Told<"Quarantined">["reflectedId"]>().toEqualTypeOf<ReflectedMessage["reflectedId"]>()
    expectTypeOf<Told<"Duplicate">["reflectedId"]>().toEqualTypeOf<ReflectedMessage["reflectedId"]>()
    expectTypeOf<HandlerHalted["reflectedId"]>().toEqualTypeOf<ReflectedMessage["reflectedId"]>()
    expectTypeOf<Pick<QuarantineEntry, "reflectedId" | "timestamp">>().toEqualTypeOf<
      Pick<ReflectedMessage, "reflectedId" | "timestamp">
    >()
  })
})

describe("a span of time", () => {
  test("is given as any duration", () => {
    expectTypeOf<Deadlines[keyof Deadlines]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<Required<DeviceOptions>["clockTolerance"]>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<ReturnType<HandlerPolicy["delay"]>>().toEqualTypeOf<Duration.Input>()
    expectTypeOf<ReturnType<ReconnectPolicy["delay"]>>().toEqualTypeOf<Duration.Input | undefined>()
    expectTypeOf<ReconnectPolicy["settledAfter"]>().toEqualTypeOf<Duration.Input>()

    // @ts-expect-error TS2322: Type '"1 fortnight"' is not assignable to type
    ;({ ...defaultDeadlines, lock: "1 fortnight" }) satisfies Deadlines
  })

  test("is a number where this package has chosen it", () => {
    expectTypeOf(defaultDeadlines.lock).toEqualTypeOf<number>()
    expectTypeOf(linearBackoff().delay(1, 0)).toEqualTypeOf<number | undefined>()
    expectTypeOf(linearBackoff().settledAfter).toEqualTypeOf<number>()
  })
})
