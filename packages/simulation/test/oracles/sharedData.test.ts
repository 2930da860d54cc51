import { assert, describe, it } from "@effect/vitest"
import { Box } from "@d2m/codec"
import type { Answer } from "../../src/index.ts"
import { sharedData } from "../../src/oracles/device/SharedData.ts"
import { live, sharedBox, Story } from "./Story.ts"

const told = (tell: (story: Story) => unknown): ReadonlyArray<string> => {
  const story = new Story(sharedData)
  story.machine("phone", "Started")
  tell(story)
  return story.end()
}
const right = (tell: (story: Story) => unknown): void => assert.deepStrictEqual(told(tell), [])
const breaks = (tell: (story: Story) => unknown): void =>
  assert.deepStrictEqual(told(tell), [
    "an application is told the shared data of the latest ServerInfo, or what the device has set since"
  ])

const done: Answer = { _tag: "Done", timestamps: [] }
const answered = (version: number | undefined): Answer => ({
  _tag: "Done",
  timestamps: [],
  told: { _tag: "SharedData", version }
})

/** Connects, is told shared data, and goes live. */
const connect = (story: Story, shared: Box<"dgsddk">) => {
  const line = story.live("phone", { shared })
  story.state("phone", live())
  return line
}
const tells = (story: Story, version: number | undefined) =>
  story.ask("phone", { _tag: "GetSharedData" })(answered(version))
const sets = (story: Story, version: number) => story.ask("phone", { _tag: "SetSharedData", version })
const unreadable = Box.make("dgsddk", new Uint8Array(64).fill(1))
const set = (version: number, nonce: number) =>
  ({ _tag: "SetSharedDeviceData", encryptedSharedDeviceData: sharedBox(version, nonce) }) as const

describe("shared data", () => {
  it("accepts what the latest ServerInfo says, and what was set since", () => {
    right((story) => {
      tells(story, undefined)
      const first = connect(story, Box.make("dgsddk", new Uint8Array(0)))
      tells(story, undefined)
      const answer = sets(story, 3)
      first.hear(set(3, 1))
      answer(done)
      tells(story, 3)
      first.lose(1006)
      tells(story, 3)
      connect(story, sharedBox(4, 2)).lose(1006)
      tells(story, 4)
      connect(story, sharedBox(4, 2)).lose(1006)
      tells(story, 4)
      connect(story, Box.make("dgsddk", new Uint8Array(0)))
      tells(story, undefined)
      story.machine("phone", "Crashed").machine("phone", "Started")
      tells(story, undefined)
    })
  })

  it("finds what is from before, made up, or kept though it was replaced", () => {
    breaks((story) => {
      connect(story, sharedBox(4, 2)).lose(1006)
      connect(story, sharedBox(5, 3))
      tells(story, 4)
    })
    breaks((story) => {
      connect(story, sharedBox(4, 2))
      tells(story, undefined)
    })
    breaks((story) => tells(story, 7))
    breaks((story) => {
      const line = connect(story, sharedBox(4, 2))
      const answer = sets(story, 5)
      line.hear(set(5, 3))
      answer(done)
      tells(story, 4)
    })
    breaks((story) => {
      connect(story, sharedBox(4, 2)).lose(1006)
      connect(story, Box.make("dgsddk", new Uint8Array(0)))
      tells(story, 4)
    })
    breaks((story) => {
      connect(story, sharedBox(4, 2))
      story.machine("phone", "Crashed").machine("phone", "Started")
      tells(story, 4)
    })
  })

  it("wants nothing to be told when the latest cannot be read", () => {
    right((story) => {
      connect(story, sharedBox(4, 2)).lose(1006)
      connect(story, unreadable)
      tells(story, undefined)
    })
    breaks((story) => {
      connect(story, sharedBox(4, 2)).lose(1006)
      connect(story, unreadable)
      tells(story, 4)
    })
  })

  it("lets either be told until the state is Live, while it is asked for, and where two changes overlap", () => {
    for (const version of [4, 5]) {
      right((story) => {
        connect(story, sharedBox(4, 2)).lose(1006)
        story.live("phone", { existing: true, shared: sharedBox(5, 3) })
        tells(story, version)
      })
      right((story) => {
        const line = connect(story, sharedBox(4, 2))
        const answer = story.ask("phone", { _tag: "GetSharedData" })
        const change = sets(story, 5)
        line.hear(set(5, 3))
        change(done)
        answer(answered(version))
      })
      right((story) => {
        const line = connect(story, Box.make("dgsddk", new Uint8Array(0)))
        const [four, five] = [sets(story, 4), sets(story, 5)]
        line.hear(set(4, 1)).hear(set(5, 2))
        five(done)
        four(done)
        tells(story, version)
      })
    }
    breaks((story) => {
      const line = connect(story, sharedBox(3, 1))
      const [four, five] = [sets(story, 4), sets(story, 5)]
      line.hear(set(4, 2)).hear(set(5, 3))
      five(done)
      four(done)
      tells(story, 6)
    })
  })

  it("wants what was altered to be none, and lets what was replaced be", () => {
    const altered = sharedBox(5, 3)
    altered[altered.length - 1]! ^= 0xff
    const alteredTold = (version: number | undefined) => (story: Story) => {
      connect(story, sharedBox(4, 2)).lose(1006)
      connect(story, altered)
      tells(story, version)
    }
    right(alteredTold(undefined))
    for (const version of [4, 5]) breaks(alteredTold(version))
    const replaced = (version: number | undefined) => (story: Story) => {
      for (const box of [sharedBox(4, 2), sharedBox(5, 3), sharedBox(4, 2)]) connect(story, box).lose(1006)
      tells(story, version)
    }
    for (const version of [undefined, 4]) right(replaced(version))
    breaks(replaced(5))
  })
})
