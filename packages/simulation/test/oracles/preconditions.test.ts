import { Box } from "@d2m/codec"
import { describe, it } from "@effect/vitest"
import type { Answer } from "../../src/index.ts"
import { preconditions } from "../../src/oracles/device/Preconditions.ts"
import { judgesPhone, type Line, Story } from "./Story.ts"

const { breaks, right } = judgesPhone(() => new Story(preconditions))

const done: Answer = { _tag: "Done", timestamps: [1] }
const failed = (lockHeld: boolean): Answer => ({ _tag: "Failed", error: "PreconditionFailed", lockHeld })

const asked = (story: Story) =>
  story.ask("phone", { _tag: "Transaction", count: 1, bytes: 10, pause: 0, ttl: 0, fails: false, holdsFor: 9 }, 1)
const granted = (phone: Line) => phone.begin().say({ _tag: "BeginTransactionAck" })
const scope = Box.make("dgtsk", new Uint8Array(42))
const rejected = (phone: Line) =>
  phone.begin().say({ _tag: "TransactionRejected", deviceId: 2n as never, encryptedScope: scope })
const committed = (phone: Line) => phone.hear({ _tag: "CommitTransaction" }).say({ _tag: "CommitTransactionAck" })

describe("preconditions", () => {
  it("finds nothing wrong with one that holds on both sides of the lock, or fails on either", () => {
    right((story, phone) => {
      const first = asked(story)
      story.checked("phone", true)
      rejected(phone)
      story.checked("phone", true)
      granted(phone)
      story.checked("phone", true).entered("phone")
      committed(phone)
      first(done)
      const early = asked(story)
      story.checked("phone", false)
      early(failed(false))
      const late = asked(story)
      story.checked("phone", true)
      granted(phone)
      story.checked("phone", false)
      late(failed(true))
    })
  })

  it("lets a lost connection take the lock, and say more than a precondition does", () => {
    right((story, phone) => {
      const answer = asked(story)
      story.checked("phone", true)
      phone.begin().lose(1006)
      const again = story.live("phone", { existing: true })
      story.checked("phone", true)
      granted(again)
      story.checked("phone", false)
      again.lose(1006)
      answer({ _tag: "Failed", error: "TransactionLost", committed: "no" })
    })
    // What another transaction leaves behind is no lock of this one.
    right((story, phone) => {
      const empty = asked(story)
      story.checked("phone", true)
      granted(phone)
      story.checked("phone", false)
      empty(failed(true))
      const answer = asked(story)
      story.checked("phone", false)
      committed(phone)
      answer(failed(false))
    })
  })

  it("wants the question before the lock and again under it, with yes for an answer", () => {
    const rule =
      "a body runs when its precondition has held before the lock was asked for, and holds once the lock is held"
    breaks(rule, (story, phone) => {
      asked(story)
      story.checked("phone", true)
      granted(phone)
      story.entered("phone")
    })
    breaks(rule, (story, phone) => {
      asked(story)
      granted(phone)
      story.checked("phone", true).entered("phone")
    })
    breaks(rule, (story, phone) => {
      asked(story)
      story.checked("phone", true)
      granted(phone)
      story.checked("phone", false).entered("phone")
    })
    // The lock that was held when it was asked for is lost.
    breaks(rule, (story, phone) => {
      asked(story)
      story.checked("phone", true)
      granted(phone).lose(1006)
      story.live("phone", { existing: true })
      story.checked("phone", true).entered("phone")
    })
  })

  it("wants the question again before the lock is asked for anew, unless that is another transaction's doing", () => {
    breaks("who was rejected asks for the precondition again before the lock", (story, phone) => {
      asked(story)
      story.checked("phone", true)
      rejected(phone)
      granted(phone)
    })
    breaks("who was rejected asks for the precondition again before the lock", (story, phone) => {
      asked(story)
      story.checked("phone", true)
      rejected(phone)
      story.checked("phone", true)
      rejected(phone)
      granted(phone)
    })
    // The connection is lost with the rejection: what is asked for on the next one is told to nobody before.
    right((story, phone) => {
      asked(story)
      story.checked("phone", true)
      rejected(phone).lose(1006)
      const next = story.live("phone", { existing: true })
      story.checked("phone", true)
      granted(next)
      story.checked("phone", true).entered("phone")
    })
    // A mediator may reject what nobody has begun.
    right((story, phone) => {
      asked(story)
      story.checked("phone", true)
      phone.say({ _tag: "TransactionRejected", deviceId: 2n as never, encryptedScope: scope })
      granted(phone)
    })
    // Of a transaction that a program has given up nobody tells the end: the next one may have no precondition.
    right((story, phone) => {
      story.checked("phone", true)
      rejected(phone)
      granted(phone)
    })
  })

  it("wants the first no to be the last word, and to be told with its side of the lock", () => {
    breaks("a precondition that does not hold is not asked for again", (story, phone) => {
      asked(story)
      story.checked("phone", false)
      granted(phone)
      story.checked("phone", true)
    })
    const rule = "an application is told of a precondition that did not hold, and on which side of the lock"
    breaks(rule, (story) => {
      const answer = asked(story)
      story.checked("phone", false)
      answer(failed(true))
    })
    breaks(rule, (story, phone) => {
      const answer = asked(story)
      story.checked("phone", true)
      granted(phone)
      story.checked("phone", false)
      answer(failed(false))
    })
    breaks(rule, (story) => {
      const answer = asked(story)
      story.checked("phone", true)
      answer(failed(false))
    })
    breaks(rule, (story) => asked(story)(failed(false)))
    breaks("a transaction that is done has run its body", (story) => {
      const answer = asked(story)
      story.checked("phone", false)
      answer(done)
    })
  })
})
