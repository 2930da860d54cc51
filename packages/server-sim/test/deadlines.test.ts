import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { cancel, type Deadline, makeDeadlines, nextAt, popDue, schedule, type Scheduled } from "../src/Deadlines.ts"
import { begin, commit, drive, id } from "./drive.ts"

const Step = Schema.Tuple([
  Schema.Literals(["schedule", "cancel", "pop"]),
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
])

const idle = (connection: number): Deadline => ({ _tag: "Idle", connection })

describe("deadlines", () => {
  it.prop(
    "come in the order of their times, and in the order in which they were set, unless they were cancelled",
    { steps: Schema.Array(Step).check(Schema.isMaxLength(200)) },
    ({ steps }) => {
      const deadlines = makeDeadlines()
      const set: Array<Scheduled> = []
      /** What must still come: an oracle that sorts. */
      let model: Array<{ readonly at: number; readonly connection: number }> = []
      const sorted = () => model.toSorted((a, b) => a.at - b.at || a.connection - b.connection)
      for (const [what, number] of steps) {
        if (what === "schedule") {
          model.push({ at: number, connection: set.length })
          set.push(schedule(deadlines, number, idle(set.length)))
        } else if (what === "cancel" && set.length > 0) {
          const connection = number % set.length
          model = model.filter((entry) => entry.connection !== connection)
          cancel(deadlines, set[connection]!)
        } else {
          const first = sorted()[0]
          const isDue = first !== undefined && first.at <= number
          if (isDue) model = model.filter((entry) => entry !== first)
          assert.deepStrictEqual(popDue(deadlines, number), isDue ? idle(first.connection) : undefined)
        }
        assert.strictEqual(nextAt(deadlines), sorted()[0]?.at ?? Infinity)
      }
      for (const { connection } of sorted()) assert.deepStrictEqual(popDue(deadlines, 20), idle(connection))
      assert.isUndefined(popDue(deadlines, Infinity))
    },
    { arbitrary: { runs: 300, size: 200, seed: 3 } }
  )

  it("of what is begun and ended in a loop do not pile up", () => {
    const d = drive()
    const a = d.join(1, { deviceSlotExpirationPolicy: 0 })
    d.join(2)
    const before = d.state().deadlines.heap.length
    for (let n = 0; n < 100; n++) {
      a.send(begin(1, 1 + (n % 60)), commit)
      a.take()
    }
    assert.strictEqual(d.state().deadlines.heap.length, before)
    a.send(begin(1, 30))
    a.gone()
    for (let n = 0; n < 100; n++) d.rejoin(1, { deviceSlotExpirationPolicy: 0 }).gone()
    const graces = d.state().deadlines.heap.filter(({ deadline }) => deadline._tag === "VolatileGrace")
    assert.deepStrictEqual(
      graces.map(({ deadline }) => deadline),
      [{ _tag: "VolatileGrace", groupKey: d.group()!.key, deviceId: id(1) }]
    )
  })
})
