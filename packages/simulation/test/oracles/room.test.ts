import { assert, describe, it } from "@effect/vitest"
import { mediator } from "../../src/oracles/mediator/MediatorModel.ts"
import { Story } from "./Story.ts"

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
