import { assert, describe, it } from "@effect/vitest"
import type { ReflectedMessage } from "@d2m/client"
import { Digest } from "../src/Digest.ts"
import {
  compareTraces,
  divergenceText,
  run,
  type RunOptions,
  swarm,
  traced,
  traceLine,
  verify,
  type WorldEvent
} from "../src/index.ts"

const schedule = swarm({ seed: 3, duration: 10_000, faults: "brutal" })

describe("two runs of one schedule", () => {
  it("do not diverge", () => {
    assert.isUndefined(verify(schedule))
  })

  it("diverge in the first event that something from outside has touched, and are told apart there", () => {
    let runs = 0
    // What a run must not have: a memory of the one before it.
    const forgetful: RunOptions = {
      prepare: (world) => {
        if (++runs % 2 === 0) world.after(5_000, () => world.devices.get("phone")?.route.reset())
      }
    }
    const divergence = verify(schedule, forgetful)!
    const lines = traced(schedule).trace
    assert.strictEqual(divergence.first, lines[divergence.index])
    assert.notStrictEqual(divergence.second, divergence.first)
    assert.deepStrictEqual(divergence.before, lines.slice(divergence.index - 5, divergence.index))
    assert.isAtLeast(Number(divergence.second!.split(" ")[0]), 5_000)
    const text = divergenceText(divergence)
    assert.include(text, `the runs differ in event ${divergence.index}:`)
    assert.include(text, `  1 ${divergence.first}`)
    assert.include(text, `  2 ${divergence.second}`)
  })

  it("diverge where one of them ends", () => {
    assert.deepStrictEqual(compareTraces(["a", "b", "c"], ["a", "b"]), {
      index: 2,
      before: ["a", "b"],
      first: "c",
      second: undefined
    })
    assert.include(divergenceText(compareTraces(["a"], [])!), "(has ended)")
    assert.isUndefined(compareTraces([], []))
  })
})

describe("a line of a trace", () => {
  const sent: Array<WorldEvent & { readonly _tag: "DeviceSent" }> = []
  run(schedule, { witnesses: [(event) => event._tag === "DeviceSent" && sent.push(event)] })
  const event = sent.find(({ message }) => message.length > 200)!

  it("says when, who, what, and how long a message is", () => {
    for (const line of traced(schedule).trace) assert.match(line, /^\d+\.\d{4} \S+ [A-Z]\w+/)
    assert.match(traceLine(event), / (phone|desktop|tablet) DeviceSent #\d+: .* \(\d+ B, [0-9a-f]{8}\)$/)
  })

  it("is another one when a single bit of a message is", () => {
    for (let at = 0; at < event.message.length; at++) {
      const message = Uint8Array.from(event.message as Uint8Array)
      message[at]! ^= 1
      assert.notStrictEqual(
        traceLine({ ...event, message })
          .split(" (")
          .at(-1),
        traceLine(event).split(" (").at(-1)
      )
    }
  })

  it("of messages that are handled is another one, and the digest as well, when one of them is not what it was", () => {
    const handled: Array<WorldEvent & { readonly _tag: "Handling" | "Handled" }> = []
    run(schedule, {
      witnesses: [(event) => (event._tag === "Handling" || event._tag === "Handled") && handled.push(event)]
    })
    const digestOf = (event: WorldEvent) => {
      const digest = new Digest()
      digest.add(event)
      return digest.hex
    }
    for (const tag of ["Handling", "Handled"] as const) {
      const event = handled.find(({ _tag }) => _tag === tag)!
      const [first, ...rest] = event.messages as [ReflectedMessage, ...ReadonlyArray<ReflectedMessage>]
      const others: ReadonlyArray<ReflectedMessage> = [
        { ...first, reflectedId: (first.reflectedId + 1) as ReflectedMessage["reflectedId"] },
        { ...first, timestamp: (first.timestamp + 1n) as ReflectedMessage["timestamp"] },
        { ...first, timestamp: (first.timestamp + 0x1_0000_0000n) as ReflectedMessage["timestamp"] },
        { ...first, sender: (first.sender + 1n) as ReflectedMessage["sender"] },
        { ...first, ephemeral: !first.ephemeral }
      ]
      for (const other of others) {
        const changed = { ...event, messages: [other, ...rest] }
        assert.notStrictEqual(traceLine(changed), traceLine(event))
        assert.notStrictEqual(digestOf(changed), digestOf(event))
      }
    }
  })

  it("is another one half a microsecond later", () => {
    assert.notStrictEqual(traceLine({ ...event, at: event.at + 0.0005 }), traceLine(event))
  })
})
