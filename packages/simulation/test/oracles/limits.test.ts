import { assert, describe, it } from "@effect/vitest"
import type { Conditions } from "../../src/index.ts"
import { mediator } from "../../src/oracles/mediator/MediatorModel.ts"
import { envelope, type Line, Story } from "./Story.ts"

const told = (conditions: Partial<Conditions>, tell: (story: Story) => unknown): ReadonlyArray<string> => {
  const story = new Story(mediator, conditions)
  tell(story)
  return story.end()
}

describe("a transaction that holds more than it may", () => {
  const stays = "a transaction that grows too large closes its connection"
  const lost = "what a transaction reflected is never delivered when it was lost"

  const pair = (story: Story) =>
    [story.live("phone").say({ _tag: "RolePromotedToLeader" }), story.live("desktop")] as const

  /** The phone fills a transaction that has room for two messages of 100 bytes, one of them an ephemeral. */
  const filled = (story: Story): readonly [phone: Line, desktop: Line] => {
    const [phone, desktop] = pair(story)
    // What came before, and what others say meanwhile, takes no room.
    phone.reflect(1, envelope(1))
    desktop.reflected(1, envelope(1)).reflectedAck(1)
    story.wait(50)
    phone.ack(1, 0).begin().say({ _tag: "BeginTransactionAck" })
    desktop.reflect(9, envelope(9))
    phone.reflected(1, envelope(9)).reflectedAck(1)
    phone.reflect(2, envelope(2)).ack(2)
    phone.reflect(0, envelope(3), 1)
    return [phone, desktop]
  }

  const limits: ReadonlyArray<Conditions["mediator"]> = [{ transactionMessages: 2 }, { transactionBytes: 299 }]

  for (const mediator of limits) {
    const [limit] = Object.keys(mediator)

    it(`is closed at once (${limit})`, () => {
      assert.deepStrictEqual(
        told({ mediator }, (story) => filled(story)[0].reflect(4, envelope(4)).close(4010)),
        []
      )
      assert.deepStrictEqual(
        told({ mediator }, (story) => filled(story)[0].reflect(4, envelope(4))),
        [stays]
      )
      assert.deepStrictEqual(
        told({ mediator }, (story) => filled(story)[0].reflect(0, envelope(4), 1)),
        [stays]
      )
    })

    it(`is closed later where closes wait for the store, and gets no ack and no commit (${limit})`, () => {
      const slow = { mediator, storeLatency: 20 }
      assert.deepStrictEqual(
        told(slow, (story) => {
          const [phone] = filled(story)
          phone.reflect(4, envelope(4))
          story.wait(20)
          phone.close(4010)
        }),
        []
      )
      assert.deepStrictEqual(
        told(slow, (story) => filled(story)[0].reflect(4, envelope(4)).ack(4)),
        ["a reflect that a transaction has no room for gets no ack"]
      )
      const committed = (story: Story) => {
        const [phone, desktop] = filled(story)
        phone.reflect(4, envelope(4)).hear({ _tag: "CommitTransaction" })
        story.wait(20)
        return [phone, desktop] as const
      }
      assert.deepStrictEqual(
        told(slow, (story) => committed(story)[0].close(4010)),
        []
      )
      assert.deepStrictEqual(
        told(slow, (story) => committed(story)[0].say({ _tag: "CommitTransactionAck" })),
        ["a transaction that is too large is never committed"]
      )
      assert.deepStrictEqual(
        told(slow, (story) => committed(story)[1].reflected(2, envelope(2), 50)),
        [lost]
      )
    })

    it(`is one that has no room left, and commits while it has (${limit})`, () => {
      assert.deepStrictEqual(
        told({ mediator }, (story) => {
          const [phone, desktop] = filled(story)
          phone.hear({ _tag: "CommitTransaction" })
          desktop.reflected(2, envelope(2)).reflected(3, envelope(3), 50, 1)
          phone.say({ _tag: "CommitTransactionAck" }).reflect(4, envelope(4)).ack(4)
        }),
        []
      )
      assert.deepStrictEqual(
        told({ mediator }, (story) => filled(story)[0].close(4010)),
        ["the mediator closes a connection for the reason it gives"]
      )
    })
  }

  it("is fuller by every byte of its envelopes", () => {
    const roomy = (transactionBytes: number) =>
      told({ mediator: { transactionBytes } }, (story) => filled(story)[0].reflect(4, envelope(4, 101)))
    assert.deepStrictEqual(roomy(301), [])
    assert.deepStrictEqual(roomy(300), [stays])
  })
})

describe("a queue of more bytes than it may hold", () => {
  const rule = "a queue never holds more bytes than its limit"
  const conditions = { mediator: { queueBytes: 300 } }

  /** The desktop is away while the phone reflects messages of so many bytes. */
  const missed = (story: Story, ...sizes: ReadonlyArray<number>): Line => {
    const phone = story.live("phone").say({ _tag: "RolePromotedToLeader" })
    story.live("desktop").gone()
    for (const [at, size] of sizes.entries()) phone.reflect(at + 1, envelope(at + 1, size)).ack(at + 1)
    return story.open("desktop").greet({ existing: true })
  }

  it("costs the slot", () => {
    assert.deepStrictEqual(
      told(conditions, (story) => missed(story, 100, 100, 100).info(true, 3)),
      []
    )
    assert.deepStrictEqual(
      told(conditions, (story) => missed(story, 100, 100, 101).close(4115)),
      []
    )
    assert.deepStrictEqual(
      told(conditions, (story) => missed(story, 100, 100, 101).info(true, 3)),
      [rule]
    )
  })

  it("is none where what was acked made room", () => {
    const back = (acked: boolean) => (story: Story) => {
      const phone = story.live("phone").say({ _tag: "RolePromotedToLeader" })
      const desktop = story.live("desktop")
      phone.reflect(1, envelope(1)).ack(1)
      desktop.reflected(1, envelope(1))
      if (acked) desktop.reflectedAck(1)
      desktop.gone()
      for (let n = 2; n <= 4; n++) phone.reflect(n, envelope(n)).ack(n)
      story
        .open("desktop")
        .greet({ existing: true })
        .info(true, acked ? 3 : 4)
    }
    assert.deepStrictEqual(told(conditions, back(true)), [])
    assert.deepStrictEqual(told(conditions, back(false)), [rule])
  })

  it("counts what it must hold, not what it may", () => {
    // An ack that was not durable before the crash may be forgotten: of the four messages three may be queued, the short ones.
    const forgotten = (queued: number) => (story: Story) => {
      const phone = story.live("phone").say({ _tag: "RolePromotedToLeader" })
      const desktop = story.live("desktop")
      phone.reflect(1, envelope(1, 200))
      story.wait(20)
      desktop.reflected(1, envelope(1, 200), 0)
      phone.ack(1, 0)
      desktop.reflectedAck(1)
      for (let n = 2; n <= 4; n++) phone.reflect(n, envelope(n, 90))
      story.machine("mediator", "Crashed").machine("mediator", "Started", 2)
      story.open("desktop").greet({ existing: true }).info(true, queued)
    }
    const slow = { ...conditions, storeLatency: 20 }
    assert.deepStrictEqual(told(slow, forgotten(3)), [])
    assert.deepStrictEqual(told(slow, forgotten(4)), [rule])
  })
})
