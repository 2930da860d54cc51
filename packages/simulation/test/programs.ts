/**
 * Applications for simulations: one that is right, and one that is not; and a world of two devices for them.
 */
import { D2d } from "@d2m/codec"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import {
  type OracleMaker,
  type Program,
  programSchedule,
  runProgram,
  type Schedule,
  type SimulateOptions
} from "../src/index.ts"

export const two: SimulateOptions = { devices: ["phone", "desktop"] }

/** A world in which only this goes wrong. */
export const world = (faults: Schedule["faults"] = []): Schedule => ({
  ...programSchedule(1, { ...two, faults: "none", duration: 20_000 }),
  faults
})

/** What a program breaks in such a world. */
export const violationOf = (program: Program, schedule = world(), options = two) =>
  runProgram(schedule, program, options).violation

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const item = (name: string) => ({
  _tag: "outgoingMessage" as const,
  value: D2d.OutgoingMessage.make({ body: encoder.encode(name) })
})

/** Everybody puts things on the list; in the end all have the same list. */
export const shoppingList: Program = (group) =>
  Effect.gen(function* () {
    const lists = new Map(group.devices.map((name) => [name, new Set<string>()]))
    group.onReflected(
      (name) => (batch) =>
        Effect.sync(() => {
          for (const { content } of batch) {
            if (content?._tag === "outgoingMessage") lists.get(name)!.add(decoder.decode(content.value.body))
          }
        })
    )
    yield* group.joined
    const all = group.devices.flatMap((name) => ["milk", "bread", "tea", "figs"].map((what) => `${what} for ${name}`))
    for (const what of all) {
      const name = what.split(" for ")[1]!
      lists.get(name)!.add(what)
      yield* group.on(name, (device) => device.reflect(item(what)))
      yield* Effect.sleep("4 seconds")
    }
    yield* group.settled
    for (const list of lists.values()) assert.sameMembers([...list], all)
  })

/** Everybody counts what the phone says: wrong, because a message may come again after a crash. */
export const counter: Program = (group) =>
  Effect.gen(function* () {
    let count = 0
    group.onReflected(
      () => (batch) =>
        Effect.sync(() => {
          count += batch.length
        })
    )
    yield* group.joined
    for (let said = 0; said < 10; said++) {
      yield* group.on("phone", (device) => device.reflect(item("one more")))
      yield* Effect.sleep("5 seconds")
    }
    yield* group.settled
    assert.strictEqual(count, 10)
  })

/** Objects to whoever says something. */
export const silence: OracleMaker = {
  name: "silence",
  make: (report) => ({
    see: (event) => {
      if (event._tag !== "DeviceSent" || event.frame?._tag !== "Reflect") return
      report({ rule: "nobody speaks", device: event.device, found: "a reflect", expected: "nothing" })
    }
  })
}
