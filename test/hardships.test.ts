/** Our own client lives with what every client should live with. */
import { type Content, type Device, type DeviceHandlers, DeviceStore, makeDevice } from "@d2m/client"
import { Crypto, D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Fault, hardships, type Hardship, type JournalEntry, type Link, Mediator } from "@d2m/server-sim"
import { Effect, Fiber, Layer, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"

const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(5))

const contentOf = (n: number): Content => ({
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({ messageId: BigInt(n) })
})

const device = (id: number, socket: Socket.Socket, onReflected: DeviceHandlers["onReflected"]) =>
  makeDevice({
    deviceId: DeviceId.make(BigInt(id)),
    groupKey,
    identity: "ECHOECHO",
    description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "" },
    onReflected
  }).pipe(Effect.provide([Layer.succeed(Socket.Socket, socket), DeviceStore.layerMemory]))

/** The second dial goes over a hard link, all others over an easy one. */
const inTurn = (hard: Link, easy: Link): Socket.Socket => {
  let dials = 0
  const current = (): Socket.Socket => (dials === 2 ? hard : easy).socket
  return Socket.make({
    reader: Effect.suspend(() => {
      dials++
      return current().reader
    }),
    writer: Effect.suspend(() => current().writer)
  })
}

const collector = () => {
  const handled = new Set<number>()
  const onReflected: DeviceHandlers["onReflected"] = (batch) =>
    Effect.sync(() => {
      for (const { content } of batch) {
        if (content?._tag === "outgoingMessage") handled.add(Number(content.value.messageId))
      }
    })
  return { handled, onReflected }
}

const say = (sender: Device["Service"], n: number) => Effect.forkScoped(sender.reflect(contentOf(n)))

const live = Effect.fnUntraced(function* ({ faults, mayAsk }: Hardship) {
  const mediator = yield* Mediator
  const { groupId: deviceGroupId } = (yield* Crypto).deriveKeys(groupKey)
  const path = { deviceGroupId, serverGroup: "7a" }
  const [hard, easy] = [yield* mediator.link(path, { faults }), yield* mediator.link(path)]
  const fired: Array<string> = []
  yield* Stream.runForEach(mediator.journal, (entry: JournalEntry) =>
    Effect.sync(() => void (entry._tag === "FaultFired" && fired.push(entry.fault)))
  ).pipe(Effect.forkScoped)
  const [onPhone, onDesktop] = [collector(), collector()]
  const desktop = yield* device(2, yield* mediator.connect(path), onDesktop.onReflected)
  yield* TestClock.adjust("1 second")
  const phone = yield* device(1, inTurn(hard, easy), onPhone.onReflected)
  yield* TestClock.adjust("1 second")
  yield* Effect.scoped(easy.inject(Fault.Cut()))
  const said = [yield* say(phone, 1), yield* say(phone, 2)]
  yield* TestClock.adjust("5 seconds")
  said.push(yield* say(desktop, 3), yield* say(desktop, 4))
  yield* TestClock.adjust("5 seconds")
  yield* mediator.close({ groupId: deviceGroupId, deviceId: DeviceId.make(1n) }, 1001)
  yield* TestClock.adjust("1 second")
  yield* hard.inject(Fault.Cut())
  yield* TestClock.adjust("60 seconds")
  const state = yield* phone.state.get
  assert.isTrue(state._tag !== "NeedsUser" || mayAsk, "no need for the user")
  if (state._tag === "NeedsUser") yield* phone.resume({ _tag: "Continue" })
  yield* TestClock.adjust("60 seconds")
  for (const fiber of said) yield* Fiber.join(fiber)
  yield* TestClock.adjust("1 second")
  return { fired, phone: onPhone.handled, desktop: onDesktop.handled }
}, Effect.scoped)

/** What happens before the mediator has a connection is told nowhere. A stalled link cannot even be dialed. */
const untold: ReadonlySet<string> = new Set(["Cut", "Close", "Unreachable", "Stall"])

describe("a device lives with", () => {
  for (const hardship of hardships) {
    it.effect(hardship.name, () =>
      Effect.gen(function* () {
        const { desktop, fired, phone } = yield* live(hardship)
        for (const { _tag } of hardship.faults) if (!untold.has(_tag)) assert.include(fired, _tag)
        assert.deepStrictEqual({ phone, desktop }, { phone: new Set([3, 4]), desktop: new Set([1, 2]) })
      }).pipe(Effect.provide([Mediator.layerTest, Crypto.layer, SecureRandom.layerWebCrypto]))
    )
  }
})
