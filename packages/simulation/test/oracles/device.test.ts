import { type ConnectionState } from "@d2m/client"
import { assert, describe, it } from "@effect/vitest"
import { bounds } from "../../src/oracles/device/Bounds.ts"
import { connectionTruth } from "../../src/oracles/device/ConnectionTruth.ts"
import { reconnecting } from "../../src/oracles/device/Reconnecting.ts"
import { live, message, start, Story } from "./Story.ts"

const waiting = (story: Story, failures: number, delay: number, code = 1006, by: "server" | "network" = "network") =>
  story.state("phone", {
    _tag: "Waiting",
    failures,
    nextTryAt: start + story.time + delay,
    because: closed(code, by),
    pendingReflects: 0
  })

const closed = (code: number, by: "server" | "network") =>
  ({ _tag: "Closed", code, by, reason: "" }) as unknown as Extract<
    ConnectionState,
    { readonly _tag: "Waiting" }
  >["because"]

const dial = (story: Story) => story.tell({ _tag: "Dialed", ...story.place("phone") })

describe("reconnecting, by the wire", () => {
  const lost = (code: number) => {
    const story = new Story(reconnecting).machine("phone", "Started")
    const line = story.open("phone")
    story.wait(100)
    line.lose(code)
    return story
  }
  const answered = (story: Story) =>
    story.tell({ _tag: "UserAnswered", ...story.place("phone"), life: 1, reason: "Dropped", answer: "RegisterAgain" })

  it("wants the user's word after 41xx, or a restart", () => {
    const rule = "after 41xx nothing connects without the user"
    for (const code of [4100, 4113, 4199]) assert.deepStrictEqual(dial(lost(code)).end(), [rule])
    for (const code of [1006, 4010, 4013, 4200]) assert.deepStrictEqual(dial(lost(code)).end(), [])
    assert.deepStrictEqual(dial(answered(lost(4113))).end(), [])
    assert.deepStrictEqual(dial(lost(4113).machine("phone", "Started", 2)).end(), [])
  })

  const goodbye = (story: Story, canReconnect: boolean) =>
    story.tell({ _tag: "ChatClosed", ...story.place("phone"), life: 1, canReconnect })

  it("lets a close-error of the chat server decide in the place of the close code", () => {
    const rule = "after a close-error that forbids it nothing connects without the user"
    for (const code of [1006, 4000, 4113]) {
      assert.deepStrictEqual(dial(goodbye(lost(code), true)).end(), [])
      assert.include(dial(goodbye(lost(code), false)).end(), rule)
    }
    assert.deepStrictEqual(dial(answered(goodbye(lost(4000), false))).end(), [])
    // It counts for one connection.
    const again = dial(goodbye(lost(4113), true))
    again.open("phone").lose(4113)
    assert.deepStrictEqual(dial(again).end(), ["after 41xx nothing connects without the user"])
    // The device has stopped waiting for it.
    assert.deepStrictEqual(dial(goodbye(lost(4000).wait(5_000), false)).end(), [])
    const asked = goodbye(lost(4113), true).state("phone", {
      _tag: "NeedsUser",
      reason: { _tag: "Dropped" },
      answers: [],
      pendingReflects: 0
    })
    assert.deepStrictEqual(asked.end(), [
      "a close-error that permits to come back decides in the place of the close code"
    ])
  })

  it("gives the chat server no say in what the device itself cannot accept", () => {
    const story = new Story(reconnecting).machine("phone", "Started")
    const line = story.open("phone")
    goodbye(story, true)
    story.tell({ _tag: "DeviceClosed", ...line.place(), code: 4115 })
    assert.deepStrictEqual(dial(story).end(), ["after 41xx nothing connects without the user"])
  })

  it("excuses a device that had given up before it read the close", () => {
    const told = (because: ReturnType<typeof closed>) => {
      const story = lost(4113)
      const event = { _tag: "Disconnected", because, warn: false } as const
      return dial(story.tell({ _tag: "Happened", ...story.place("phone"), life: 1, event })).end()
    }
    assert.deepStrictEqual(told(closed(4113, "server")).length, 1)
    assert.deepStrictEqual(told({ _tag: "FellBehind" } as unknown as ReturnType<typeof closed>), [])
  })
})

