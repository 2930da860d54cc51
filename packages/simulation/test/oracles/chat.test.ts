import { assert, describe, it } from "@effect/vitest"
import { chat } from "../../src/oracles/Chat.ts"
import { type Line, Story } from "./Story.ts"

const told = (tell: (phone: Line, desktop: Line) => unknown): ReadonlyArray<string> => {
  const story = new Story(chat)
  tell(story.open("phone"), story.open("desktop"))
  return story.end()
}

const proxy = (...bytes: ReadonlyArray<number>) => ({ _tag: "Proxy", data: Uint8Array.from(bytes) }) as const

describe("chat", () => {
  it("accepts what comes back as it was said, close-errors, and a connection that loses the rest", () => {
    const broken = told((phone, desktop) => {
      phone.hear(proxy(1, 2)).hear(proxy(3))
      desktop.hear(proxy(4))
      phone.say(proxy(1, 2)).say(proxy(0xe0, 1))
      desktop.say(proxy(4))
      phone.say(proxy(3)).hear(proxy(5)).close(4000)
    })
    assert.deepStrictEqual(broken, [])
  })

  it("finds words that are changed, cut, put together, out of order, made up, or somebody else's", () => {
    const tales: ReadonlyArray<(phone: Line, desktop: Line) => unknown> = [
      (phone) => phone.hear(proxy(1, 2)).say(proxy(1, 3)),
      (phone) => phone.hear(proxy(1, 2)).say(proxy(1)),
      (phone) => phone.hear(proxy(1)).hear(proxy(2)).say(proxy(1, 2)),
      (phone) => phone.hear(proxy(1)).hear(proxy(2)).say(proxy(2)),
      (phone) => phone.hear(proxy(1)).say(proxy(1)).say(proxy(1)),
      (phone, desktop) => (phone.hear(proxy(1)), desktop.say(proxy(1)))
    ]
    for (const tell of tales)
      assert.deepStrictEqual(told(tell), ["the words of the chat server come as they were said"])
  })
})
