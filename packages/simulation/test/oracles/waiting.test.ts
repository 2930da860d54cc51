import { type ConnectionState, FellBehind, type UserReason } from "@d2m/client"
import { Box, type DeviceId, ReflectedId, Timestamp } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { calm, plainDevice, run, type Schedule, type ScheduledFault } from "../../src/index.ts"
import { patience } from "../../src/oracles/device/Patience.ts"
import { questions } from "../../src/oracles/device/Questions.ts"
import { reading } from "../../src/oracles/device/Reading.ts"
import { envelope, type Line, live, message, Story } from "./Story.ts"

const ask = (reason: UserReason): ConnectionState => ({ _tag: "NeedsUser", reason, answers: [], pendingReflects: 0 })

const answer = (story: Story, answer: "Continue" | "ConnectAnyway" | "RegisterAgain") =>
  story.tell({ _tag: "UserAnswered", ...story.place("phone"), life: 1, reason: "", answer })

describe("questions", () => {
  const dropped = "the user is asked only for a reason that is true"
  const slot = "a device remembers that it has a slot"
  const clock = "a device whose clock is wrong asks before it goes live"

  it("accepts what only the user can decide, and what follows from the answer", () => {
    const story = new Story(questions)
    const line = story.live("phone")
    story.state("phone", live({ since: 0 }))
    line.close(4113)
    story.state("phone", ask({ _tag: "Dropped" }))
    answer(story, "RegisterAgain")
    story.live("phone")
    story.state("phone", live({ since: 0 }))
    assert.deepStrictEqual(story.end(), [])
  })

  it("finds a question without its reason", () => {
    const story = new Story(questions)
    story.live("phone").lose(1006)
    story.state("phone", ask({ _tag: "Dropped" }))
    assert.deepStrictEqual(story.end(), [dropped])
    const other = new Story(questions)
    other.live("phone").close(4113)
    other.state("phone", ask({ _tag: "DuplicateDevice" }))
    assert.deepStrictEqual(other.end(), [dropped])
  })

  it("finds a user who is told of a chat server that has said nothing of the kind", () => {
    const asked = (canReconnect?: boolean) => {
      const story = new Story(questions)
      const line = story.live("phone")
      if (canReconnect !== undefined) story.tell({ _tag: "ChatClosed", ...story.place("phone"), life: 1, canReconnect })
      line.lose(4000)
      return story.state("phone", ask({ _tag: "ChatRefused" })).end()
    }
    assert.deepStrictEqual([asked(), asked(true), asked(false)], [[dropped], [dropped], []])
  })

  it("finds a slot that was forgotten, unless the storage is gone or the user said so", () => {
    const begin = () => {
      const story = new Story(questions).machine("phone", "Started")
      story.live("phone").story.state("phone", live({ since: 0 }))
      return story.machine("phone", "Crashed")
    }
    const forgetful = begin().machine("phone", "Started", 2)
    forgetful.live("phone")
    assert.deepStrictEqual(forgetful.end(), [slot])
    const empty = begin()
    empty.tell({ _tag: "Machine", ...empty.place("phone"), life: 1, change: "Crashed", withoutStorage: true })
    empty.live("phone")
    assert.deepStrictEqual(empty.end(), [])
  })

  it("finds a clock that nobody looked at, unless the user puts up with it", () => {
    const off = 21 * 60_000
    const story = new Story(questions)
    story.live("phone").story.state("phone", live({ since: off }))
    assert.deepStrictEqual(story.end(), [clock])
    const granted = new Story(questions)
    answer(granted, "ConnectAnyway")
    granted.live("phone").story.state("phone", live({ since: off }))
    assert.deepStrictEqual(granted.end(), [])
    const near = new Story(questions)
    near.live("phone").story.state("phone", live({ since: 19 * 60_000 }))
    assert.deepStrictEqual(near.end(), [])
  })
})

