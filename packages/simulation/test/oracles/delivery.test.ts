import type { ReflectedMessage } from "@d2m/client"
import { DeviceId, type Timestamp } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { type Answer, type Conditions, type OracleMaker } from "../../src/index.ts"
import { reflectedHandling } from "../../src/oracles/device/ReflectedHandling.ts"
import { delivery } from "../../src/oracles/Delivery.ts"
import { boxed, envelope, garbled, message, start, Story } from "./Story.ts"

const judge = (maker: OracleMaker) => {
  const told = (tell: (story: Story) => unknown, conditions: Partial<Conditions> = {}): ReadonlyArray<string> => {
    const story = new Story(maker, conditions)
    for (const name of ["phone", "desktop", "tablet"]) story.machine(name, "Started")
    tell(story)
    return story.end()
  }
  return {
    right: (tell: (story: Story) => unknown, conditions?: Partial<Conditions>): void =>
      assert.deepStrictEqual(told(tell, conditions), []),
    breaks: (rule: string, tell: (story: Story) => unknown, conditions?: Partial<Conditions>): void =>
      assert.deepStrictEqual(told(tell, conditions), [rule])
  }
}

describe("handling", () => {
  const { breaks, right } = judge(reflectedHandling)

  it("finds nothing wrong with handling, redelivery, failure and quarantine", () => {
    right((story) => {
      const phone = story.live("phone")
      phone.reflected(1, envelope(1)).reflected(2, envelope(2))
      story.handle("phone", [message(1, 1), message(2, 2)])
      phone.reflectedAck(1).lose(1006)
      const again = story.live("phone", { existing: true })
      again.reflected(2, envelope(2)).reflectedAck(2)
      again.reflected(3, envelope(3))
      assert.match(story.owed ?? "", /has not acked/)
      for (let attempt = 0; attempt < 3; attempt++) story.handle("phone", [message(3, 3)], "Failed")
      story.quarantined("phone", 3)
      again.reflectedAck(3)
      assert.isUndefined(story.owed)
    })
  })

  it("lets who was told to stop end what it is at", () => {
    right((story) => {
      const phone = story.live("phone").reflected(1, envelope(1))
      story.machine("phone", "Stopped").handle("phone", [message(1, 1)])
      phone.reflectedAck(1)
    })
    breaks("a message is acked after it was handled or set aside", (story) => {
      const phone = story.live("phone").reflected(1, envelope(1))
      story.machine("phone", "Stopped")
      phone.reflectedAck(1)
    })
    // Nothing is left of it in the next life, whose handler is another one.
    right((story) => {
      story.live("phone").reflected(1, envelope(1))
      story.handling("phone", [message(1, 1)])
      story.machine("phone", "Stopped").machine("phone", "Started", 2)
      story.live("phone", { existing: true }).reflected(1, envelope(1))
      story.handle("phone", [message(1, 1)])
    })
  })

  it("takes a device that died behind the last failure for one that may have set the message aside", () => {
    const failForGood = (story: Story) => {
      story.live("phone").reflected(1, envelope(1))
      for (let attempt = 0; attempt < 3; attempt++) story.handle("phone", [message(1, 1)], "Failed")
    }
    const comeAgain = (story: Story) => {
      story.machine("phone", "Crashed").machine("phone", "Started")
      return story.live("phone", { existing: true }).reflected(1, envelope(1))
    }
    right((story) => {
      failForGood(story)
      comeAgain(story).reflectedAck(1)
    })
    right((story) => {
      failForGood(story)
      const again = comeAgain(story)
      story.handle("phone", [message(1, 1)])
      again.reflectedAck(1)
    })
    breaks("what was set aside is not handled again", (story) => {
      failForGood(story)
      story.quarantined("phone", 1)
      const again = comeAgain(story)
      story.handle("phone", [message(1, 1)])
      again.reflectedAck(1)
    })
  })

  it("wants the handler to be told who has sent a message, and as what", () => {
    const rule = "the handler is told who has sent a message, and as what"
    const told =
      (change: Partial<ReflectedMessage>, flags = 0) =>
      (story: Story) => {
        const desktop = story.live("desktop")
        const phone = story.live("phone")
        desktop.reflect(1, envelope(1), flags)
        phone.reflected(1, envelope(1), 0, flags)
        story.handle("phone", [{ ...message(1, 1), sender: 2n as DeviceId, ...change }])
      }
    right(told({}))
    right(told({ ephemeral: true }, 1))
    breaks(rule, told({ sender: 1n as DeviceId }))
    breaks(rule, told({ sender: 0n as DeviceId }))
    breaks(rule, told({ ephemeral: true }))
    breaks(rule, told({ ephemeral: false }, 1))
    breaks("the handler gets only what the device got", told({ timestamp: 7n as Timestamp }))
  })

  it("wants a message tried three times at most each time it comes", () => {
    const fail = (story: Story, times: number) => {
      for (let n = 0; n < times; n++) story.handle("phone", [message(1, 1)], n % 2 === 0 ? "Failed" : "Died")
    }
    breaks("a handler is tried 3 times at most", (story) => {
      story.live("phone").reflected(1, envelope(1))
      fail(story, 4)
    })
    right((story) => {
      // Interrupted by a crash, and then by a quarantine that could not be written.
      story.live("phone").reflected(1, envelope(1))
      fail(story, 2)
      story.machine("phone", "Crashed").machine("phone", "Started", 2)
      for (let n = 0; n < 2; n++) {
        const line = story.live("phone", { existing: true }).reflected(1, envelope(1))
        fail(story, 3)
        line.lose(1006)
      }
    })
  })

  it("wants what is told to be in quarantine to be kept there, as it came", () => {
    const failed = (story: Story) => {
      story.live("phone").reflected(1, envelope(1)).reflected(2, envelope(2))
      for (let attempt = 0; attempt < 3; attempt++) story.handle("phone", [message(1, 1)], "Failed")
      return story
    }
    const rule = "what is told to be in quarantine is kept there"
    right((story) => failed(story).kept("phone", 1).quarantineTold("phone", 1))
    breaks(rule, (story) => failed(story).quarantineTold("phone", 1))
    // Shared data that an attacker has altered, which came in no frame of its own.
    right((story) => failed(story).kept("phone", 0, envelope(9)).quarantineTold("phone", 0, "NonceReused"))
    breaks(rule, (story) => failed(story).quarantineTold("phone", 0, "NonceReused"))
    breaks(rule, (story) => failed(story).kept("phone", 2).quarantineTold("phone", 1))
    breaks(rule, (story) => failed(story).kept("phone", 1, envelope(2)).quarantineTold("phone", 1))
    breaks(rule, (story) => {
      failed(story)
        .kept("phone", 1)
        .machine("phone", "Crashed")
        .machine("phone", "Started", 2)
        .quarantineTold("phone", 1)
    })
  })

  it("lets a device set aside what does not open, and nothing else as such", () => {
    const rule = "what is set aside because it does not open does not"
    const kept = (box: Uint8Array) => (story: Story) => {
      const phone = story.live("phone").reflected(1, box)
      story.kept("phone", 1, box, "Undecryptable").quarantineTold("phone", 1, "Undecryptable")
      return phone.reflectedAck(1)
    }
    right(kept(envelope(1)))
    breaks(rule, kept(boxed(7, 1)))
    // It comes again as it was, behind what came behind it; or it was altered when it came again.
    const [altered, whole] = [envelope(1), boxed(1, 1)]
    right((story) => {
      story.live("phone").reflected(1, altered).reflected(2, boxed(2)).lose(1006)
      const again = story.live("phone", { existing: true }).reflected(1, whole).reflected(2, boxed(2))
      story.handle("phone", [message(2, 2), message(1, 1)])
      story.kept("phone", 1, altered, "Undecryptable").quarantineTold("phone", 1, "Undecryptable")
      again.reflectedAck(1).reflectedAck(2)
    })
    right((story) => {
      story.live("phone").reflected(1, whole).reflected(2, boxed(2)).lose(1006)
      const again = story.live("phone", { existing: true }).reflected(1, altered)
      story.handle("phone", [message(1, 1)]).handle("phone", [message(2, 2)])
      again.reflectedAck(1)
    })
    breaks("a message is acked after it was handled or set aside", (story) =>
      story.live("phone").reflected(1, envelope(1)).reflectedAck(1)
    )
  })

  it("wants what opens and cannot be read to be set aside, told and acked, and never handled", () => {
    /** The desktop has reflected three messages, of which the first two were garbled on their way to the phone. */
    const begin = (story: Story) => {
      story.fault("Garble", "Begun", "desktop")
      story.live("desktop").reflect(1, boxed(1)).reflect(2, boxed(2)).reflect(3, boxed(3))
      return story.live("phone").reflected(1, garbled(1)).reflected(2, garbled(2), 0, 1).reflected(3, boxed(3))
    }
    const kept = (story: Story, id: number, box = garbled(id)) => story.kept("phone", id, box, "Malformed")
    const told = (story: Story, id: number) => story.quarantineTold("phone", id, "Malformed")
    const done = (story: Story, phone: ReturnType<typeof begin>) => {
      story.handle("phone", [{ ...message(3, 3), sender: 2n as DeviceId }])
      return phone.reflectedAck(1).reflectedAck(3)
    }
    right((story) => {
      const phone = begin(story)
      for (const id of [1, 2]) told(kept(story, id), id)
      done(story, phone)
      assert.isUndefined(story.owed)
    })
    breaks("the handler gets only what can be read", (story) => {
      const phone = begin(story)
      story.handle("phone", [{ ...message(1, 1), sender: 2n as DeviceId }])
      told(kept(story, 2), 2)
      done(story, phone)
    })
    breaks("a message is acked after it was handled or set aside", (story) => done(story, begin(story)))
    breaks("that a message is set aside is told before it is acked", (story) => {
      const phone = begin(story)
      done(kept(story, 1), phone)
    })
    breaks("an ephemeral is never acked", (story) => {
      const phone = begin(story)
      for (const id of [1, 2]) told(kept(story, id), id)
      done(story, phone).reflectedAck(2)
    })
    breaks("what is set aside because it cannot be read cannot", (story) => {
      begin(story)
      told(kept(story, 3, boxed(3)), 3)
    })
    // Who has died before it could say so knows it again.
    right((story) => {
      begin(story)
      kept(story, 1).machine("phone", "Crashed").machine("phone", "Started", 2)
      story.live("phone", { existing: true }).reflected(1, garbled(1)).reflectedAck(1)
    })
    // Its nonce is taken, whatever comes under it.
    breaks("what was set aside is not handled again", (story) => {
      begin(story)
      told(kept(story, 1), 1).machine("phone", "Crashed").machine("phone", "Started", 2)
      story.live("phone", { existing: true }).reflected(1, boxed(1))
      story.handle("phone", [{ ...message(1, 1), sender: 2n as DeviceId }])
    })
  })

  it("lets a twin ack what was handled on the storage that it has a copy of, even if the original has lost it", () => {
    const crashed = (withoutStorage: boolean) => (story: Story) => {
      story.live("phone").reflected(1, envelope(1))
      story.handle("phone", [message(1, 1)])
      story.machine("phone'1", "Started")
      story.tell({ _tag: "Machine", ...story.place("phone"), life: 1, change: "Crashed", withoutStorage })
      const twin = story.live("phone'1" as "phone", { existing: true })
      return twin.reflected(1, envelope(1)).reflected(2, envelope(2)).reflectedAck(1)
    }
    for (const withoutStorage of [false, true]) {
      right(crashed(withoutStorage))
      breaks("a message is acked after it was handled or set aside", (story) =>
        crashed(withoutStorage)(story).reflectedAck(2)
      )
    }
  })

  it("wants an ack after the handler, once, where the message came, and none of an ephemeral", () => {
    breaks("a message is acked after it was handled or set aside", (story) => {
      story.live("phone").reflected(1, envelope(1)).reflectedAck(1)
    })
    breaks("a message is acked after it was handled or set aside", (story) => {
      const phone = story.live("phone").reflected(1, envelope(1))
      story.handle("phone", [message(1, 1)], "Failed")
      phone.reflectedAck(1)
    })
    breaks("a message is acked after it was handled or set aside", (story) => {
      const phone = story.live("phone").reflected(1, envelope(1))
      for (let attempt = 0; attempt < 3; attempt++) story.handle("phone", [message(1, 1)], "Failed")
      phone.reflectedAck(1)
    })
    breaks("a device acks only what it got on the same connection", (story) => {
      story.live("phone").reflected(1, envelope(1)).lose(1006)
      story.handle("phone", [message(1, 1)])
      story.live("phone", { existing: true }).reflectedAck(1)
    })
    breaks("an ephemeral is never acked", (story) => {
      const phone = story.live("phone").reflected(1, envelope(1), 0, 1)
      story.handle("phone", [message(1, 1, 0, true)])
      phone.reflectedAck(1)
    })
    breaks("a message is acked once for each time it came", (story) => {
      const phone = story.live("phone").reflected(1, envelope(1))
      story.handle("phone", [message(1, 1)])
      phone.reflectedAck(1).reflectedAck(1)
    })
  })

  it("wants messages handled that came, in order, in batches, and not after their ack", () => {
    breaks("the handler gets only what the device got", (story) => {
      story.live("phone")
      story.handle("phone", [message(1, 1)])
    })
    breaks("messages are handled in the order in which they came", (story) => {
      story.live("phone").reflected(1, envelope(1)).reflected(2, envelope(2))
      story.handle("phone", [message(2, 2), message(1, 1)])
    })
    const acked = (withoutStorage: boolean) => (story: Story) => {
      const phone = story.live("phone").reflected(1, envelope(1))
      story.handle("phone", [message(1, 1)])
      phone.reflectedAck(1).lose(1006)
      story.tell({ _tag: "Machine", ...story.place("phone"), life: 1, change: "Crashed", withoutStorage })
      story.machine("phone", "Started", 2).live("phone", { existing: true }).reflected(1, envelope(1))
      story.handle("phone", [message(1, 1)])
    }
    breaks("what was acked is not handled again", acked(false))
    right(acked(true))
    breaks("the handler gets one batch at a time", (story) => {
      story.live("phone").reflected(1, envelope(1)).reflected(2, envelope(2))
      for (const id of [1, 2]) {
        story.handling("phone", [message(id, id)])
      }
    })
  })
})

