import { assert, describe, it } from "@effect/vitest"
import type { Answer } from "../../src/index.ts"
import { handedBack } from "../../src/oracles/device/HandedBack.ts"
import { boxed, type Line, Story } from "./Story.ts"

const told = (tell: (story: Story, phone: Line) => unknown): ReadonlyArray<string> => {
  const story = new Story(
    handedBack,
    { client: { chat: 1 } },
    [],
    [{ at: 0, device: "phone", operation: { _tag: "ListDevices" } }]
  )
  story.machine("phone", "Started").state("phone", { _tag: "Connecting", attempt: 1, pendingReflects: 0 }).wait(1)
  tell(story, story.live("phone"))
  return story.end()
}
const right = (tell: (story: Story, phone: Line) => unknown): void => assert.deepStrictEqual(told(tell), [])
const breaks = (rule: string, tell: (story: Story, phone: Line) => unknown): void =>
  assert.deepStrictEqual(told(tell), [rule])

const contents = "a device that stops gives back what was never acked, each once, and nothing else"
const order = "a device that stops gives back what was never acked in the order in which it was given"

/** Later than anything before, the device is asked to reflect `count` messages from `first` on. */
const reflects = (story: Story, first: number, count = 1) =>
  story.wait(10).ask("phone", { _tag: "Reflect", count, bytes: 10 }, first)
const stopped = (...unacked: ReadonlyArray<number>): Answer => ({ _tag: "Failed", error: "DeviceStopped", unacked })

/** Two calls, of which 1 is acked, 2 and 3 were written, and 4 to 6 were not. */
const underWay = (story: Story, phone: Line) => {
  const calls = [reflects(story, 1, 3), reflects(story, 4), reflects(story, 5, 2)] as const
  phone.reflect(1, boxed(1)).reflect(2, boxed(2)).reflect(3, boxed(3)).ack(1)
  story.wait(10).machine("phone", "Stopped")
  return calls
}

describe("handed back", () => {
  it("accepts what has no ack, in its order, as a whole and to each call", () => {
    right((story, phone) => {
      const [first, second, third] = underWay(story, phone)
      const unacked = [2, 3, 4, 5, 6]
      story.state("phone", { _tag: "Stopped", died: false, pendingReflects: unacked.length })
      second(stopped(4))
      first(stopped(2, 3))
      third(stopped(5, 6))
      story.handedBack("phone", unacked)
    })
    right((story) => story.machine("phone", "Stopped").handedBack("phone", []))
  })

  it("knows of what was written again, given up, and acked on another connection", () => {
    right((story, phone) => {
      const [done, failed] = [reflects(story, 1), reflects(story, 2)]
      reflects(story, 3, 2)
      phone.reflect(1, boxed(1, 11)).reflect(2, boxed(2, 12)).reflect(3, boxed(3, 13)).ack(1).lose(1006)
      done({ _tag: "Done", timestamps: [1] })
      failed({ _tag: "Failed", error: "Interrupted" })
      const again = story.live("phone", { existing: true })
      again.reflect(4, boxed(3, 23)).reflect(5, boxed(4, 24)).ack(4)
      story.wait(10).machine("phone", "Stopped").handedBack("phone", [4])
    })
  })

  it("leaves it open whether an ack was taken in that was read behind a message, which may have found no room", () => {
    const behind =
      (...unacked: ReadonlyArray<number>) =>
      (story: Story, phone: Line) => {
        reflects(story, 1, 2)
        phone.reflect(1, boxed(1)).reflect(2, boxed(2)).reflected(1, boxed(7)).ack(1)
        story.wait(5_000).machine("phone", "Stopped").handedBack("phone", unacked)
      }
    right(behind(1, 2))
    right(behind(2))
    breaks(contents, behind(1))
    const besides = (count: number) => (story: Story, phone: Line) => {
      reflects(story, 1, 2)
      story.chat(phone, "ChatBegun")
      phone.reflect(1, boxed(1)).reflect(2, boxed(2)).ack(1).chats(count)
      story.wait(5_000).machine("phone", "Stopped").handedBack("phone", [1, 2])
    }
    right(besides(2))
    breaks(contents, besides(1))
  })

  it("finds what is left out, acked, made up, or given back twice", () => {
    for (const unacked of [[], [2, 3], [3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 7], [2, 2, 3, 4, 5, 6]]) {
      breaks(contents, (story, phone) => {
        underWay(story, phone)
        story.handedBack("phone", unacked)
      })
    }
    breaks(contents, (story) => {
      reflects(story, 1)
      story.wait(10).machine("phone", "Stopped").handedBack("phone", [1, undefined])
    })
    for (const unacked of [[], [2], [1, 2, 3], [2, 3, 4]]) {
      breaks(contents, (story, phone) => underWay(story, phone)[0](stopped(...unacked)))
    }
  })

  it("finds a state that counts something else", () => {
    breaks("a device that stops counts what it gives back", (story, phone) => {
      underWay(story, phone)
      story.state("phone", { _tag: "Stopped", died: false, pendingReflects: 4 }).handedBack("phone", [2, 3, 4, 5, 6])
    })
  })

  it("finds what is not in the order in which it was given", () => {
    for (const unacked of [
      [6, 5, 4, 3, 2],
      [3, 2, 4, 5, 6],
      [2, 3, 5, 4, 6],
      [2, 3, 4, 6, 5],
      [4, 2, 3, 5, 6],
      [4, 5, 6, 2, 3]
    ]) {
      breaks(order, (story, phone) => {
        underWay(story, phone)
        story.handedBack("phone", unacked)
      })
    }
    breaks(order, (story, phone) => underWay(story, phone)[0](stopped(3, 2)))
  })

  it("lets what was asked for at one moment be in any order, and be too late for a stop", () => {
    const atOnce = (story: Story) => {
      reflects(story, 1)
      story.ask("phone", { _tag: "Reflect", count: 1, bytes: 10 }, 2)
    }
    for (const unacked of [
      [1, 2],
      [2, 1]
    ]) {
      right((story) => {
        atOnce(story)
        story.wait(10).machine("phone", "Stopped").handedBack("phone", unacked)
      })
    }
    for (const unacked of [[], [1], [2, 1]]) {
      right((story) => {
        atOnce(story)
        story.machine("phone", "Stopped").handedBack("phone", unacked)
      })
      // Paused before it got to what it was asked for.
      right((story) => {
        atOnce(story)
        story.machine("phone", "Paused").wait(10)
        story.machine("phone", "Stopped").handedBack("phone", unacked)
      })
    }
    breaks(order, (story) => {
      reflects(story, 3)
      atOnce(story)
      story.wait(10).machine("phone", "Stopped").handedBack("phone", [1, 3, 2])
    })
  })

  it("lets an ack be missed that is read when the device closes, pauses or stops", () => {
    const tales: ReadonlyArray<(story: Story, phone: Line) => unknown> = [
      (_, phone) => phone.ack(1).hangUp(),
      (story, phone) => (phone.ack(1), story.machine("phone", "Paused"), story.machine("phone", "Resumed")),
      (story, phone) => (phone.ack(1), story.machine("phone", "Stopped")),
      (story, phone) => (story.machine("phone", "Stopped"), phone.ack(1))
    ]
    for (const tale of tales) {
      for (const unacked of [[], [1]]) {
        right((story, phone) => {
          reflects(story, 1)
          phone.reflect(1, boxed(1))
          story.wait(10)
          tale(story, phone)
          story.machine("phone", "Stopped").handedBack("phone", unacked)
        })
      }
    }
  })
})