describe("patience", () => {
  const silence = "an idle connection is probed"
  const unanswered = "an answer that does not come ends the connection"
  const asleep = "who was rejected asks again when the transaction has ended"
  const holder = { deviceId: 2n as DeviceId, encryptedScope: Box.make("dgtsk", envelope(1, 42)) }
  const transaction = { _tag: "Transaction", count: 1, bytes: 1, pause: 0, ttl: 0, fails: false } as const
  const probe = { _tag: "GetDevicesInfo" } as const

  it("accepts probes, acks in time and a lock that is asked for again", () => {
    const story = new Story(patience)
    const line = story.live("phone")
    line.reflect(1, envelope(1))
    story.wait(20_000)
    line.hear(probe)
    story.wait(9_000)
    line.ack(1)
    story.wait(11_000)
    line.hear(probe)
    for (let probes = 0; probes < 5; probes++) {
      story.wait(20_000)
      line.hear(probe)
    }
    story.ask("phone", transaction)
    line.begin().say({ _tag: "TransactionRejected", ...holder })
    line.say({ _tag: "TransactionEnded", ...holder }).begin()
    story.wait(20_000)
    line.hear(probe)
    assert.deepStrictEqual(story.end(), [])
  })

  it("finds a probe of a connection that is not idle, where nobody has asked for the devices", () => {
    const busy = "only an idle connection is probed"
    const list = { _tag: "ListDevices" } as const
    const told = (
      tell: (story: Story, line: Line) => unknown,
      operations = [{ at: 0, device: "phone", operation: list }]
    ) => {
      const story = new Story(patience, {}, [], operations)
      tell(story, story.live("phone"))
      return story.end()
    }
    assert.deepStrictEqual(
      told((story, line) => (story.wait(19_000), line.hear(probe))),
      [busy]
    )
    assert.deepStrictEqual(
      told((story, line) => (story.wait(15_000), line.reflect(1, envelope(1)), story.wait(15_000), line.hear(probe))),
      [busy]
    )
    assert.deepStrictEqual(
      told((story, line) => (story.ask("phone", list)({ _tag: "Done", timestamps: [] }), line.hear(probe))),
      [busy]
    )
    assert.deepStrictEqual(
      told((story, line) => (story.ask("phone", list), line.hear(probe))),
      []
    )
    // A program may ask for them as well, and is not heard.
    assert.deepStrictEqual(
      told((_, line) => line.hear(probe), []),
      []
    )
  })

  it("finds silence, whatever ends it", () => {
    for (const end of ["write", "close", "hang up"] as const) {
      const story = new Story(patience)
      const line = story.live("phone")
      story.wait(46_000)
      if (end === "write") line.hear(probe)
      else if (end === "close") line.close(4013)
      else line.hangUp()
      assert.deepStrictEqual(story.end(), [silence], end)
    }
  })

  it("counts no time in which a chat handler holds up the reading, and all the time in which it does not", () => {
    const told = (count: number, tell: (story: Story, line: Line) => unknown) => {
      const story = new Story(patience, { client: { chat: 2 } })
      const line = story.live("phone")
      story.chat(line, "ChatBegun")
      tell(story, line)
      return story.end()
    }
    const waits = (count: number, after: number) =>
      told(count, (story, line) => {
        line.reflect(1, envelope(1)).chats(count)
        story.wait(20_000)
        line.hear(probe)
        story.wait(20_000).heard(line, new Uint8Array(1)).wait(after)
        line.hear(probe)
      })
    assert.deepStrictEqual([waits(3, 40_000), waits(3, 46_000)], [[], [silence, unanswered]])
    assert.deepStrictEqual(waits(2, 10_000), [unanswered])
    const sleeps = (after: number) =>
      told(3, (story, line) => {
        story.ask("phone", transaction)
        line
          .begin()
          .say({ _tag: "TransactionRejected", ...holder })
          .chats(3)
        line.say({ _tag: "TransactionEnded", ...holder })
        story.wait(15_000).heard(line, new Uint8Array(1)).wait(after)
        line.begin()
      })
    assert.deepStrictEqual([sleeps(4_000), sleeps(6_000)], [[], [asleep]])
  })

  it("finds an ack that is waited for without end", () => {
    const story = new Story(patience)
    const line = story.live("phone").reflect(1, envelope(1))
    story.wait(25_000)
    line.reflect(2, envelope(2))
    story.wait(25_000)
    line.ack(2)
    assert.deepStrictEqual(story.end(), [unanswered])
  })

  it("finds who sleeps through the end of a transaction, whichever word came first", () => {
    for (const first of ["Rejected", "Ended"] as const) {
      const story = new Story(patience)
      const line = story.live("phone")
      story.ask("phone", transaction)
      line.begin()
      if (first === "Ended") line.say({ _tag: "TransactionEnded", ...holder })
      line.say({ _tag: "TransactionRejected", ...holder })
      if (first === "Rejected") line.say({ _tag: "TransactionEnded", ...holder })
      story.wait(6_000)
      line.hear(probe)
      assert.deepStrictEqual(story.end(), [asleep], first)
    }
  })

  it("counts no time in which a device is paused, or its handler is at work", () => {
    const story = new Story(patience)
    const line = story.live("phone").reflect(1, envelope(1))
    story.machine("phone", "Paused").wait(60_000).machine("phone", "Resumed")
    const messages = [message(1, 1)]
    story.handling("phone", messages).wait(60_000)
    story.handled("phone", messages)
    line.ack(1).hear(probe)
    assert.deepStrictEqual(story.end(), [])
  })

  const undialled = "a dial that is not answered is given up"
  const sleeping = "who was rejected asks again, though no end of a transaction comes"

  /** What the oracle says of a dial that is answered like this after so many ms; `tell` is what happens meanwhile. */
  const dialled = (answer: "Opened" | "DialFailed", millis: number, tell: (story: Story) => unknown = () => {}) => {
    const story = new Story(patience)
    story.tell({ _tag: "Dialed", ...story.place("phone") })
    tell(story)
    story.wait(millis)
    story.tell(
      answer === "Opened"
        ? { _tag: answer, ...story.place("phone"), connection: 1 }
        : { _tag: answer, ...story.place("phone"), why: "connection refused" }
    )
    return story.end()
  }

  it("finds a dial that is waited for without end", () => {
    for (const answer of ["Opened", "DialFailed"] as const) {
      assert.deepStrictEqual(dialled(answer, 9_900), [], answer)
      assert.deepStrictEqual(dialled(answer, 11_000), [undialled], answer)
    }
  })

  it("counts a dial anew when another one is made, or the device was paused", () => {
    const again = (story: Story) => story.wait(12_000).tell({ _tag: "Dialed", ...story.place("phone") })
    assert.deepStrictEqual(dialled("Opened", 9_000, again), [])
    assert.deepStrictEqual(dialled("Opened", 11_000, again), [undialled])
    const paused = (story: Story) => story.machine("phone", "Paused").wait(60_000).machine("phone", "Resumed")
    assert.deepStrictEqual(dialled("Opened", 5_000, paused), [])
    assert.deepStrictEqual(dialled("Opened", 11_000, paused), [undialled])
    const restarted = (story: Story) => story.wait(30_000).machine("phone", "Crashed").machine("phone", "Started", 2)
    assert.deepStrictEqual(dialled("Opened", 1_000, restarted), [])
  })

  /** A device that was rejected, and is silent but for its probes for so many times 20 s. */
  const rejected = (probes: number) => {
    const story = new Story(patience)
    const line = story.live("phone")
    const answered = story.ask("phone", transaction)
    line.begin().say({ _tag: "TransactionRejected", ...holder })
    for (let probed = 0; probed < probes; probed++) {
      story.wait(20_000)
      line.hear(probe)
    }
    return { story, line, answered }
  }

  it("accepts who asks for the lock again after 65 s, or wants it no more", () => {
    const asked = rejected(3)
    asked.story.wait(6_000)
    asked.line.begin()
    asked.story.wait(20_000)
    asked.line.hear(probe)
    assert.deepStrictEqual(asked.story.end(), [])
    const answered = rejected(3)
    answered.answered({ _tag: "Failed", error: "PreconditionFailed", lockHeld: false })
    answered.story.wait(20_000)
    answered.line.hear(probe)
    assert.deepStrictEqual(answered.story.end(), [])
    const reconnected = rejected(3)
    reconnected.line.close(1001)
    reconnected.story.live("phone").story.wait(15_000)
    reconnected.line.hear(probe)
    assert.deepStrictEqual(reconnected.story.end(), [])
  })

  it("finds who waits for ever for the end of a transaction that is lost, whatever it does in the end", () => {
    assert.deepStrictEqual(rejected(4).story.end(), [sleeping])
    for (const end of ["begin", "close", "hang up"] as const) {
      const { line, story } = rejected(3)
      story.wait(11_000)
      if (end === "begin") line.begin()
      else if (end === "close") line.close(1001)
      else line.hangUp()
      assert.deepStrictEqual(story.end(), [sleeping], end)
    }
  })

  it("gives who was paused in the middle of its patience the time that is left, and no more", () => {
    const { line, story } = rejected(3)
    story.machine("phone", "Paused").wait(60_000).machine("phone", "Resumed").wait(4_000)
    line.hear(probe)
    assert.deepStrictEqual(story.broken, [])
    story.wait(2_000)
    line.hear(probe)
    assert.deepStrictEqual(story.end(), [sleeping])
  })
})