describe("delivery", () => {
  const { breaks, right } = judge(delivery)
  const reflect = { _tag: "Reflect", count: 1, bytes: 10 } as const
  const transaction = { _tag: "Transaction", count: 1, bytes: 10, pause: 0, ttl: 0, fails: false } as const
  const done = { _tag: "Done", timestamps: [0] } as const

  const promised = (conditions: Partial<Conditions> = {}) => {
    const story = new Story(delivery, conditions)
    story.live("phone")
    const desktop = story.live("desktop")
    story.wait(1)
    story.ask("phone", reflect, 7)(done)
    return { story, desktop }
  }

  it("wants what was promised to be seen by everybody who is registered", () => {
    const { story } = promised()
    assert.match(story.owed ?? "", /desktop has not seen message 7/)
    story.handle("desktop", [message(1, 7)], "Failed")
    assert.isDefined(story.owed)
    story.handle("desktop", [message(1, 7)])
    assert.isUndefined(story.owed)
  })

  it("owes nothing that was altered or garbled on its way and is in quarantine", () => {
    const kept = (reason: "Undecryptable" | "Malformed" | "NonceReused", nonce: number) => {
      const story = new Story(delivery)
      const phone = story.live("phone")
      story.live("desktop")
      const answer = story.wait(1).ask("phone", reflect, 7)
      phone.reflect(1, boxed(7, 70)).reflect(2, boxed(8, 71))
      story.kept("desktop", 1, envelope(nonce), reason)
      answer(done)
      return story.owed
    }
    assert.isUndefined(kept("Undecryptable", 70))
    assert.isDefined(kept("Undecryptable", 71))
    assert.isUndefined(kept("Malformed", 70))
    assert.isDefined(kept("Malformed", 71))
    assert.isDefined(kept("NonceReused", 70))
    // Of a message that is a program's it is not known which.
    assert.isUndefined(kept("Undecryptable", 72))
  })

  it("wants what a program was promised to be seen, by what it is, who has said it, and when", () => {
    const promisedIn = (transaction?: "Done" | "Failed") => {
      const story = new Story(delivery)
      story.live("phone")
      story.live("desktop")
      story.wait(1)
      const contents = [message(0, 7).content!]
      const time = { _tag: "Done", timestamps: [start + 5] } as const
      if (transaction === undefined) {
        story.program("phone", { _tag: "Reflect", contents })(time)
        return story
      }
      const answer = story.program("phone", { _tag: "Transaction", scope: 1 })
      story.program("phone", { _tag: "TransactionReflect", contents, call: story.lastCall })(time)
      assert.isUndefined(story.owed)
      answer(transaction === "Done" ? { _tag: "Done", timestamps: [] } : { _tag: "Failed", error: "OutOfStock" })
      return story
    }
    for (const story of [promisedIn(), promisedIn("Done")]) {
      assert.match(story.owed ?? "", /desktop has not seen message outgoingMessage \w+ of device 1 at /)
      story.handle("desktop", [message(1, 7, 5)], "Failed")
      story.handle("desktop", [message(1, 7, 4), message(1, 8, 5), { ...message(1, 7, 5), sender: DeviceId.make(3n) }])
      assert.isDefined(story.owed)
      // A program may have stopped it for good.
      story.machine("desktop", "Stopped")
      assert.isUndefined(story.owed)
      story.machine("desktop", "Started", 2).handle("desktop", [message(1, 7, 5)])
      assert.isUndefined(story.owed)
    }
    const dropped = promisedIn()
    dropped.program("phone", { _tag: "Drop", deviceId: 2n })
    assert.isUndefined(dropped.owed)
    assert.isUndefined(promisedIn("Failed").owed)
  })

  it("wants nothing of a program's transaction to be seen that was not committed", () => {
    const ghost = "nothing of a transaction that was not committed is ever seen"
    const contents = [message(0, 7).content!]
    const time = { _tag: "Done", timestamps: [start + 5] } as const
    const seen = (story: Story, answer: Answer) => {
      story.live("phone")
      story.live("desktop")
      story.wait(5)
      const answered = story.program("phone", { _tag: "Transaction", scope: 1 })
      story.program("phone", { _tag: "TransactionReflect", contents, call: story.lastCall })(time)
      story.wait(1)
      answered(answer)
      story.handle("desktop", [message(1, 7, 5)])
    }
    const failed = (error: string, committed?: "no" | "unknown"): Answer => ({
      _tag: "Failed",
      error,
      ...(committed === undefined ? {} : { committed })
    })
    breaks(ghost, (story) => seen(story, failed("OutOfStock")))
    breaks(ghost, (story) => seen(story, failed("TransactionLost", "no")))
    for (const answer of [failed("TransactionLost", "unknown"), failed("Interrupted"), failed("Died")]) {
      right((story) => seen(story, answer))
    }
    // The same may have been said before, and come to the mediator at the same time.
    const reflect = { _tag: "Reflect", contents } as const
    right((story) => {
      story.program("phone", reflect)
      seen(story, failed("OutOfStock"))
    })
    right((story) => {
      story.program("phone", reflect)(failed("Interrupted"))
      seen(story, failed("OutOfStock"))
    })
    right((story) => {
      story.wait(5).program("phone", reflect)(time)
      story.time = 0
      seen(story, failed("OutOfStock"))
    })
    breaks(ghost, (story) => {
      story.program("phone", reflect)({ _tag: "Done", timestamps: [start] })
      seen(story, failed("OutOfStock"))
    })
  })

  it("owes nothing to a slot that may be gone, and all of it to one that was there all the time", () => {
    const { desktop, story } = promised()
    desktop.close(1006)
    const again = story.live("desktop", { existing: true })
    assert.isDefined(story.owed)
    story.ask("phone", { _tag: "Drop", target: "desktop" })
    assert.isUndefined(story.owed)
    again.close(1006)
    story.live("desktop", { existing: true })
    assert.isUndefined(story.owed)
    story.wait(1).ask("phone", reflect, 8)(done)
    assert.isDefined(story.owed)
    story.live("desktop")
    assert.isUndefined(story.owed)
  })

  it("owes nothing to who was away while its queue may have grown too long", () => {
    for (const mediator of [{ queueMessages: 5 }, { queueBytes: 1_000 }]) {
      const { desktop, story } = promised({ mediator })
      assert.isDefined(story.owed)
      desktop.gone()
      assert.isUndefined(story.owed)
    }
  })

  it("owes nothing to a slot whose place a newcomer may have taken", () => {
    for (const [dropLeastRecent, maxDeviceSlots] of [
      [true, undefined],
      [false, 2],
      [true, 2]
    ] as const) {
      const { story } = promised(maxDeviceSlots === undefined ? {} : { mediator: { maxDeviceSlots } })
      story.open("tablet").greet({ dropLeastRecent })
      assert.strictEqual(story.owed === undefined, dropLeastRecent && maxDeviceSlots !== undefined)
    }
  })

  it("owes nothing to who has found a slot while a newcomer was being registered, which may have taken it", () => {
    const endings: ReadonlyArray<(tablet: ReturnType<Story["open"]>) => unknown> = [
      (tablet) => tablet.info(false),
      (tablet) => tablet.close(1006),
      (tablet) => tablet.story.tell({ _tag: "MediatorLost", ...tablet.place() })
    ]
    for (const end of endings) {
      const story = new Story(delivery, { mediator: { maxDeviceSlots: 2 } })
      story.live("phone")
      const tablet = story.open("tablet").greet({ dropLeastRecent: true })
      story.live("desktop")
      story.wait(1).ask("phone", reflect, 7)(done)
      assert.isDefined(story.owed)
      end(tablet)
      assert.isUndefined(story.owed)
      story.live("desktop")
      story.wait(1).ask("phone", reflect, 8)(done)
      assert.isDefined(story.owed)
      // Of the newcomer nothing is left that could take it again.
      story.live("tablet", { existing: true })
      assert.isDefined(story.owed)
    }
  })

  it("counts what a twin has seen, and what was set aside", () => {
    const twin = promised()
    twin.story.handle("desktop'1", [message(1, 7)])
    assert.isUndefined(twin.story.owed)
    const aside = promised()
    for (let attempt = 0; attempt < 3; attempt++) aside.story.handle("desktop", [message(1, 7)], "Died")
    assert.isUndefined(aside.story.owed)
  })

  it("wants nothing seen of a transaction that was not committed", () => {
    const rule = "nothing of a transaction that was not committed is ever seen"
    for (const answer of [
      { _tag: "Failed", error: "TransactionLost", committed: "no" },
      { _tag: "Failed", error: "BodyFailed" }
    ] as const) {
      breaks(rule, (story) => {
        story.ask("phone", transaction, 7)(answer)
        story.handle("desktop", [message(1, 7)])
      })
      breaks(rule, (story) => {
        const tell = story.ask("phone", transaction, 7)
        story.handle("desktop", [message(1, 7)])
        tell(answer)
      })
    }
  })
})