describe("reconnecting", () => {
  const begin = () => {
    const story = new Story(reconnecting).machine("phone", "Started")
    return dial(story)
  }

  it("accepts linear backoff, a fresh start after 30 s, and the user's way out", () => {
    const story = begin()
    dial(waiting(story.wait(10), 1, 2_000).wait(1_700))
    dial(waiting(story.wait(10), 2, 4_000).wait(4_700))
    story.wait(10).state("phone", live()).wait(31_000)
    // The state is told again when what pends has changed.
    waiting(story, 1, 2_000)
    dial(waiting(story.wait(5), 1, 1_995).wait(1_995))
    story.state("phone", { _tag: "NeedsUser", reason: { _tag: "Dropped" }, answers: [], pendingReflects: 0 })
    story.wait(5_000).tell({
      _tag: "UserAnswered",
      ...story.place("phone"),
      life: 1,
      reason: "Dropped",
      answer: "RegisterAgain"
    })
    dial(story)
    dial(waiting(story, 1, 2_000).ask("phone", { _tag: "RetryNow" }) && story)
    assert.deepStrictEqual(story.end(), [])
  })

  it("finds a dial that comes too early", () => {
    const story = begin()
    dial(waiting(story, 3, 6_000).wait(4_700))
    assert.include(story.end(), "the time between connections grows linearly")
  })

  it("wants a server that refuses the upgrade to be left alone for as long as it asks for", () => {
    const refused = () => {
      const story = begin()
      const refusal = { status: 503, retryAfter: 20_000 }
      return story.tell({ _tag: "DialFailed", ...story.place("phone"), why: "HTTP 503", refusal })
    }
    assert.deepStrictEqual(dial(waiting(refused(), 1, 20_000).wait(20_000)).end(), [])
    const rule = "the time between connections grows linearly"
    for (const wait of [2_000, 26_000]) {
      assert.deepStrictEqual(dial(waiting(refused(), 1, wait).wait(wait)).end(), [rule])
    }
    // Nobody asks for anything any more.
    const next = dial(waiting(refused(), 1, 20_000).wait(20_000))
    assert.deepStrictEqual(dial(waiting(next, 2, 4_000).wait(4_000)).end(), [])
  })

  it("finds a dial that comes too late, unless the device was paused", () => {
    const story = begin()
    dial(waiting(story, 1, 2_000).wait(2_500))
    assert.deepStrictEqual(story.end(), ["the time between connections grows linearly"])
    const other = begin()
    dial(waiting(other, 1, 2_000).machine("phone", "Paused").wait(60_000).machine("phone", "Resumed"))
    dial(waiting(other.machine("phone", "Paused"), 2, 4_000).wait(60_000).machine("phone", "Resumed"))
    assert.deepStrictEqual(other.end(), [])
  })

  it("finds failures that are not counted", () => {
    const story = begin()
    dial(waiting(story, 1, 2_000).wait(2_400))
    waiting(story, 1, 2_000)
    assert.deepStrictEqual(story.end(), [
      "failures in a row are counted one by one, and start over after a good connection"
    ])
  })

  it("finds a device that never asks", () => {
    const story = begin()
    for (let failures = 1; failures <= 30; failures++) {
      dial(waiting(story, failures, 2_000 * failures).wait(2_000 * failures))
    }
    assert.deepStrictEqual(story.end(), ["after 30 failures in a row the user is asked"])
  })

  it("finds a device that reconnects after 4113, and one that does not wait for its user", () => {
    const story = begin()
    waiting(story, 1, 2_000, 4113, "server")
    assert.deepStrictEqual(story.end(), ["a close that needs the user is not answered with another connection"])
    const other = begin().state("phone", {
      _tag: "NeedsUser",
      reason: { _tag: "Dropped" },
      answers: [],
      pendingReflects: 0
    })
    dial(other)
    assert.deepStrictEqual(other.end(), ["while the user is asked, nothing connects"])
  })
})