describe("reading", () => {
  const heldUp = "a handler that stands still does not hold up the reading of a device that waits"
  const tooSoon = "messages are passed over only when their handler has stood still for a while"
  const atLeisure = "messages are passed over only by a device that waits for the mediator"
  const reflect = { _tag: "Reflect", count: 1, bytes: 1 } as const
  const operations = [{ at: 0, device: "phone", operation: reflect }]

  /** Messages that a handler begins with and has not come to an end of. */
  const busy = (story: Story) => story.handling("phone", [message(1, 1)])
  const moves = (story: Story) => story.handled("phone", [message(1, 1)])
  const passedOver = (story: Story) =>
    story.tell({ _tag: "Happened", ...story.place("phone"), life: 1, event: { _tag: "PassedOver" } })
  const reflectedOf = (id: number) =>
    ({
      _tag: "Reflected",
      flags: 0,
      reflectedId: ReflectedId.make(id),
      timestamp: Timestamp.make(0n),
      envelope: Box.make("dgrk", envelope(id))
    }) as const
  const sent = (line: Line, id: number) => line.send(reflectedOf(id))

  /** A handler that stands still for so long in front of a message and an ack that are not read. */
  const stuck = (
    millis: number,
    tell: (story: Story, line: Line) => unknown = () => {},
    faults: ReadonlyArray<ScheduledFault> = []
  ) => {
    const story = new Story(reading, {}, faults, operations)
    const line = busy(story).live("phone")
    line.reflect(1, envelope(1))
    sent(line, 1)
    tell(story, line)
    story.wait(millis)
    return moves(story).end()
  }

  it("finds a handler that stands still and holds up the reading without end", () => {
    assert.deepStrictEqual([stuck(20_000), stuck(21_000)], [[], [heldUp]])
    for (const end of ["write", "close", "hang up"] as const) {
      const told = stuck(0, (story, line) => {
        story.wait(21_000)
        if (end === "write") line.hear({ _tag: "GetDevicesInfo" })
        else if (end === "close") line.close(4013)
        else line.hangUp()
      })
      assert.deepStrictEqual(told, [heldUp], end)
    }
  })

  it("counts from when the handler has begun, and from when the device has read last", () => {
    const read = (story: Story, line: Line) => {
      story.wait(15_000)
      line.read(reflectedOf(1))
      sent(line, 2)
    }
    assert.deepStrictEqual([stuck(19_000, read), stuck(21_000, read)], [[], [heldUp]])
    const begun = (story: Story, line: Line) => {
      busy(moves(story.wait(15_000)))
      sent(line, 2)
    }
    assert.deepStrictEqual([stuck(19_000, begun), stuck(21_000, begun)], [[], [heldUp]])
  })

  it("lets a device wait with the reading that waits for nothing, or that nothing has come to", () => {
    const acked = (_: Story, line: Line) => line.ack(1)
    assert.deepStrictEqual(stuck(60_000, acked), [])
    const read = (_: Story, line: Line) => line.read(reflectedOf(1))
    assert.deepStrictEqual(stuck(60_000, read), [])
  })

  it("expects nothing to have come while something is the matter with the way, the machine or the mediator", () => {
    for (const kind of ["Stall", "Delay", "Slow", "SlowReader"]) {
      const during = (story: Story) => story.fault(kind, "Begun", "phone")
      assert.deepStrictEqual(stuck(60_000, during), [], kind)
      const over = (story: Story) => during(story).wait(15_000).fault(kind, "Ended", "phone")
      assert.deepStrictEqual([stuck(19_000, over), stuck(21_000, over)], [[], [heldUp]], kind)
      const others = (story: Story) => story.fault(kind, "Begun", "desktop")
      assert.deepStrictEqual(stuck(21_000, others), [heldUp], kind)
    }
    const vanished = (story: Story) => story.fault("Vanish", "Begun", "phone").fault("Vanish", "Ended", "phone")
    assert.deepStrictEqual(stuck(60_000, vanished), [])
    const misled = (story: Story) => story.fault("Misbehave", "Begun", "phone").fault("Misbehave", "Ended", "phone")
    assert.deepStrictEqual(stuck(60_000, misled), [])
    const paused = (story: Story) => story.machine("phone", "Paused").wait(60_000).machine("phone", "Resumed")
    assert.deepStrictEqual([stuck(19_000, paused), stuck(21_000, paused)], [[], [heldUp]])
    const delay = { at: 0, fault: { _tag: "Delay", device: "phone", way: "down", by: 5_000, lasts: 1 } } as const
    const late = (story: Story) => story.fault("Delay", "Begun", "phone").fault("Delay", "Ended", "phone")
    assert.deepStrictEqual([stuck(24_000, late, [delay]), stuck(26_000, late, [delay])], [[], [heldUp]])
  })

  it("finds messages that are passed over too soon, or by a device that waits for nothing", () => {
    const told = (millis: number, waitsFor: "a reflect" | "an answer" | "nothing") => {
      const story = new Story(reading, {}, [], operations)
      const line = story.live("phone")
      if (waitsFor === "a reflect") line.reflect(1, envelope(1))
      const answered = story.ask("phone", { _tag: "ListDevices" })
      if (waitsFor !== "an answer") answered({ _tag: "Done", timestamps: [] })
      busy(story)
      line.say(reflectedOf(1))
      return passedOver(story.wait(millis)).end()
    }
    assert.deepStrictEqual(told(10_000, "a reflect"), [])
    assert.deepStrictEqual(told(10_000, "an answer"), [])
    assert.deepStrictEqual(told(9_000, "an answer"), [tooSoon])
    assert.deepStrictEqual(told(10_000, "nothing"), [atLeisure])
  })

  it("lets a device pass messages over that stops while it waits", () => {
    const story = new Story(reading, {}, [], operations)
    const line = story.live("phone")
    line.reflect(1, envelope(1))
    busy(story).wait(10_000)
    story.tell({ _tag: "Machine", ...story.place("phone"), life: 1, change: "Stopped" })
    assert.deepStrictEqual(passedOver(story).end(), [])
  })

  describe("of a device that chats", () => {
    const givenUpBehindNothing = "a connection is given up only behind a handler that stands still"
    const givenUpTooSoon = "a connection is given up for its chat handler only when that has stood still for a while"
    const givenUpAtLeisure =
      "a connection is given up for its chat handler only by a device that waits for the mediator"
    /** A chat handler that leaves so many messages where there is room for two, in front of an ack that is not read. */
    const leaves = (count: number, waits = true) => {
      const story = new Story(reading, { client: { chat: 2 } }, [], operations)
      const line = story.live("phone")
      story.chat(line, "ChatBegun")
      if (waits) line.reflect(1, envelope(1))
      line.chats(count)
      story.wait(1)
      sent(line, 1)
      return { line, story }
    }
    const fallsBehind = ({ line, story }: ReturnType<typeof leaves>) => {
      line.hangUp()
      const because = new FellBehind()
      return story
        .tell({
          _tag: "Happened",
          ...story.place("phone"),
          life: 1,
          event: { _tag: "Disconnected", because, warn: false }
        })
        .end()
    }

    it("finds a chat handler that stands still and holds up the reading without end", () => {
      const told = (count: number, millis: number) => {
        const { line, story } = leaves(count)
        story.wait(millis).heard(line, new Uint8Array(1))
        return story.end()
      }
      assert.deepStrictEqual([told(3, 20_000), told(3, 21_000), told(2, 60_000)], [[], [heldUp], []])
    })

    it("counts anew for the other handler when the chat handler has moved, and is over with it", () => {
      const told = (end: "heard" | "over", millis: number) => {
        const { line, story } = leaves(3)
        busy(story)
        sent(line, 2)
        story.wait(15_000)
        if (end === "heard") story.heard(line, new Uint8Array(1))
        else story.chatOver(line)
        return moves(story.wait(millis)).end()
      }
      for (const end of ["heard", "over"] as const) {
        assert.deepStrictEqual([told(end, 19_000), told(end, 21_000)], [[], [heldUp]], end)
      }
    })

    it("finds a connection that is given up too soon, by a device that waits for nothing, or behind nothing", () => {
      const gone = (count: number, millis: number, waits: boolean) => {
        const left = leaves(count, waits)
        left.story.wait(millis)
        return fallsBehind(left)
      }
      assert.deepStrictEqual(gone(3, 10_000, true), [])
      assert.deepStrictEqual(gone(3, 9_000, true), [givenUpTooSoon])
      assert.deepStrictEqual(gone(3, 10_000, false), [givenUpAtLeisure])
      assert.deepStrictEqual(gone(2, 10_000, true), [givenUpBehindNothing])
    })

    it("takes the word of a device that its connection is over for its end, where it has nothing to close", () => {
      const { line, story } = leaves(3)
      line.lose(1006)
      const because = new FellBehind()
      story.wait(9_000).state("phone", { _tag: "Waiting", failures: 1, because, pendingReflects: 0 })
      const event = { _tag: "Disconnected", because, warn: false } as const
      story.wait(5_000).tell({ _tag: "Happened", ...story.place("phone"), life: 1, event })
      assert.deepStrictEqual(story.end(), [givenUpTooSoon])
    })

    it("lets a connection be given up on which messages were passed over", () => {
      const left = leaves(0)
      passedOver(left.story.wait(10_000))
      assert.deepStrictEqual(fallsBehind(left), [])
    })
  })

  it("is what a world comes to whose handler stands still in front of an ack, and a tally counts it", () => {
    const world = {
      version: 1,
      seed: 1,
      duration: 60_000,
      conditions: { ...calm, client: { reflected: 1 } },
      devices: [plainDevice("phone"), plainDevice("desktop")],
      operations: Array.from({ length: 40 }, (_, at) => ({
        at: 5_000 + 1_000 * at,
        device: at % 2 === 0 ? "phone" : "desktop",
        operation: reflect
      })),
      faults: [{ at: 4_000, fault: { _tag: "HandlerStalls", device: "phone", lasts: 40_000 } as const }]
    } satisfies Schedule
    const { tally, violation } = run(world)
    assert.isUndefined(violation)
    assert.strictEqual(tally.faults.get("PassedOver"), 1)
  })
})
