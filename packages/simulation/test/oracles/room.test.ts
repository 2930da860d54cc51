import { Box, type ReflectedId, type ServerFrame, type Timestamp } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { mediator } from "../../src/oracles/mediator/MediatorModel.ts"
import { envelope, start, Story } from "./Story.ts"

const broken = "the mediator closes a connection for the reason it gives"

/** A mediator whose answers wait for its store, with so many slots. */
const slow = (maxDeviceSlots: number): Story => new Story(mediator, { storeLatency: 500, mediator: { maxDeviceSlots } })

describe("a slot that goes to a newcomer while answers wait for the store", () => {
  it("may be one that was just given, to a newcomer that has left before anybody was answered", () => {
    const story = slow(2)
    const phone = story.open("phone").greet()
    story.wait(10)
    const desktop = story.open("desktop").greet()
    story.wait(10)
    story.open("tablet").greet({ dropLeastRecent: true }).gone()
    story.wait(480)
    phone.info(false, 0, { slots: 2, time: 0 }).close(4113)
    desktop.info(false, 0, { slots: 2, time: 10 })
    assert.deepStrictEqual(story.end(), [])
  })

  it("may be one whose own device has just taken it back", () => {
    const story = slow(1)
    story.open("phone").greet().info(false, 0, { slots: 1 }).say({ _tag: "ReflectionQueueDry" }).gone()
    story.wait(1_000)
    const desktop = story.open("desktop").greet({ dropLeastRecent: true })
    story.wait(10)
    const phone = story.open("phone").greet({ dropLeastRecent: true })
    story.wait(490)
    desktop.info(false, 0, { slots: 1, time: 1_000 }).close(4113)
    phone.info(false, 0, { slots: 1, time: 1_010 })
    assert.deepStrictEqual(story.end(), [])
  })

  it("is none where nobody needs one", () => {
    const full = slow(2)
    const phone = full.open("phone").greet()
    full.open("tablet").greet().gone()
    full.wait(500)
    phone.info(false, 0, { slots: 2, time: 0 }).close(4113)
    assert.deepStrictEqual(full.end(), [broken])
  })
})

describe("a client that does not take what was sent", () => {
  const rule = "a queue flows only while its client takes what was sent"

  /** A phone that is five messages of 164 bytes behind, and is given all of them: the third finds too much waiting. */
  const behind = () => {
    const story = new Story(mediator, {
      mediator: { deliveryMessages: 2, outgoingLowWater: 100, outgoingHighWater: 200 }
    })
    story.open("phone").greet().info(false).say({ _tag: "ReflectionQueueDry" }).gone()
    const desktop = story.open("desktop").greet().info(false).say({ _tag: "ReflectionQueueDry" })
    for (let n = 1; n <= 6; n++) desktop.reflect(n, envelope(n, 144)).ack(n)
    const phone = story.open("phone").greet({ existing: true }).info(true, 6)
    const queued = (n: number): ServerFrame => ({
      _tag: "Reflected",
      flags: 0,
      reflectedId: n as ReflectedId,
      timestamp: BigInt(start) as Timestamp,
      envelope: Box.make("dgrk", envelope(n, 144))
    })
    return { story, phone, queued }
  }

  it("is given no more of its queue than a chunk that was on its way", () => {
    const { phone, queued, story } = behind()
    for (let n = 1; n <= 3; n++) phone.send(queued(n))
    story.wait(10)
    phone.send(queued(4)).send(queued(5))
    assert.deepStrictEqual(story.broken, [])
    phone.send(queued(6))
    assert.deepStrictEqual(story.broken, [rule])
  })

  it("is given all that becomes free at one moment", () => {
    const { phone, queued, story } = behind()
    for (let n = 1; n <= 6; n++) phone.send(queued(n))
    assert.deepStrictEqual(story.broken, [])
  })

  it("is given more when it has taken it", () => {
    const { phone, queued, story } = behind()
    for (let n = 1; n <= 3; n++) phone.send(queued(n))
    story.wait(10)
    phone.send(queued(4)).send(queued(5))
    for (let n = 1; n <= 5; n++) phone.read(queued(n))
    phone.send(queued(6))
    assert.deepStrictEqual(story.broken, [])
  })

  it("has a limit for everything else too", () => {
    const story = new Story(mediator, { mediator: {} })
    const phone = story.open("phone").greet().info(false)
    const chat: ServerFrame = { _tag: "Proxy", data: new Uint8Array(65_000) }
    for (let sent = 0; sent <= 32 * 1024 * 1024; sent += 65_004) phone.send(chat)
    assert.deepStrictEqual(story.broken, [])
    phone.send(chat)
    assert.deepStrictEqual(story.broken, ["what waits for a client is bounded"])
  })
})
