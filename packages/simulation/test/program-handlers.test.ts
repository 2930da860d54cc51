import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { programSchedule, runProgram, type SimulateOptions } from "../src/index.ts"
import { two, violationOf } from "./programs.ts"

const ignore = () => () => Effect.void

describe("what a program has its devices do with messages", () => {
  it("is refused once a device has started, which would go on without it", () => {
    const late = violationOf((group) =>
      Effect.gen(function* () {
        yield* group.joined
        group.onReflected(ignore)
      })
    )
    assert.deepInclude(late, { oracle: "program", rule: "the program succeeds" })
    assert.match(late!.found, /onReflected after (phone|desktop) has started/)
  })

  it("is refused the second time, which would take back the first", () => {
    const twice = violationOf((group) =>
      Effect.sync(() => {
        group.onReflected(ignore)
        group.onReflected(ignore)
      })
    )
    assert.match(twice!.found, /onReflected for the second time/)
  })

  it("may be said after a while in which no time passes, and anew in each run", () => {
    for (let run = 0; run < 2; run++) {
      let made = 0
      const violation = violationOf((group) =>
        Effect.gen(function* () {
          for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
          group.onReflected(() => {
            made++
            return () => Effect.void
          })
          yield* group.settled
        })
      )
      assert.isUndefined(violation)
      assert.strictEqual(made, 2)
    }
  })
})

describe("what a program has its devices say to the chat server", () => {
  it("is said on each session, and what comes back is heard, whatever goes wrong", () => {
    for (let seed = 0; seed < 5; seed++) {
      const sessions = new Map<string, number>()
      const heard = new Map<string, number>()
      const more = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
      const options: SimulateOptions = { ...two, chats: true, duration: 60_000 }
      const { violation } = runProgram(
        programSchedule(seed, options),
        (group) =>
          Effect.gen(function* () {
            group.onChat(
              (name) =>
                ({ incoming, send }) =>
                  Effect.gen(function* () {
                    more(sessions, name)
                    yield* Effect.ignore(send(new TextEncoder().encode(`hello from ${name}`)))
                    yield* Stream.runForEach(incoming, (bytes) =>
                      Effect.sync(() => {
                        if (new TextDecoder().decode(bytes) === `hello from ${name}`) more(heard, name)
                      })
                    )
                    return { _tag: "Ended" } as const
                  })
            )
            yield* group.joined
            yield* group.settled
          }),
        options
      )
      assert.isUndefined(violation)
      for (const name of ["phone", "desktop"]) {
        assert.isAtLeast(heard.get(name) ?? 0, 1)
        assert.isAtMost(heard.get(name)!, sessions.get(name)!)
      }
    }
  })

  it("is a defect of its own when it dies", () => {
    const options: SimulateOptions = { ...two, chats: true, faults: "none", duration: 5_000 }
    const { violation } = runProgram(
      programSchedule(1, options),
      (group) => {
        group.onChat(() => () => {
          throw new Error("on a banana")
        })
        return group.settled
      },
      options
    )
    assert.deepInclude(violation, { oracle: "defects", rule: "no chat handler dies" })
    assert.include(violation!.found, "on a banana")
  })

  it("is refused when it comes too late, or twice", () => {
    const late = violationOf((group) =>
      Effect.andThen(
        group.joined,
        Effect.sync(() => group.onChat(() => () => Effect.succeed({ _tag: "Ended" })))
      )
    )
    assert.match(late!.found, /onChat after (phone|desktop) has started/)
  })

  it("is said by all devices, or none, where that is asked for", () => {
    for (let seed = 0; seed < 20; seed++) {
      for (const chats of [true, false]) {
        for (const device of programSchedule(seed, { chats }).devices) assert.strictEqual(device.chats, chats)
      }
    }
  })
})
