import { assert, describe, it } from "@effect/vitest"
import { type AugmentedDeviceInfo, type Box, D2d, type DeviceId } from "@d2m/codec"
import type { Answer, ListedDevice } from "../../src/index.ts"
import { descriptionOf } from "../../src/Application.ts"
import { deviceLists } from "../../src/oracles/device/DeviceLists.ts"
import { infoBox, type Line, start, Story } from "./Story.ts"

const own = infoBox("phone", 1)

const told = (tell: (story: Story, phone: Line) => unknown): ReadonlyArray<string> => {
  const story = new Story(deviceLists)
  story.machine("phone", "Started")
  tell(story, story.live("phone", { info: own }))
  return story.end()
}
const right = (tell: (story: Story, phone: Line) => unknown): void => assert.deepStrictEqual(told(tell), [])
const breaks = (tell: (story: Story, phone: Line) => unknown): void =>
  assert.deepStrictEqual(told(tell), ["an application is told of the devices that the answer to its request lists"])

type Boxes = Readonly<Record<string, Box<"dgdik">>>

/** What the mediator knows of devices: they are all connected, since the start. */
const infoOf = (boxes: Boxes) => {
  const augmentedDeviceInfo = new Map<DeviceId, AugmentedDeviceInfo>()
  for (const [id, encryptedDeviceInfo] of Object.entries(boxes)) {
    augmentedDeviceInfo.set(BigInt(id) as DeviceId, {
      encryptedDeviceInfo,
      connectionState: { _tag: "connectedSince", value: BigInt(start) },
      deviceSlotExpirationPolicy: 1
    })
  }
  return { _tag: "DevicesInfo", augmentedDeviceInfo } as const
}

const device = (id: number, label: string | undefined, change: Partial<ListedDevice> = {}): ListedDevice => ({
  deviceId: BigInt(id),
  description: label === undefined ? undefined : descriptionOf(D2d.DeviceInfo.make({ label })),
  slotExpiration: 1,
  connection: { isConnected: true, since: start },
  ...change
})
const list = (...devices: ReadonlyArray<ListedDevice>): Answer => ({
  _tag: "Done",
  timestamps: [],
  told: { _tag: "Devices", devices }
})

const ask = (story: Story) => story.ask("phone", { _tag: "ListDevices" })
/** The mediator is asked, and answers. */
const exchange = (line: Line, boxes: Boxes) => line.hear({ _tag: "GetDevicesInfo" }).say(infoOf(boxes))

const both: Boxes = { 1: own, 2: infoBox("desktop", 2) }

describe("device lists", () => {
  it("accepts the answer to the request, in any order, and what fails", () => {
    right((story, phone) => {
      const answer = ask(story)
      exchange(phone, both)
      answer(list(device(2, "desktop"), device(1, "phone")))
      const lost = ask(story)
      phone.hear({ _tag: "GetDevicesInfo" }).lose(1006)
      lost({ _tag: "Failed", error: "NotLive" })
    })
  })

  it("lets either be the answer where a keep-alive asks as well, and only those that were asked for since", () => {
    for (const label of ["tablet", "desktop"]) {
      right((story, phone) => {
        const answer = ask(story)
        exchange(phone, { 2: infoBox("desktop", 2) })
        exchange(phone, { 2: infoBox("tablet", 3) })
        answer(list(device(2, label)))
      })
    }
    breaks((story, phone) => {
      phone.hear({ _tag: "GetDevicesInfo" })
      const answer = ask(story)
      phone.say(infoOf({ 2: infoBox("desktop", 2) }))
      exchange(phone, { 2: infoBox("tablet", 3) })
      answer(list(device(2, "desktop")))
    })
  })

  it("finds a list that is cut, long, made up, somebody else's, or of another connection", () => {
    const wrong: ReadonlyArray<ReadonlyArray<ListedDevice>> = [
      [],
      [device(1, "phone")],
      [device(1, "phone"), device(2, "desktop"), device(3, "tablet")],
      [device(1, "phone"), device(2, "phone")],
      [device(1, "phone"), device(3, "desktop")],
      [device(1, "phone"), device(2, undefined)],
      [device(1, "phone"), device(2, "desktop", { slotExpiration: 0 })],
      [device(1, "phone"), device(2, "desktop", { connection: undefined })],
      [device(1, "phone"), device(2, "desktop", { connection: { isConnected: false, since: start } })],
      [device(1, "phone"), device(2, "desktop", { connection: { isConnected: true, since: start + 1 } })]
    ]
    for (const devices of wrong) {
      breaks((story, phone) => {
        const answer = ask(story)
        exchange(phone, both)
        answer(list(...devices))
      })
    }
    breaks((story) => ask(story)(list(device(1, "phone"))))
    breaks((story, phone) => {
      exchange(phone, both)
      phone.lose(1006)
      ask(story)(list(device(1, "phone"), device(2, "desktop")))
    })
  })

  it("wants what was altered to be untold, and lets what was replaced be", () => {
    const altered = infoBox("desktop", 2)
    altered[altered.length - 1]! ^= 0xff
    const alteredTold = (label: string | undefined) => (story: Story, phone: Line) => {
      const answer = ask(story)
      exchange(phone, { 1: own, 2: altered })
      answer(list(device(1, "phone"), device(2, label)))
    }
    right(alteredTold(undefined))
    breaks(alteredTold("desktop"))
    const replaced = (label: string | undefined) => (story: Story, phone: Line) => {
      for (const [box, name] of [
        [infoBox("desktop", 2), "desktop"],
        [infoBox("laptop", 3), "laptop"],
        [infoBox("laptop", 3), "laptop"],
        [infoBox("desktop", 2), label]
      ] as const) {
        const answer = ask(story)
        exchange(phone, { 2: box })
        answer(list(device(2, name)))
      }
    }
    right(replaced("desktop"))
    right(replaced(undefined))
    breaks(replaced("laptop"))
    // A list that is looked at late shows an info of its own from before.
    right((story, phone) => {
      const answer = ask(story)
      exchange(phone, { 1: own })
      phone.lose(1006)
      story.live("phone", { existing: true, info: infoBox("phone", 4) })
      answer(list(device(1, undefined)))
    })
  })
})
