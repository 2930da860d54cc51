import { describe, it } from "@effect/vitest"
import { type Answer } from "../../src/index.ts"
import { programPromises } from "../../src/oracles/device/ProgramPromises.ts"
import { boxed, judgesPhone, type Line, message, promised, Story } from "./Story.ts"

const { breaks, right } = judgesPhone(() => new Story(programPromises))

const done = promised()
const failed = (error: string, committed?: "no" | "unknown"): Answer => ({
  _tag: "Failed",
  error,
  ...(committed === undefined ? {} : { committed })
})

const content = (id: number) => message(0, id).content!
const reflects = (story: Story, ...ids: ReadonlyArray<number>) =>
  story.program("phone", { _tag: "Reflect", contents: ids.map(content) })

const times = "a reflect of a program resolves with the times of its acks"
const uncommitted = "a transaction of a program that is done was committed"
const written = "a transaction of a program that is not committed has not written its Commit"

describe("what a reflect of a program is promised", () => {
  it("is the time of the ack of each of its contents, whichever comes first", () => {
    const asked = (answer: Answer) => (story: Story, phone: Line) => {
      const reflected = reflects(story, 1, 2)
      phone.reflect(1, boxed(1)).reflect(2, boxed(2)).ack(2, 8).ack(1, 7)
      reflected(answer)
    }
    right(asked(promised(7, 8)))
    for (const answer of [promised(8, 7), promised(7, 7), promised(7), promised(5, 8), promised(7, 8, 9), done])
      breaks(times, asked(answer))
  })

  it("is nothing before the ack has been read on the connection that the frame was written on", () => {
    breaks(times, (story, phone) => {
      const reflected = reflects(story, 1)
      phone.reflect(1, boxed(1))
      reflected(promised(0))
    })
    breaks(times, (story, phone) => {
      const reflected = reflects(story, 1)
      phone.reflect(1, boxed(1)).lose(1006)
      story.live("phone", { existing: true }).ack(1)
      reflected(promised(0))
    })
    right((story, phone) => {
      const reflected = reflects(story, 1)
      phone.reflect(1, boxed(1)).lose(1006)
      story.live("phone", { existing: true }).reflect(2, boxed(1, 11)).ack(2)
      reflected(promised(0))
    })
  })

  it("is not the ack of an ephemeral, nor that of another content", () => {
    breaks(times, (story, phone) => {
      const reflected = reflects(story, 1)
      phone.reflect(1, boxed(1), 1).ack(1)
      reflected(promised(0))
    })
    breaks(times, (story, phone) => {
      const reflected = reflects(story, 1)
      phone.reflect(1, boxed(2)).ack(1)
      reflected(promised(0))
    })
  })

  it("is an ack of its own where contents are the same", () => {
    const twice = (answers: ReadonlyArray<number>) => (story: Story, phone: Line) => {
      const one = reflects(story, 1)
      const other = reflects(story, 1)
      phone.reflect(1, boxed(1, 11)).reflect(2, boxed(1, 12)).ack(1, 7).ack(2, 8)
      one(promised(answers[0]!))
      other(promised(answers[1]!))
    }
    right(twice([7, 8]))
    right(twice([8, 7]))
    breaks(times, twice([7, 7]))
    breaks(times, (story, phone) => {
      const earlier = reflects(story, 1)
      phone.reflect(1, boxed(1, 11))
      // It was written before, and is that of the one before.
      const later = reflects(story, 1)
      phone.ack(1, 7)
      later(promised(7))
      earlier(failed("Interrupted"))
    })
  })

  it("is not judged where nothing was promised", () => {
    right((story, phone) => {
      const interrupted = reflects(story, 1)
      phone.reflect(1, boxed(1))
      interrupted(failed("Interrupted"))
      reflects(story, 2)(failed("EnvelopeTooLarge"))
      reflects(story, 3)
      story.machine("phone", "Crashed").machine("phone", "Started", 2)
    })
  })
})

/** A transaction of a program that has the lock, and whose body has begun. */
const begin = (story: Story, phone: Line) => {
  const answer = story.program("phone", { _tag: "Transaction", scope: 1 })
  const call = story.lastCall
  phone.begin().say({ _tag: "BeginTransactionAck" })
  story.begun("phone", call)
  const reflect = (id: number) => story.program("phone", { _tag: "TransactionReflect", contents: [content(id)], call })
  return { answer, reflect }
}
const commit = (phone: Line) => phone.write({ _tag: "CommitTransaction" })

describe("what a transaction of a program is promised", () => {
  it("is that it was committed, once its commit is acked", () => {
    right((story, phone) => {
      const { answer, reflect } = begin(story, phone)
      const reflected = reflect(1)
      phone.reflect(1, boxed(1)).ack(1)
      reflected(promised(0))
      commit(phone).read({ _tag: "CommitTransactionAck" })
      answer(done)
    })
    breaks(uncommitted, (story, phone) => {
      const { answer } = begin(story, phone)
      commit(phone)
      answer(done)
    })
    breaks(uncommitted, (story, phone) => {
      const { answer } = begin(story, phone)
      answer(done)
      commit(phone).read({ _tag: "CommitTransactionAck" })
    })
  })

  it("is not the commit of another one", () => {
    breaks(uncommitted, (story, phone) => {
      // Given up before its body, it gives back the lock.
      const given = story.program("phone", { _tag: "Transaction", scope: 1 })
      phone.begin()
      given(failed("Interrupted"))
      const other = story.program("phone", { _tag: "Transaction", scope: 1 })
      phone.say({ _tag: "BeginTransactionAck" })
      commit(phone).read({ _tag: "CommitTransactionAck" })
      other(done)
    })
  })

  it("is an ack of what it reflects under its lock, and under no other", () => {
    breaks(times, (story, phone) => {
      const reflected = reflects(story, 1)
      begin(story, phone)
      phone.reflect(1, boxed(1)).ack(1)
      reflected(promised(0))
    })
    breaks(times, (story, phone) => {
      const { reflect } = begin(story, phone)
      const reflected = reflect(1)
      commit(phone).reflect(1, boxed(1)).ack(1)
      reflected(promised(0))
    })
  })

  it("is that nothing was committed only when its Commit was not written", () => {
    const lost = (answer: Answer) => (story: Story, phone: Line) => {
      const transaction = begin(story, phone)
      const reflected = transaction.reflect(1)
      phone.reflect(1, boxed(1)).ack(1)
      reflected(promised(0))
      commit(phone).lose(1006)
      transaction.answer(answer)
    }
    right(lost(failed("TransactionLost", "unknown")))
    right(lost(failed("Interrupted")))
    breaks(written, lost(failed("TransactionLost", "no")))
    breaks(written, lost(failed("OutOfStock")))
    right((story, phone) => {
      const { answer, reflect } = begin(story, phone)
      const reflected = reflect(1)
      phone.reflect(1, boxed(1)).lose(1006)
      reflected(failed("TransactionLost", "no"))
      answer(failed("TransactionLost", "no"))
    })
  })

  it("may be nothing after a commit of nothing, which gives back the lock", () => {
    right((story, phone) => {
      const { answer } = begin(story, phone)
      commit(phone)
      answer(failed("OutOfStock"))
    })
  })
})
