import { violationCode } from "@d2m/codec/node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { EventEmitter } from "node:events"
import * as Ws from "ws"

interface Receiver extends EventEmitter {
  readonly write: (bytes: Uint8Array) => void
}
const { Receiver } = Ws as unknown as { readonly Receiver: new (options: object) => Receiver }

/** What `ws` says of bytes that it does not accept: its error's code, and the one that it closes with itself. */
const refused = (bytes: ReadonlyArray<number>) =>
  Effect.callback<readonly [code: string | undefined, closeCode: unknown]>((resume) => {
    const receiver = new Receiver({ maxPayload: 100, maxFragments: 1, maxBufferedChunks: 1 })
    receiver.once("error", (error: NodeJS.ErrnoException & Record<symbol, unknown>) => {
      const status = Object.getOwnPropertySymbols(error).find((symbol) => symbol.description === "status-code")!
      resume(Effect.succeed([error.code, error[status]]))
    })
    receiver.write(Uint8Array.from(bytes))
  })

const violations: ReadonlyArray<readonly [name: string, bytes: ReadonlyArray<number>]> = [
  ["a message longer than its limit", [0x82, 126, 1, 0]],
  ["a length of more than 2^53", [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]],
  ["more fragments than may be", [0x02, 1, 0, 0x00, 1, 0]],
  ["text that is no UTF-8", [0x81, 1, 0xff]],
  ["a reserved bit", [0xa2, 0]],
  ["an opcode that is none", [0x83, 0]],
  ["a masked frame of a server", [0x82, 0x80, 0, 0, 0, 0]],
  ["a ping in fragments", [0x09, 0]],
  ["a close code that is none", [0x88, 2, 0, 1]]
]

describe("what ws does not accept", () => {
  for (const [name, bytes] of violations) {
    it.effect(`${name} ends with the code that ws closes with`, () =>
      Effect.gen(function* () {
        const [code, closeCode] = yield* refused(bytes)
        assert.isNumber(closeCode)
        assert.strictEqual(violationCode(code), closeCode)
      })
    )
  }

  it("other errors have no such code", () => {
    assert.deepStrictEqual([violationCode("ECONNRESET"), violationCode(undefined)], [undefined, undefined])
  })
})
