import { assert, it } from "@effect/vitest"
import { Box, ReflectedId, Timestamp } from "@d2m/codec"
import { Effect } from "effect"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { dequeue, enqueue, makePeer } from "../src/Peer.ts"
import { groupKeyOf } from "../src/State.ts"
import { bareTransport, path } from "./memory-device.ts"

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

/** What was looked at in one turn is not collected before the next. */
const nextTurn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

it.live("of an outbox in which something always waits for the store, what has left is let go of", () =>
  Effect.gen(function* () {
    const { deviceGroupId, serverGroup } = path
    const peer = makePeer(1, deviceGroupId, groupKeyOf(deviceGroupId), serverGroup, bareTransport())
    const envelopes: Array<WeakRef<Uint8Array>> = []
    const put = (): void => {
      const envelope = Box.make("dgrk", new Uint8Array(4_096))
      envelopes.push(new WeakRef(envelope))
      const frame = { _tag: "Reflected", flags: 0, envelope } as const
      enqueue(peer, {
        _tag: "Send",
        connection: 1,
        after: envelopes.length,
        frame: { ...frame, reflectedId: ReflectedId.make(envelopes.length), timestamp: Timestamp.make(0n) }
      })
    }
    put()
    for (let n = 0; n < 100; n++) {
      put()
      dequeue(peer)
    }
    yield* nextTurn
    collect()
    assert.strictEqual(envelopes.filter((ref) => ref.deref() !== undefined).length, 1)
    assert.isAbove(peer.outboxBytes, 4_096)
  })
)
