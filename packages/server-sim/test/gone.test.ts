/** Connections that have gone: nothing of them is kept, whatever they waited for. */
import { assert, describe, it } from "@effect/vitest"
import { type ClientFrame, decodeServerFrame, encodeClientFrame, type ServerFrame } from "@d2m/codec"
import { ChatUpstream, Mediator, type Transport } from "@d2m/server-sim"
import { Effect, Result } from "effect"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { WebSocket } from "ws"
import { commit, hello, reflect } from "./drive.ts"
import { fragileStore } from "./fragile-store.ts"
import { answer, bareTransport, join, mediatorWith, path } from "./memory-device.ts"
import { answers, ends, greeted, join as dialIn, loopback, served } from "./served-mediator.ts"

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

/** What was looked at in one turn is not collected before the next. */
const nextTurn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** A connection over a transport that only the mediator knows. */
const attached = ({ attach }: Mediator["Service"]) => {
  const got: Array<ServerFrame> = []
  const transport = bareTransport({
    send: (bytes) => void got.push(Result.getOrThrow(decodeServerFrame(bytes))),
    buffered: () => 100
  })
  const { gone, received } = attach(path, transport)
  const send = (...frames: ReadonlyArray<ClientFrame>) => received(frames.map((frame) => encodeClientFrame(frame)))
  return { ref: new WeakRef(transport), got, gone, send }
}

type Connection = ReturnType<typeof attached>

/** Device 2 on its slot. */
const registered = (mediator: Mediator["Service"]): Connection => {
  const device = attached(mediator)
  const [serverHello] = device.got
  assert(serverHello?._tag === "ServerHello")
  device.send(hello(2, { response: answer(serverHello), expectedDeviceSlotState: 1 }))
  return device
}

describe("of a connection that has gone the mediator keeps nothing", () => {
  type Store = ReturnType<typeof fragileStore>
  const large = reflect(1, { envelope: new Uint8Array(5_000) })

  const connections: Readonly<Record<string, (mediator: Mediator["Service"], store: Store) => Connection>> = {
    "that was asked for its key": attached,
    "that was registered": registered,
    "that talked to a chat server": (mediator) => {
      const device = registered(mediator)
      device.send({ _tag: "Proxy", data: new Uint8Array(1) })
      return device
    },
    "that waited for an ack": (mediator, { applyGate }) => {
      const device = registered(mediator)
      applyGate.closeUnsafe()
      device.send(reflect(1))
      return device
    },
    "that was not read because the store was behind": (mediator, { applyGate }) => {
      const device = registered(mediator)
      applyGate.closeUnsafe()
      device.send(large)
      return device
    },
    "whose close waited for the store": (mediator, { applyGate }) => {
      const device = registered(mediator)
      applyGate.closeUnsafe()
      device.send(reflect(1), commit)
      return device
    },
    "whose messages were being read": (mediator, { readGate }) => {
      readGate.closeUnsafe()
      return registered(mediator)
    },
    "whose group was being loaded": (mediator, { gate }) => {
      gate.closeUnsafe()
      return attached(mediator)
    },
    "whose group was still to be written": (mediator, { applyGate }) => {
      const before = registered(mediator)
      applyGate.closeUnsafe()
      before.send(reflect(1))
      before.gone()
      return attached(mediator)
    }
  }

  for (const [how, connect] of Object.entries(connections)) {
    it.live(how, () => {
      const store = fragileStore()
      const gates = [store.gate, store.applyGate, store.readGate]
      const comeAndGo = (mediator: Mediator["Service"]): WeakRef<Transport> => {
        const { gone, ref } = connect(mediator, store)
        gone()
        return ref
      }
      return Effect.gen(function* () {
        const messageForDevice2 = Effect.gen(function* () {
          const a = yield* join(1)
          yield* Effect.scoped(join(2))
          yield* a.send(reflect(1))
          yield* a.until("ReflectAck")
        })
        yield* Effect.scoped(messageForDevice2)
        const ref = comeAndGo(yield* Mediator)
        for (const gate of gates) gate.openUnsafe()
        const other = yield* join(3)
        yield* other.send(reflect(1))
        yield* other.until("ReflectAck")
        yield* nextTurn
        collect()
        assert.isUndefined(ref.deref())
      }).pipe(
        Effect.ensuring(Effect.sync(() => gates.forEach((gate) => gate.openUnsafe()))),
        Effect.provide(
          mediatorWith({ storeHighWater: 4_000, idleGroups: 0 }, { store: store.layer, chat: ChatUpstream.layerEcho })
        )
      )
    })
  }

  it.live("that came over a WebSocket", () =>
    Effect.gen(function* () {
      const a = yield* dialIn(1)
      const end = yield* ends
      const comeAndGo = Effect.andThen(Effect.scoped(Effect.asVoid(greeted())), end)
      const webSockets = Effect.andThen(
        nextTurn,
        Effect.sync(() => V8.queryObjects(WebSocket, { format: "count" }))
      )
      yield* comeAndGo
      yield* answers(a)
      const before = yield* webSockets
      for (let n = 0; n < 20; n++) yield* comeAndGo
      yield* answers(a)
      assert.isBelow((yield* webSockets) - before, 10)
    }).pipe(Effect.provide(served({}, { ...loopback, guards: { failedHandshakes: 100 } })))
  )
})
