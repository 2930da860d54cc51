/** What the state keeps of the buffers in which messages came: their own bytes, and not the rest. */
import { assert, describe, it } from "@effect/vitest"
import { Box, type ClientFrame, encodeClientFrame } from "@d2m/codec"
import { begin, bytes, drive, ephemeral, hello, reflect, type Wire } from "./drive.ts"

const large = 1024 * 1024

/** Sends a frame that came in one piece with much else. */
const sendAmongOthers = (wire: Wire, frame: ClientFrame): void => {
  const message = encodeClientFrame(frame)
  const read = new Uint8Array(large)
  read.set(message, 100)
  wire.raw(read.subarray(100, 100 + message.length))
}

/** The length of the largest buffer that can be reached from here. */
const largestBuffer = (value: unknown, seen = new Set<unknown>()): number => {
  if (typeof value !== "object" || value === null || seen.has(value)) return 0
  seen.add(value)
  if (value instanceof Uint8Array) return value.buffer.byteLength
  const parts = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  return Math.max(0, ...parts.map((part) => largestBuffer(part, seen)))
}

describe("of the buffer in which it came, the state keeps nothing but the", () => {
  const told: Readonly<Record<string, (a: Wire, b: Wire) => void>> = {
    "device info of a slot": (_a, b) => sendAmongOthers(b, hello(2)),
    "shared device data": (a) =>
      sendAmongOthers(a, {
        _tag: "SetSharedDeviceData",
        encryptedSharedDeviceData: Box.make("dgsddk", bytes(1))
      }),
    "scope of a transaction": (a) => sendAmongOthers(a, begin(1)),
    "envelopes of a transaction": (a) => {
      a.send(begin(1))
      sendAmongOthers(a, reflect(1))
    },
    "ephemeral that waits": (a, b) => {
      b.send(hello(2))
      sendAmongOthers(a, ephemeral(1))
    }
  }
  for (const [what, tell] of Object.entries(told)) {
    it(what, () => {
      const d = drive()
      const [a, b] = [d.join(1), d.open()]
      d.feed({ _tag: "Congested", connection: b.connection })
      tell(a, b)
      assert.isUndefined(a.closed() ?? b.closed())
      assert.isBelow(largestBuffer(d.state()), 1024)
    })
  }
})
