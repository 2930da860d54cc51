import { describe, it } from "@effect/vitest"
import { outgoing } from "../../src/oracles/device/Outgoing.ts"
import { boxed, envelope, judgesPhone, type Line, live, promised, Story } from "./Story.ts"

const asked = { at: 0, device: "phone", operation: { _tag: "ListDevices" } } as const
const { breaks, right } = judgesPhone(() => new Story(outgoing, { client: { chat: 1 } }, [], [asked]))

const done = promised()

/** The device is asked to reflect `count` messages from `first` on. */
const reflects = (story: Story, first: number, count = 1) =>
  story.ask("phone", { _tag: "Reflect", count, bytes: 10 }, first)
const transaction = (story: Story, first: number, count = 1) =>
  story.ask("phone", { _tag: "Transaction", count, bytes: 10, pause: 0, ttl: 0, fails: false }, first)

describe("outgoing", () => {
  it("finds nothing wrong with reflects, sending again, and transactions", () => {
    right((story, phone) => {
      const answer = reflects(story, 1, 3)
      story.state("phone", live({ pending: 3 }))
      phone.reflect(1, boxed(1, 11)).reflect(2, boxed(2, 12)).reflect(3, boxed(3, 13)).ack(1)
      story.state("phone", live({ pending: 2 }))
      phone.lose(1006)
      const again = story.live("phone", { existing: true })
      again.reflect(4, boxed(2, 22)).reflect(5, boxed(3, 23)).ack(4).ack(5)
      answer(promised(0, 0, 0))
      const committed = transaction(story, 4, 2)
      again.begin().say({ _tag: "BeginTransactionAck" })
      again.reflect(6, boxed(4)).ack(6).reflect(7, boxed(5)).ack(7)
      again.hear({ _tag: "CommitTransaction" }).say({ _tag: "CommitTransactionAck" })
      committed(promised(0, 0))
      story.ask("phone", { _tag: "Ephemeral", bytes: 5 }, 6)(done)
      again.reflect(8, boxed(6), 1)
      story.state("phone", live({ pending: 0 }))
    })
  })

  it("wants a promise to have the time of its ack, in the order of what was asked for", () => {
    const asked = (times: ReadonlyArray<number>) => (story: Story, phone: Line) => {
      const reflected = reflects(story, 1, 2)
      phone.reflect(1, boxed(1)).reflect(2, boxed(2)).ack(2, 8).ack(1, 7)
      reflected(promised(...times))
    }
    const inTransaction = (time: number) => (story: Story, phone: Line) => {
      const committed = transaction(story, 1)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(1, boxed(1)).ack(1, 7)
      phone.hear({ _tag: "CommitTransaction" }).say({ _tag: "CommitTransactionAck" })
      committed(promised(time))
    }
    right(asked([7, 8]))
    right(inTransaction(7))
    // The first ack may not have been taken in.
    for (const time of [7, 9]) {
      right((story, phone) => {
        const reflected = reflects(story, 1)
        phone.reflect(1, boxed(1, 11)).ack(1, 7).hangUp()
        story.live("phone", { existing: true }).reflect(2, boxed(1, 12)).ack(2, 9)
        reflected(promised(time))
      })
    }
    const rule = "a reflect resolves with the time of its ack"
    for (const times of [[8, 7], [7, 7], [7], [7, 8, 8]]) breaks(rule, asked(times))
    breaks(rule, inTransaction(8))
    breaks(rule, (story, phone) => {
      const reflected = reflects(story, 1)
      phone.reflect(1, boxed(1))
      reflected(promised(0))
    })
  })

  it("wants the order of the handshake", () => {
    const rule = "a device sends one ClientHello after ServerHello, and the rest after ServerInfo"
    breaks(rule, (story) => story.open("desktop").hear({ _tag: "GetDevicesInfo" }))
    breaks(rule, (story) => story.open("desktop").greet().hear({ _tag: "GetDevicesInfo" }))
    breaks(rule, (_, phone) => phone.greet())
    right((story) => story.open("desktop").hear({ _tag: "Proxy", data: envelope(1, 48) }))
  })

  it("wants ids and nonces that tell one reflect from another", () => {
    breaks("a nonce is used once", (story, phone) => {
      reflects(story, 1, 2)
      phone.reflect(1, boxed(1, 5)).reflect(2, boxed(2, 5))
    })
    const rule = "a reflect-id tells a reflect from all others that have no ack"
    breaks(rule, (story, phone) => {
      reflects(story, 1, 2)
      phone.reflect(1, boxed(1)).reflect(1, boxed(2))
    })
    breaks(rule, (story, phone) => {
      reflects(story, 1)
      phone.reflect(1, boxed(1, 11)).lose(1006)
      story.live("phone", { existing: true }).reflect(1, boxed(1, 12))
    })
    right((story, phone) => {
      reflects(story, 1, 2)
      phone.reflect(1, boxed(1)).ack(1).reflect(1, boxed(2))
    })
    breaks("a device reflects what its group can open", (_, phone) => phone.reflect(1, envelope(1)))
  })

  it("wants what was not acked again, first and in its order, and nothing else", () => {
    const cut = (story: Story, phone: Line) => {
      reflects(story, 1, 2)
      phone.reflect(1, boxed(1, 11)).reflect(2, boxed(2, 12)).lose(1006)
      return story.live("phone", { existing: true })
    }
    breaks("un-acked reflects are sent again first, in their order", (story, phone) => {
      cut(story, phone).reflect(3, boxed(2, 22)).reflect(4, boxed(1, 21))
    })
    breaks("un-acked reflects are sent again first, in their order", (story, phone) => {
      const again = cut(story, phone)
      reflects(story, 3)
      again.reflect(3, boxed(3))
    })
    const rule = "a reflect is sent once on a connection, and never after its ack"
    breaks(rule, (story, phone) => {
      reflects(story, 1)
      phone.reflect(1, boxed(1, 11)).reflect(2, boxed(1, 12))
    })
    const acked = (meanwhile: (story: Story, phone: Line) => unknown) => (story: Story, phone: Line) => {
      reflects(story, 1)
      phone.reflect(1, boxed(1, 11)).ack(1)
      meanwhile(story, phone)
      story.live("phone", { existing: true }).reflect(2, boxed(1, 12))
    }
    breaks(
      rule,
      acked((story, phone) => {
        story.wait(1)
        phone.hangUp()
      })
    )
    // An ack that was read in the moment of the end may not have been taken in.
    right(acked((_, phone) => phone.hangUp()))
    // Nor one that was read behind a message, for as long as nothing else is read: the message may find no room.
    const ackedBehind = (meanwhile: (phone: Line) => unknown) => (story: Story, phone: Line) => {
      reflects(story, 1)
      phone.reflect(1, boxed(1, 11)).reflected(1, boxed(7)).ack(1)
      story.wait(5_000)
      meanwhile(phone)
      phone.hangUp()
      story.live("phone", { existing: true }).reflect(2, boxed(1, 12))
    }
    right(ackedBehind(() => {}))
    breaks(
      rule,
      ackedBehind((phone) => phone.reflected(2, boxed(8)))
    )
    // The same of what the chat server says and the chat handler does not take.
    const besides = (count: number) => (story: Story, phone: Line) => {
      reflects(story, 1)
      phone.reflect(1, boxed(1, 11)).ack(1)
      story.chat(phone, "ChatBegun")
      phone.chats(count)
      story.wait(5_000)
      phone.hangUp()
      story.live("phone", { existing: true }).reflect(2, boxed(1, 12))
    }
    right(besides(2))
    breaks(rule, besides(1))
    breaks("an ephemeral is never sent again", (story, phone) => {
      story.ask("phone", { _tag: "Ephemeral", bytes: 5 }, 1)
      phone.reflect(1, boxed(1, 11), 1).lose(1006)
      story.live("phone", { existing: true }).reflect(2, boxed(1, 12), 1)
    })
    breaks("an ephemeral is not kept for another connection", (story, phone) => {
      story.ask("phone", { _tag: "Ephemeral", bytes: 5 }, 1)(done)
      phone.lose(1006)
      story.live("phone", { existing: true }).reflect(1, boxed(1), 1)
    })
    right((story, phone) => {
      story.ask("phone", { _tag: "Ephemeral", bytes: 5 }, 1)(done)
      phone.lose(1006)
      story.ask("phone", { _tag: "Ephemeral", bytes: 5 }, 2)({ _tag: "Failed", error: "NotLive" })
      const again = story.live("phone", { existing: true })
      story.ask("phone", { _tag: "Ephemeral", bytes: 5 }, 3)(done)
      again.reflect(1, boxed(3), 1)
    })
  })

  it("knows the place of a message whose ack was not taken in, over several connections", () => {
    const twice =
      (...order: readonly [number, number]) =>
      (story: Story, phone: Line) => {
        reflects(story, 1, 2)
        phone.reflect(1, boxed(1, 11)).reflect(2, boxed(2, 12)).ack(1).hangUp()
        const again = story.live("phone", { existing: true })
        again.reflect(3, boxed(1, 21)).reflect(4, boxed(2, 22)).lose(1006)
        const [first, second] = order
        const last = story.live("phone", { existing: true })
        last.reflect(5, boxed(first, 30 + first)).reflect(6, boxed(second, 30 + second))
      }
    right(twice(1, 2))
    breaks("un-acked reflects are sent again first, in their order", twice(2, 1))
  })

  it("wants transactions to themselves, and their reflects once", () => {
    breaks("nothing but its own reflects is written in a transaction", (story, phone) => {
      transaction(story, 1)
      reflects(story, 2)
      phone.begin().reflect(1, boxed(2))
    })
    breaks("a transaction reflects under its own lock", (story, phone) => {
      transaction(story, 1)
      phone.reflect(1, boxed(1))
    })
    breaks("a transaction reflects under its own lock", (story, phone) => {
      transaction(story, 1)
      transaction(story, 2)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(1, boxed(1)).reflect(2, boxed(2))
    })
    breaks("what a transaction reflects is never sent again", (story, phone) => {
      transaction(story, 1)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(1, boxed(1, 11)).lose(1006)
      const again = story.live("phone", { existing: true })
      again.begin().say({ _tag: "BeginTransactionAck" }).reflect(2, boxed(1, 12))
    })
    const rule = "a commit follows its grant and the acks of all that was reflected"
    breaks(rule, (story, phone) => {
      transaction(story, 1)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(1, boxed(1)).hear({ _tag: "CommitTransaction" })
    })
    breaks(rule, (_, phone) => phone.begin().hear({ _tag: "CommitTransaction" }))
    const lost = (committed: "no" | "unknown", commits: boolean) => (story: Story, phone: Line) => {
      const answer = transaction(story, 1)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(1, boxed(1)).ack(1)
      if (commits) phone.hear({ _tag: "CommitTransaction" })
      phone.lose(1006)
      answer({ _tag: "Failed", error: "TransactionLost", committed })
    }
    breaks("a transaction whose Commit was written is not told to be lost for certain", lost("no", true))
    right(lost("unknown", true))
    right(lost("no", false))
    breaks("transactions do not nest", (_, phone) => phone.begin().begin())
  })

  it("wants the truth about what is pending", () => {
    const rule = "pendingReflects is what was asked for and not acked"
    breaks(rule, (story) => story.state("phone", live({ pending: 1 })))
    breaks(rule, (story, phone) => {
      reflects(story, 1)
      phone.reflect(1, boxed(1))
      story.state("phone", live({ pending: 0 }))
    })
    breaks(rule, (story, phone) => {
      reflects(story, 1)
      phone.reflect(1, boxed(1)).ack(1)
      story.wait(1).state("phone", live({ pending: 1 }))
    })
    right((story, phone) => {
      const answer = reflects(story, 1)
      phone.reflect(1, boxed(1))
      answer({ _tag: "Failed", error: "Interrupted" })
      story.state("phone", live({ pending: 0 }))
    })
  })
})
