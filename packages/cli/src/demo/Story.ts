/**
 * The demo's story: a short life of three devices and their mediator.
 *
 * Owns the scenes and their order. Every wait is for something that is seen to happen, with a deadline; what was promised
 * to whom is judged at the end by the tally.
 *
 * @since 0.1.0
 */
import { type Device, Transaction } from "@d2m/client"
import { D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import { ChatUpstream, type JournalEntry, Mediator, MediatorStore } from "@d2m/server-sim"
import { layerWebSocketServer, ListenAddress } from "@d2m/server-sim/node"
import { Effect, Fiber, Layer, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import * as SelfSignedCertificate from "../SelfSignedCertificate.ts"
import * as Participant from "./Participant.ts"
import type { Recorder } from "./Recorder.ts"
import type { Verdict } from "./Tally.ts"
import { chat, keyOf, nickname, textOf, typing } from "./Words.ts"

/** A pin of nobody's key: base64 of 32 zero bytes. */
const wrongPin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

const devices = [
  { name: "phone", platform: D2d.DeviceInfoPlatform.ANDROID },
  { name: "desktop", platform: D2d.DeviceInfoPlatform.DESKTOP },
  { name: "tablet", platform: D2d.DeviceInfoPlatform.IOS }
] as const

/** What the mediator's lane shows: its decisions and the codes it closes with. */
const tellJournal = (recorder: Recorder, nameOf: (deviceId: bigint) => string) => (entry: JournalEntry) =>
  Effect.sync(() => {
    const { tell } = recorder
    if (entry._tag === "Closed") return tell("mediator", "note", `closes with ${entry.code}`)
    if (entry._tag !== "Decided") return
    const { decision } = entry
    switch (decision._tag) {
      case "Registered":
        return tell("mediator", "note", `${nameOf(decision.deviceId)} ${decision.isNew ? "has a new slot" : "is back"}`)
      case "TransactionBegun":
        return tell("mediator", "transaction", `lock to ${nameOf(decision.deviceId)}`)
      case "TransactionRejected":
        return tell("mediator", "transaction", `lock refused to ${nameOf(decision.deviceId)}`)
      case "TransactionCommitted":
        return tell("mediator", "transaction", `commit of ${decision.messages} by ${nameOf(decision.deviceId)}`)
      case "SlotFreed":
        return tell("mediator", "note", `${nameOf(decision.deviceId)}'s slot is free`)
      default:
    }
  })

/** Plays the story with these texts and judges it. */
export const play = Effect.fnUntraced(
  function* (recorder: Recorder, texts: ReadonlyArray<string>) {
    const { poke, tally, tell, tellMessage, until } = recorder
    const random = yield* SecureRandom.SecureRandom
    const groupKey = DeviceGroupKey.make(yield* random.randomBytes(32))
    const certificate = yield* SelfSignedCertificate.make()
    const { pin } = certificate

    tell("story", "chapter", "A mediator that can read nothing")
    const server = layerWebSocketServer({
      host: "127.0.0.1",
      port: 0,
      tls: { cert: certificate.cert, key: certificate.key }
    }).pipe(
      Layer.provideMerge(Mediator.layer()),
      Layer.provide([MediatorStore.layerMemory, ChatUpstream.layerNone, layerCrypto])
    )
    const context = yield* Layer.build(server)
    const address = yield* Effect.provideContext(ListenAddress, context)
    const mediator = yield* Effect.provideContext(Mediator, context)
    tell("mediator", "state", `listens on wss://127.0.0.1:${address.port}/`)
    tell("mediator", "note", `its pin is ${pin.slice(0, 12)}…`)

    const ids = devices.map((_, index) => DeviceId.make(BigInt(index + 1)))
    const nameOf = (deviceId: bigint): string => devices[ids.findIndex((id) => id === deviceId)]?.name ?? "a stranger"
    yield* Effect.forkScoped(Stream.runForEach(mediator.journal, tellJournal(recorder, nameOf)))
    const [phone, desktop, tablet] = yield* Effect.forEach(devices, ({ name, platform }, index) =>
      Participant.make({ name, platform, deviceId: ids[index]!, groupKey, port: address.port, recorder, nameOf })
    ) as Effect.Effect<[Participant.Participant, Participant.Participant, Participant.Participant], never>

    const isLive = (participant: Participant.Participant): boolean => {
      const state = participant.state()
      return state?._tag === "Live" && state.dry
    }
    const live = (participant: Participant.Participant) =>
      until(`${participant.name} to be live`, () => isLive(participant))
    const everyoneHasAll = (...participants: ReadonlyArray<Participant.Participant>) =>
      until("all messages to arrive", () => participants.every(({ name }) => tally.complete(name)))

    /** Reflects contents in a transaction; they are promised by its commit. */
    const transact = <A, E, R>(
      participant: Participant.Participant,
      device: Device["Service"],
      scope: number,
      content: ReturnType<typeof nickname>,
      during: Effect.Effect<A, E, R>
    ) =>
      device
        .transaction(
          { scope },
          Effect.gen(function* () {
            const transaction = yield* Transaction
            tell(participant.name, "transaction", "has the lock")
            tally.sent(participant.name, keyOf(content)!)
            tellMessage(participant.name, "sent", textOf(content))
            yield* transaction.reflect(content)
            return yield* during
          })
        )
        .pipe(
          Effect.map((result) => {
            tell(participant.name, "transaction", "committed")
            tally.acked(participant.name, keyOf(content)!)
            poke()
            return result
          })
        )

    tell("story", "chapter", "A wrong pin: the phone refuses to talk")
    yield* phone.switchOn(wrongPin)
    yield* until("the phone to refuse the wrong key", () => phone.state()?._tag === "NeedsUser")
    yield* phone.switchOff

    tell("story", "chapter", "The phone joins, and leads")
    const onPhone = yield* phone.switchOn(pin)
    yield* live(phone)

    tell("story", "chapter", "Desktop and tablet join while the phone holds the lock")
    let onDesktop!: Device["Service"]
    let onTablet!: Device["Service"]
    yield* transact(
      phone,
      onPhone,
      D2d.TransactionScopeScope.NEW_DEVICE_SYNC,
      nickname("ECHOECHO", "Echo"),
      Effect.gen(function* () {
        onDesktop = yield* desktop.switchOn(pin)
        onTablet = yield* tablet.switchOn(pin)
        yield* live(desktop)
        yield* live(tablet)
      })
    )
    yield* everyoneHasAll(desktop, tablet)

    const online = texts.slice(0, Math.ceil(texts.length / 2))
    const offline = texts.slice(online.length)
    let id = 0n
    const messages = (from: ReadonlyArray<string>) => from.map((text) => chat(++id, text))

    tell("story", "chapter", "They chat")
    const conversation = messages(online)
    const share = (of: number) => conversation.filter((_, index) => index % 3 === of)
    yield* Effect.all(
      [phone.say(onPhone, share(0)), desktop.say(onDesktop, share(1)), tablet.say(onTablet, share(2))],
      { concurrency: "unbounded" }
    )
    yield* everyoneHasAll(phone, desktop, tablet)

    tell("story", "chapter", "Somebody types: forwarded to who is there, never stored")
    tell("desktop", "ephemeral", textOf(typing))
    yield* onDesktop.reflectEphemeral(typing)
    yield* until("the typing indicator", () => phone.sawTyping() && tablet.sawTyping())

    tell("story", "chapter", "The tablet goes offline, misses a lot, and catches up")
    yield* tablet.switchOff
    const missed = messages(offline.length === 0 ? ["Is the tablet asleep?"] : offline)
    yield* phone.say(onPhone, missed)
    onTablet = yield* tablet.switchOn(pin)
    yield* live(tablet)
    yield* everyoneHasAll(phone, desktop, tablet)

    tell("story", "chapter", "Two want the lock")
    const { CONTACT_SYNC } = D2d.TransactionScopeScope
    const second = transact(tablet, onTablet, CONTACT_SYNC, nickname("CONTACT2", "Bob"), Effect.void)
    const waiting = yield* transact(
      desktop,
      onDesktop,
      CONTACT_SYNC,
      nickname("CONTACT1", "Ada"),
      Effect.gen(function* () {
        const fiber = yield* Effect.forkScoped(second)
        yield* until("the tablet to meet the lock", tablet.sawLock)
        return fiber
      })
    )
    yield* Fiber.join(waiting)
    yield* everyoneHasAll(phone, desktop, tablet)

    tell("story", "chapter", "The phone's network is cut; what it says meanwhile waits")
    yield* phone.cable.pull
    yield* until("the phone to notice", () => phone.state()?._tag === "Waiting")
    const said = yield* Effect.forkScoped(phone.say(onPhone, messages(["Can anybody hear me?", "Hello?"])))
    yield* until("a try that fails", () => {
      const state = phone.state()
      return state?._tag === "Waiting" && state.failures >= 2
    })
    yield* phone.cable.plug
    yield* live(phone)
    yield* Fiber.join(said)
    yield* everyoneHasAll(phone, desktop, tablet)

    tell("story", "chapter", "The phone drops the tablet")
    yield* onPhone.drop(tablet.deviceId)
    tally.dropped(tablet.name)
    yield* until("the tablet to be told", () => tablet.state()?._tag === "NeedsUser")
    const left = yield* onPhone.devices
    tell("phone", "note", `the group is now ${[...left.keys()].map(nameOf).join(" and ")}`)

    yield* Effect.forEach([tablet, desktop, phone], ({ switchOff }) => switchOff, { discard: true })
    return tally.verdict() satisfies Verdict
  },
  Effect.scoped,
  Effect.provide(layerSecureRandom)
)
