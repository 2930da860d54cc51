import type { DeviceEvent } from "@d2m/client"
import { assert, describe, it } from "@effect/vitest"
import type { Conditions } from "../../src/index.ts"
import { backoff } from "../../src/oracles/device/Backoff.ts"
import { type Line, message, Story } from "./Story.ts"

const early = "nobody dials before it is time"
const late = "whoever has lost a connection dials when it is time"
const tooMany = "nobody dials after 30 failures in a row"

const begin = (conditions: Partial<Conditions> = {}) => new Story(backoff, conditions).machine("phone", "Started")

const dial = (story: Story) => story.tell({ _tag: "Dialed", ...story.place("phone") })

/** A dial that is refused at once. */
const refused = (story: Story) => dial(story).tell({ _tag: "DialFailed", ...story.place("phone"), why: "refused" })

const told = (story: Story, because: "Closed" | "TransactionAborted" | "DeviceStoreError" | "DeadlinePassed") => {
  const event = { _tag: "Disconnected", because: { _tag: because }, warn: false } as unknown as DeviceEvent
  return story.tell({ _tag: "Happened", ...story.place("phone"), life: 1, event })
}

/** A connection that holds for so long past ServerInfo. */
const held = (story: Story, millis: number): Line => {
  const line = story.live("phone")
  story.wait(millis)
  return line
}

describe("the time between connections, by the wire alone", () => {
  it("is n × 2 s ± 20 % after the nth failure in a row, whatever ended the try", () => {
    const story = begin()
    refused(story).wait(1_650)
    held(story, 1_000).lose(1006)
    story.wait(4_700)
    held(story, 1_000).hangUp()
    refused(story.wait(4_900)).wait(9_000)
    dial(story)
    assert.deepStrictEqual(story.end(), [])
  })

  it("is as long as a server asks for that refuses the upgrade, and no shorter than the backoff", () => {
    const leftAlone = (retryAfter: number) => {
      const story = dial(begin())
      const refusal = { status: 503, retryAfter }
      return story.tell({ _tag: "DialFailed", ...story.place("phone"), why: "HTTP 503", refusal })
    }
    assert.deepStrictEqual(dial(leftAlone(20_000).wait(20_000)).end(), [])
    assert.deepStrictEqual(dial(leftAlone(20_000).wait(19_000)).end(), [early])
    assert.deepStrictEqual(dial(leftAlone(20_000).wait(27_000)).end(), [late])
    assert.deepStrictEqual(dial(leftAlone(1_000).wait(1_600)).end(), [])
    assert.deepStrictEqual(dial(leftAlone(1_000).wait(1_100)).end(), [early])
    // It is asked for once.
    const next = leftAlone(20_000).wait(20_000)
    assert.deepStrictEqual(dial(refused(next).wait(4_000)).end(), [])
  })

  it("is too short for a device that dials at once, however the connection ended", () => {
    const ends: ReadonlyArray<(story: Story) => unknown> = [
      refused,
      (story) => held(story, 100).lose(1006),
      (story) => held(story, 100).close(4010),
      (story) => held(story, 100_000).hangUp()
    ]
    for (const end of ends) {
      const story = begin()
      end(story)
      dial(story.wait(1))
      assert.deepStrictEqual(story.end(), [early])
    }
  })

  it("grows with each failure that was seen, and no faster", () => {
    const quick = refused(refused(begin()).wait(2_000))
    assert.deepStrictEqual(dial(quick.wait(3_000)).end(), [early])
    const slow = refused(refused(begin()).wait(2_000))
    assert.deepStrictEqual(dial(slow.wait(4_800 + 6_200)).end(), [late])
  })

  it("starts over after 30 s of a good connection, and only then", () => {
    const failed = () => {
      const story = begin()
      for (let failures = 1; failures <= 5; failures++) refused(story).wait(failures * 2_000)
      return story
    }
    const good = failed()
    held(good, 31_000).lose(1006)
    assert.deepStrictEqual(dial(good.wait(2_000)).end(), [])
    const bad = failed()
    held(bad, 20_000).lose(1006)
    assert.deepStrictEqual(dial(told(bad, "Closed").wait(2_000)).end(), [early])
    const greeted = failed()
    const line = greeted.open("phone").greet()
    greeted.wait(40_000)
    line.lose(1006)
    assert.deepStrictEqual(dial(greeted.wait(2_000)).end(), [early])
  })

  it("does not grow when a device starts over by its own will", () => {
    const story = refused(begin()).wait(2_000)
    for (let aborted = 0; aborted < 5; aborted++) {
      held(story, 1_000).hangUp()
      told(story, "TransactionAborted").wait(1_700)
    }
    dial(story)
    assert.deepStrictEqual(story.end(), [])
  })

  it("is measured from what the device says where nobody else sees an end", () => {
    const story = dial(begin()).wait(10_000)
    // An open that took too long, and then an answer of the user's that could not be written down.
    told(story, "DeadlinePassed").wait(2_000)
    told(story, "DeviceStoreError").wait(4_000)
    assert.deepStrictEqual(dial(story).end(), [])
    const quick = told(dial(begin()).wait(10_000), "DeadlinePassed")
    assert.deepStrictEqual(dial(quick.wait(100)).end(), [early])
  })

  it("ends after 30 failures in a row, with the user's answer", () => {
    const story = begin()
    for (let failures = 1; failures < 30; failures++) refused(story).wait(failures * 2_000)
    refused(story)
    const answered = { _tag: "UserAnswered", life: 1, reason: "TooManyFailures", answer: "Continue" } as const
    story.wait(60_000).tell({ ...answered, ...story.place("phone") })
    refused(story).wait(2_000)
    assert.deepStrictEqual(dial(story).end(), [])
    const stubborn = begin()
    for (let failures = 1; failures <= 30; failures++) refused(stubborn).wait(failures * 2_000)
    assert.deepStrictEqual(dial(stubborn).end(), [tooMany])
  })

  it("is cut short by retryNow, and by a restart", () => {
    const hurried = refused(begin()).wait(10)
    hurried.ask("phone", { _tag: "RetryNow" })
    assert.deepStrictEqual(dial(hurried).end(), [])
    const once = refused(begin())
    once.ask("phone", { _tag: "RetryNow" })({ _tag: "Done", timestamps: [] })
    assert.deepStrictEqual(dial(refused(once)).end(), [early])
    const restarted = refused(begin()).machine("phone", "Crashed").machine("phone", "Started", 2)
    assert.deepStrictEqual(dial(restarted).end(), [])
  })

  it("is longer for a device that was paused, or that learns late of the end and says so", () => {
    const paused = refused(begin()).machine("phone", "Paused").wait(60_000).machine("phone", "Resumed")
    assert.deepStrictEqual(dial(paused).end(), [])
    const busy = (isTold: boolean) => {
      const story = begin()
      const line = held(story, 1_000)
      const messages = [message(1, 1)]
      story.handling("phone", messages)
      line.lose(1006)
      story.wait(20_000).handled("phone", messages)
      if (isTold) told(story, "Closed")
      return dial(story.wait(2_000)).end()
    }
    assert.deepStrictEqual([busy(true), busy(false)], [[], [late]])
    const chats = (count: number) => {
      const story = begin({ client: { chat: 1 } })
      const line = held(story, 1_000)
      story.chat(line, "ChatBegun")
      line.chats(count).lose(1006)
      story.wait(20_000).heard(line, new Uint8Array(1))
      return dial(told(story, "Closed").wait(2_000)).end()
    }
    assert.deepStrictEqual([chats(2), chats(1)], [[], [late]])
  })
})
