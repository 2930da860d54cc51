import { assert, describe, it } from "@effect/vitest"
import { only, run, swarm, type WorldEvent } from "../src/index.ts"

describe("whoever looks on", () => {
  it("is called for the kinds of events that it looks at, in the order of all who look on", () => {
    const calls: Array<readonly [string, WorldEvent]> = []
    const note = (who: string) => (event: WorldEvent) => void calls.push([who, event])
    run(swarm({ seed: 4 }), {
      oracles: [{ name: "last", make: () => ({ see: note("oracle") }) }],
      witnesses: [note("first"), only(["Handled", "Opened"], note("some")), only([], note("none")), note("all")]
    })
    const seen = (who: string) => calls.filter(([by]) => by === who).map(([, event]) => event)
    const everything = seen("all")
    const some = everything.filter(({ _tag }) => _tag === "Handled" || _tag === "Opened")
    assert.isAbove(some.length, 10)
    assert.isAbove(everything.length, some.length)
    assert.deepStrictEqual(
      calls,
      everything.flatMap((event) =>
        (some.includes(event) ? ["oracle", "first", "some", "all"] : ["oracle", "first", "all"]).map(
          (who) => [who, event] as const
        )
      )
    )
  })

  it("is called for the frames that it looks at, and of other kinds for all, whoever calls it", () => {
    const everything: Array<WorldEvent> = []
    const some: Array<WorldEvent> = []
    const called: Array<WorldEvent> = []
    const looking = (seen: Array<WorldEvent>) =>
      only(["Opened", "DeviceSent", "MediatorSent"], (event) => void seen.push(event), {
        DeviceSent: ["Reflect", "ClientHello"]
      })
    const byHand = looking(called)
    run(swarm({ seed: 4 }), { oracles: [], witnesses: [(event) => void everything.push(event), looking(some)] })
    for (const event of everything) if (byHand.kinds!.includes(event._tag)) byHand(event)
    const expected = everything.filter((event) =>
      event._tag === "DeviceSent"
        ? event.frame?._tag === "Reflect" || event.frame?._tag === "ClientHello"
        : event._tag === "Opened" || event._tag === "MediatorSent"
    )
    assert.isAbove(expected.filter(({ _tag }) => _tag === "DeviceSent").length, 5)
    assert.isAbove(everything.filter(({ _tag }) => _tag === "DeviceSent").length, 20)
    assert.deepStrictEqual(some, expected)
    assert.deepStrictEqual(called, expected)
  })
})
