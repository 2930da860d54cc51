import { assert, it } from "@effect/vitest"
import { Duplex } from "node:stream"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { makeFrameWriter } from "../src/node/FrameWriter.ts"

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

/** What was looked at in one turn is not collected before the next. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** A socket whose network takes one write at a time, when it is told to. */
const slowSocket = () => {
  let taken: (() => void) | undefined
  const socket = new Duplex({
    read: () => {},
    write: (_bytes, _encoding, done) => {
      taken = done
    }
  })
  const take = async (): Promise<void> => {
    const done = taken!
    taken = undefined
    done()
    await nextTurn()
  }
  return { socket, take }
}

it("what the network has taken is let go of, also while there is always more", async () => {
  const { socket, take } = slowSocket()
  const writer = makeFrameWriter(
    socket,
    0,
    () => true,
    () => {}
  )
  const pushed: Array<WeakRef<Uint8Array>> = []
  const push = (): void => {
    for (let n = 0; n < 4; n++) {
      const [frame, envelope] = [new Uint8Array(20), new Uint8Array(32_768)]
      writer.push(frame, envelope)
      pushed.push(new WeakRef(frame), new WeakRef(envelope))
    }
    writer.flush()
  }
  push()
  for (let n = 0; n < 20; n++) {
    push()
    await take()
    await take()
  }
  assert.isAbove(writer.waiting(), 0)
  await nextTurn()
  collect()
  const kept = pushed.filter((ref) => ref.deref() !== undefined).length
  assert.isAtMost(kept, 16)
  socket.destroy()
})
