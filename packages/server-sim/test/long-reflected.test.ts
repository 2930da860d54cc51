/** Long messages, which are not copied for each device that gets them, on their way to transports of either kind. */
import { assert, describe, it } from "@effect/vitest"
import { decodeServerFrame, encodeClientFrame, type ServerFrame } from "@d2m/codec"
import { makeMemoryStore, Mediator, MediatorStore, type Transport } from "@d2m/server-sim"
import { Effect, Layer, Result } from "effect"
import { hello, reflect } from "./drive.ts"
import { answer, bareTransport, mediatorWith, path } from "./memory-device.ts"

interface Piece {
  readonly head: Uint8Array
  readonly envelope: Uint8Array
}

/** A device whose transport takes a `reflected` in two pieces, and the bytes of all that it has got. */
const inTwo = ({ attach }: Mediator["Service"]) => {
  const frames: Array<ServerFrame> = []
  const pieces: Array<Piece> = []
  const got = (bytes: Uint8Array): void => void frames.push(Result.getOrThrow(decodeServerFrame(bytes)))
  const transport = bareTransport({
    send: got,
    sendReflected: (head, envelope) => {
      pieces.push({ head, envelope })
      got(new Uint8Array(Buffer.concat([head, envelope])))
    }
  })
  return { frames, pieces, transport, attachment: attach(path, transport) }
}

const inOne = ({ attach }: Mediator["Service"]) => {
  const frames: Array<ServerFrame> = []
  const send: Transport["send"] = (bytes) => void frames.push(Result.getOrThrow(decodeServerFrame(bytes)))
  return { frames, attachment: attach(path, bareTransport({ send })) }
}

type Device = Pick<ReturnType<typeof inTwo>, "frames" | "attachment">

const register = (device: Device, id: number, expectedDeviceSlotState = 0): void => {
  const serverHello = device.frames[0]
  assert(serverHello?._tag === "ServerHello")
  device.attachment.received([encodeClientFrame(hello(id, { response: answer(serverHello), expectedDeviceSlotState }))])
}

const reflected = ({ frames }: Device) => frames.filter((frame) => frame._tag === "Reflected")

/** A frame as a socket reads it: with others in one buffer. */
const inLargerBuffer = (frame: Uint8Array): Uint8Array => {
  const buffer = new Uint8Array(4 * frame.length + 1024)
  buffer.set(frame, 512)
  return buffer.subarray(512, 512 + frame.length)
}

const envelopeOf = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31) & 0xff)

const bodies = { "a message": 0, "an ephemeral": 1 } as const

describe("a long reflected", () => {
  for (const [what, flags] of Object.entries(bodies)) {
    it.effect(`${what} is the same bytes for all who take it in two pieces, and keeps no read of its sender's`, () =>
      Effect.gen(function* () {
        const mediator = yield* Mediator
        const [sender, one, other, whole] = [inTwo(mediator), inTwo(mediator), inTwo(mediator), inOne(mediator)]
        for (const [n, device] of [sender, one, other, whole].entries()) register(device, n + 1)
        const envelope = envelopeOf(16_384)
        sender.attachment.received([inLargerBuffer(encodeClientFrame(reflect(1, { flags, envelope })))])
        for (const device of [one, other, whole]) {
          const [message] = reflected(device)
          assert.strictEqual(message!.flags, flags)
          assert.strictEqual(message!.reflectedId, 1)
          assert.deepStrictEqual(new Uint8Array(message!.envelope), envelope)
        }
        const [first, second] = [one.pieces[0]!, other.pieces[0]!]
        assert.strictEqual(first.envelope.buffer, second.envelope.buffer)
        assert.strictEqual(first.head.length, 20)
        assert.isAtMost(first.envelope.buffer.byteLength, 2 * envelope.length)
      }).pipe(Effect.provide(mediatorWith({})))
    )
  }

  it.effect("counts with all of its bytes", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const sent: Array<number> = []
      yield* mediator.observe((happening) => {
        if (happening._tag === "Ended") sent.push(happening.connection.traffic.bytesOut)
      })
      const bytesOut = (length: number, slotState: number): number => {
        const [sender, one] = [inTwo(mediator), inTwo(mediator)]
        for (const [n, device] of [sender, one].entries()) register(device, n + 1, slotState)
        sender.attachment.received([encodeClientFrame(reflect(1, { flags: 1, envelope: envelopeOf(length) }))])
        assert.strictEqual(one.pieces.length, length < 2048 ? 0 : 1)
        one.attachment.gone()
        return sent.at(-1)!
      }
      // A first ServerInfo is shorter.
      bytesOut(1, 0)
      assert.strictEqual(bytesOut(5000, 1) - bytesOut(1, 1), 4999)
    }).pipe(Effect.provide(mediatorWith({})))
  )

  /** Reads messages as a store may that reads many at once: more than as much lies beside each of them. */
  const readsMany = () => {
    const memory = makeMemoryStore()
    return Layer.succeed(MediatorStore, {
      ...memory,
      read: (...asked) =>
        Effect.map(memory.read(...asked), (messages) =>
          messages.map((message) => ({ ...message, envelope: inLargerBuffer(message.envelope) }))
        )
    })
  }

  for (const [store, layer, long] of [
    ["has it by itself", MediatorStore.layerMemory, [2048, 5000]],
    ["has read much else with it", Layer.suspend(readsMany), []]
  ] as const) {
    it.effect(`that waited in a store which ${store} is ${long.length > 0 ? "two pieces" : "one"}`, () =>
      Effect.gen(function* () {
        const mediator = yield* Mediator
        const [sender, one] = [inTwo(mediator), inTwo(mediator)]
        for (const [n, device] of [sender, one].entries()) register(device, n + 1)
        one.attachment.gone()
        const lengths = [0, 1, 1000, 2047, 2048, 5000]
        for (const [n, length] of lengths.entries()) {
          sender.attachment.received([encodeClientFrame(reflect(n + 1, { envelope: envelopeOf(length) }))])
        }
        const again = inTwo(mediator)
        register(again, 2, 1)
        yield* Effect.yieldNow
        assert.deepStrictEqual(
          reflected(again).map(({ envelope }) => new Uint8Array(envelope)),
          lengths.map(envelopeOf)
        )
        assert.deepStrictEqual(
          again.pieces.map(({ envelope }) => envelope.length),
          [...long]
        )
      }).pipe(Effect.provide(mediatorWith({}, { store: layer })))
    )
  }
})
