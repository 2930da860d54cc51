import { ReflectedId } from "@d2m/codec"
import { describe, it } from "@effect/vitest"
import { caughtUp } from "../../src/oracles/device/CaughtUp.ts"
import { envelope, judgesPhone, type Line, message, Story } from "./Story.ts"

const rule = "a precondition is asked under the lock when all that came ahead of the lock is handled"
const { breaks, right } = judgesPhone(() => new Story(caughtUp))
const wrong = (tell: Parameters<typeof right>[0]): void => breaks(rule, tell)

const granted = (phone: Line) => phone.begin().say({ _tag: "BeginTransactionAck" })
const box = (id: number) => envelope(id)

describe("caught up", () => {
  it("finds nothing wrong with what is handled, set aside or a duplicate when it is asked under the lock", () => {
    right((story, phone) => {
      story.checked("phone", true, 1)
      phone.reflected(1, box(1)).reflected(2, box(2)).reflected(3, box(3)).reflected(4, box(4))
      granted(phone).reflected(5, box(5))
      story
        .handle("phone", [message(1, 1)])
        .handle("phone", [message(2, 2)], "Failed")
        .quarantined("phone", 2)
      phone.reflectedAck(3)
      story.tell({
        _tag: "Happened",
        ...story.place("phone"),
        life: 1,
        event: { _tag: "Duplicate", reflectedId: ReflectedId.make(4), ephemeral: true }
      })
      story.checked("phone", true, 1)
    })
  })

  it("lets be what is asked before the lock, and what an ended connection has left", () => {
    right((story, phone) => {
      phone.reflected(1, box(1))
      story.checked("phone", true, 1)
      granted(phone).hear({ _tag: "CommitTransaction" }).say({ _tag: "CommitTransactionAck" })
      story.checked("phone", true, 2)
      phone.lose(1006)
      const next = story.live("phone", { existing: true })
      story.checked("phone", true, 2)
      granted(next)
      story.checked("phone", true, 2)
    })
    // The lock of one that was interrupted, which it has not given back yet.
    right((story, phone) => {
      story.checked("phone", true, 1)
      phone.reflected(1, box(1))
      granted(phone)
      story.checked("phone", true, 2)
    })
  })

  it("wants all handled that was read ahead of the lock", () => {
    wrong((story, phone) => {
      story.checked("phone", true, 1)
      phone.reflected(1, box(1))
      granted(phone)
      story.checked("phone", true, 1)
    })
    wrong((story, phone) => {
      story.checked("phone", true, 1)
      phone.reflected(1, box(1))
      granted(phone)
      story.handle("phone", [message(1, 1)], "Failed").checked("phone", true, 1)
    })
  })

  it("wants the connection dry", () => {
    wrong((story, phone) => {
      phone.lose(1006)
      const next = story.live("phone", { existing: true }, 1)
      story.checked("phone", true, 1)
      granted(next)
      story.checked("phone", true, 1)
    })
  })
})
