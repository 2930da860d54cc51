import { describe, it } from "@effect/vitest"
import { chatHandling } from "../../src/oracles/device/ChatHandling.ts"
import { judgesPhone, type Line, Story } from "./Story.ts"

const reflect = { at: 0, device: "phone", operation: { _tag: "Reflect", count: 1, bytes: 1 } } as const
const { breaks, right } = judgesPhone(() => new Story(chatHandling, { client: { chat: 2 } }, [], [reflect]))

const word = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)
const comes = (line: Line, ...words: ReadonlyArray<number>) => {
  for (const said of words) line.say({ _tag: "Proxy", data: word(said) })
  return line
}
const begin = (story: Story, line: Line) => story.chat(line, "ChatBegun").chat(line, "ChatListens")
const takes = (story: Story, line: Line, ...words: ReadonlyArray<number>) => {
  for (const said of words) story.heard(line, word(said)).chat(line, "ChatListens")
  return story
}
const disconnected = (story: Story) =>
  story.tell({
    _tag: "Happened",
    ...story.place("phone"),
    life: 1,
    event: { _tag: "Disconnected", because: { _tag: "FellBehind" } as never, warn: false }
  })

const inOrder = "a chat handler is given what has come, in order and each message once"
const atOnce = "a chat handler that listens is given what has come"
const bounded = "nothing is read while there is no room for what the chat server says"
const interrupted = "nobody connects again while the chat handler of the last connection goes on"

describe("chat handling", () => {
  it("accepts a handler that is given what has come, and the loss of the rest with its connection", () =>
    right((story, line) => {
      takes(begin(story, line), comes(line, 1, 2, 3), 1, 2)
      line.hangUp()
      disconnected(story.chatOver(line)).wait(2_000)
      const next = story.live("phone")
      takes(begin(story, next), comes(next, 4), 4)
    }))

  it("finds messages that are made up, changed, out of order, left out, or given twice", () => {
    breaks(inOrder, (story, line) => takes(begin(story, line), line, 1))
    breaks(inOrder, (story, line) => begin(story, comes(line, 1)).heard(line, word(1, 1)))
    breaks(inOrder, (story, line) => takes(begin(story, comes(line, 1, 2)), line, 2))
    breaks(inOrder, (story, line) => takes(begin(story, comes(line, 1)), line, 1, 1))
  })

  it("finds a message that does not come to a handler that listens, whatever happens then", () => {
    for (const then of ["read", "over", "close", "lose"] as const) {
      const waits = (millis: number) => (story: Story, line: Line) => {
        begin(story, comes(line, 1)).wait(millis)
        if (then === "read") line.ack(1)
        else if (then === "over") story.chatOver(line)
        else if (then === "close") line.hangUp()
        else line.lose(1006)
      }
      right(waits(900))
      breaks(atOnce, waits(1_100))
    }
  })

  it("does not expect it of a device that is paused, nor of a handler that is at something or has ended", () => {
    right((story, line) => {
      begin(story, comes(line, 1)).machine("phone", "Paused").wait(9_000).machine("phone", "Resumed")
      line.ack(1)
    })
    right((story, line) => {
      begin(story, comes(line, 1, 2))
        .heard(line, word(1))
        .wait(9_000)
      line.ack(1)
    })
    right((story, line) => {
      begin(story, comes(line, 1)).chatOver(line, "Died").wait(9_000)
      line.ack(1)
    })
  })

  it("finds a device that reads on without room, and lets what comes with the last of it come", () => {
    const full =
      (...words: ReadonlyArray<number>) =>
      (story: Story, line: Line) => {
        begin(story, line).heard(comes(line, 0), word(0))
        comes(line, ...words)
        story.wait(1)
        line.ack(1)
      }
    right(full(1, 2, 3))
    breaks(bounded, full(1, 2, 3, 4))
    right((story, line) => {
      begin(story, line).heard(comes(line, 0), word(0))
      comes(line, 1, 2, 3, 4, 5, 6).ack(1)
    })
    right((story, line) => {
      full(1, 2, 3)(story.chat(line, "ChatBegun").chatOver(line), line)
      comes(line, 4, 5)
      story.wait(1)
      line.ack(1)
    })
  })

  it("expects nothing of what stands behind a message that is no frame", () =>
    right((story, line) => {
      begin(story, line)
      story.tell({ _tag: "DeviceReceived", ...line.place(), message: word(9), frame: undefined })
      comes(line, 1).ack(1)
      story.wait(5_000)
      line.hangUp()
    }))

  it("finds a handler that goes on behind the next connection", () => {
    const again = (end: (story: Story, line: Line) => unknown) => (story: Story, line: Line) => {
      begin(story, line)
      line.close(1001)
      disconnected(story)
      end(story, line)
      story.wait(2_000).open("phone")
    }
    breaks(
      interrupted,
      again(() => {})
    )
    right(again((story, line) => story.chatOver(line, "Interrupted")))
    right(again((story) => story.machine("phone", "Crashed")))
  })
})