describe("connection truth", () => {
  it("accepts what is true", () => {
    const story = new Story(connectionTruth).machine("phone", "Started")
    const line = story.live("phone")
    story.state("phone", live({ dry: true, pending: 2 }))
    line.say({ _tag: "RolePromotedToLeader" })
    story.state("phone", live({ dry: true, leader: true }))
    line.lose(1006)
    story.machine("phone", "Stopped").state("phone", { _tag: "Stopped", died: false, pendingReflects: 0 })
    assert.deepStrictEqual(story.end(), [])
    assert.isUndefined(story.owed)
  })

  it("finds a device that stops though nobody has told it to", () => {
    const story = new Story(connectionTruth).machine("phone", "Started")
    story.machine("phone", "Stopped").machine("phone", "Started", 2)
    story.live("phone")
    story.state("phone", { _tag: "Stopped", died: false, pendingReflects: 0 }, 2)
    assert.deepStrictEqual(story.end(), ["a device stops only when it is told to"])
  })

  describe("once the connection is over", () => {
    const unaware = "a device that has lost its connection is not Live"
    const begin = () => {
      const story = new Story(connectionTruth).machine("phone", "Started")
      const line = story.live("phone")
      story.state("phone", live())
      return { story, line }
    }
    const handling = (story: Story) => story.handling("phone", [message(1, 1)])
    const handled = (story: Story) => story.handled("phone", [message(1, 1)])

    it("finds a device that goes on saying Live, whoever ended it", () => {
      for (const end of ["lose", "hangUp"] as const) {
        const { line, story } = begin()
        line[end](1000)
        assert.deepStrictEqual(story.end(), [unaware], end)
        const other = begin()
        other.line[end](1000)
        waiting(other.story, 1, 2_000)
        assert.deepStrictEqual(other.story.end(), [], end)
      }
    })

    it("finds Live anew, with what was read of the connection before", () => {
      const { line, story } = begin()
      line.lose(1006)
      waiting(story, 1, 2_000)
        .wait(10)
        .state("phone", live({ dry: true }))
      assert.deepStrictEqual(story.end(), [
        "a device is Live when ServerInfo has come",
        "a device is dry when ReflectionQueueDry has come",
        unaware
      ])
    })

    it("excuses who does not read: paused, with a handler at work, on a slow host", () => {
      const excuses: ReadonlyArray<readonly [(story: Story) => Story, (story: Story) => Story]> = [
        [(story) => story.machine("phone", "Paused"), (story) => story.machine("phone", "Resumed")],
        [handling, (story) => handled(story).wait(2_000)],
        [
          (story) => story.fault("SlowReader", "Begun", "phone"),
          (story) => story.fault("SlowReader", "Ended", "phone").wait(2_000)
        ]
      ]
      for (const [excuse, over] of excuses) {
        const { line, story } = begin()
        excuse(story)
        line.lose(1006)
        over(story.wait(60_000))
        assert.deepStrictEqual(waiting(story, 1, 2_000).end(), [])
        const other = begin()
        excuse(other.story)
        other.line.lose(1006)
        assert.deepStrictEqual(over(other.story.wait(60_000)).wait(2_000).end(), [unaware])
      }
    })

    it("has no excuse but a pause for one that has hung up itself", () => {
      const { line, story } = begin()
      handling(story)
      line.hangUp()
      assert.deepStrictEqual(story.end(), [unaware])
    })
  })

  it("finds Live before ServerInfo, and dry and leader before their frames", () => {
    const story = new Story(connectionTruth).machine("phone", "Started")
    story.open("phone").greet()
    story.state("phone", live({ dry: true, leader: true }))
    assert.deepStrictEqual(story.end(), [
      "a device is Live when ServerInfo has come",
      "a device is dry when ReflectionQueueDry has come",
      "a device leads when it was promoted"
    ])
  })

  it("finds two connections at a time, and life after Stopped", () => {
    const story = new Story(connectionTruth).machine("phone", "Started")
    story.open("phone")
    story.open("phone")
    story.machine("phone", "Stopped").state("phone", { _tag: "Stopped", died: false, pendingReflects: 0 })
    story.state("phone", { _tag: "Connecting", attempt: 1, pendingReflects: 0 })
    assert.deepStrictEqual(story.end(), [
      "a device holds one connection at a time",
      "a device that has stopped has stopped"
    ])
  })

  it("is owed what pends", () => {
    const story = new Story(connectionTruth).machine("phone", "Started")
    story.live("phone")
    story.state("phone", live({ dry: true, pending: 1 }))
    assert.strictEqual(story.owed, "phone says that 1 reflects pend")
  })
})

