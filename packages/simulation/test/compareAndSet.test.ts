// What an application may build on a precondition: an edit of what it has seen last, under the group's lock.
import { D2d } from "@d2m/codec"
import { Transaction } from "@d2m/client"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { type Program, programSchedule, type Schedule } from "../src/index.ts"
import { it as simulated } from "../src/vitest.ts"
import { two, violationOf } from "./programs.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

interface Note {
  readonly revision: number
  readonly text: string
}

const contentOf = (note: Note) => ({
  _tag: "outgoingMessage" as const,
  value: D2d.OutgoingMessage.make({ messageId: 1n, body: encoder.encode(`${note.revision} ${note.text}`) })
})

/** Everybody edits one note, each time from what it was when they began; nobody's edit is lost. */
const note: Program = (group) =>
  Effect.gen(function* () {
    const notes = new Map(group.devices.map((name): [string, Note] => [name, { revision: 0, text: "" }]))
    const history = new Map<number, string>()
    const learn = (name: string, note: Note): void => {
      const first = history.get(note.revision)
      if (first === undefined) history.set(note.revision, note.text)
      else assert.strictEqual(note.text, first, `one text for revision ${note.revision}`)
      if (notes.get(name)!.revision < note.revision) notes.set(name, note)
    }
    group.onReflected(
      (name) => (batch) =>
        Effect.sync(() => {
          for (const { content } of batch) {
            if (content?._tag !== "outgoingMessage") continue
            const [revision, text] = decoder.decode(content.value.body).split(" ")
            learn(name, { revision: Number(revision), text: text! })
          }
        })
    )
    yield* group.joined
    const edit = (name: string, text: string) =>
      group.on(name, (device) =>
        Effect.suspend(() => {
          const { revision } = notes.get(name)!
          const next: Note = { revision: revision + 1, text }
          const precondition = Effect.sync(() => notes.get(name)!.revision === revision)
          const body = Effect.flatMap(Transaction, (transaction) => transaction.reflect(contentOf(next)))
          const scope = D2d.TransactionScopeScope.SETTINGS_SYNC
          // Who is not told whether it was committed gets no message of it either, and must not use the revision again.
          return device.transaction({ scope, precondition }, body).pipe(
            Effect.map(() => learn(name, next)),
            Effect.tapError((error) =>
              Effect.sync(() => {
                if (error._tag === "TransactionLost" && error.committed === "unknown") notes.set(name, next)
              })
            )
          )
        })
      )
    const editor = (name: string) =>
      Effect.gen(function* () {
        for (let round = 0; round < 6; round++) {
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 5000))
          yield* Effect.ignore(edit(name, `${name}-${round}`))
        }
      })
    yield* Effect.all(group.devices.map(editor), { concurrency: "unbounded" })
    yield* group.settled
  })

/** A minute in which the handlers of both take their time, under some seed. */
const slow = (seed: number): Schedule => ({
  ...programSchedule(seed, { ...two, faults: "none" }),
  faults: (two.devices as ReadonlyArray<string>).map((device) => ({
    at: 1,
    fault: { _tag: "HandlerSlow", device, by: 800, lasts: 60_000 }
  }))
})

describe("compare and set", () => {
  simulated.simulate("loses no edit under what seeds draw", note, { ...two, seeds: 20 })

  it("loses no edit, however slow handlers are", () => {
    for (let seed = 1; seed <= 10; seed++) assert.isUndefined(violationOf(note, slow(seed)))
  })
})