describe("bounds", () => {
  const batch = (length: number) => Array.from({ length }, (_, id) => message(id, id))
  const waiting = "reflects that wait for their acks are bounded"
  const small = { client: { reflects: 1_000, reflected: 3 } }

  it("accepts a device that waits for its acks", () => {
    const story = new Story(bounds)
    const line = story.live("phone")
    for (let id = 1; id <= 1000; id++) line.reflect(id, new Uint8Array(60_000)).ack(id)
    story.handle("phone", batch(256))
    assert.deepStrictEqual(story.end(), [])
  })

  it("finds one that does not, and a handler that is given too much", () => {
    const story = new Story(bounds)
    const line = story.live("phone")
    for (let id = 1; id <= 400; id++) line.reflect(id, new Uint8Array(60_000))
    story.handle("phone", batch(257))
    assert.deepStrictEqual([...new Set(story.end())], [waiting, "a handler is given a bounded number of messages"])
  })

  it("goes by what the schedule lets a client hold, of a transaction apart, and by one that has the room for itself", () => {
    const told = (tell: (story: Story, line: ReturnType<Story["live"]>) => unknown): ReadonlyArray<string> => {
      const story = new Story(bounds, small)
      tell(story, story.live("phone"))
      return story.end()
    }
    const two = (line: ReturnType<Story["live"]>, first: number) =>
      line.reflect(first, new Uint8Array(700)).reflect(first + 1, new Uint8Array(700))
    assert.deepStrictEqual(
      told((_, line) => two(line, 1)),
      []
    )
    assert.deepStrictEqual(
      told((_, line) => two(line, 1).reflect(3, new Uint8Array(400))),
      [waiting]
    )
    assert.deepStrictEqual(
      told((_, line) => two(line, 1).ack(2).reflect(3, new Uint8Array(400))),
      []
    )
    assert.deepStrictEqual(
      told((_, line) => two(two(line, 1).begin(), 3)),
      []
    )
    assert.deepStrictEqual(
      told((_, line) => line.reflect(1, new Uint8Array(5_000))),
      []
    )
    assert.deepStrictEqual(
      told((_, line) => line.reflect(1, new Uint8Array(5_000)).reflect(2, new Uint8Array(10))),
      [waiting]
    )
    assert.deepStrictEqual(
      told((story) => story.handle("phone", batch(3))),
      []
    )
    assert.deepStrictEqual(
      told((story) => story.handle("phone", batch(4))),
      ["a handler is given a bounded number of messages"]
    )
  })

  it("finds requests without end, and a frame that is too long", () => {
    const story = new Story(bounds)
    const line = story.live("phone")
    for (let n = 0; n <= 200; n++) line.hear({ _tag: "GetDevicesInfo" })
    story.tell({ _tag: "DeviceSent", ...line.place(), message: new Uint8Array(65_537), frame: undefined })
    assert.deepStrictEqual(story.end(), ["requests without an answer are bounded", "a frame holds at most 65536 bytes"])
  })
})
