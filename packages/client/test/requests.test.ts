// What waits on one connection for its answers, apart from who waits.
import type { DeviceId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Requests } from "../src/Requests.ts"

const answers = {
  devices: { _tag: "DevicesInfo", augmentedDeviceInfo: new Map() },
  drop: { _tag: "DropDeviceAck", deviceId: 7n as DeviceId },
  lock: { _tag: "BeginTransactionAck" },
  commit: { _tag: "CommitTransactionAck" }
} as const

const make = () => {
  const told: Array<string> = []
  let now = 0
  const requests = new Requests(() => now)
  const expected = (name: string) => ({ settle: () => told.push(name), lost: () => told.push(`${name} lost`) })
  const expect = (kind: keyof typeof answers, at: number) => {
    now = at
    if (kind === "devices") requests.expectDevices(expected(kind))
    else if (kind === "drop") requests.expectDrop(answers.drop.deviceId, expected(kind))
    else if (kind === "lock") requests.expectLock(expected(kind))
    else requests.expectCommit(expected(kind))
  }
  return { expect, requests, told }
}

describe("requests", () => {
  for (const kinds of [
    ["devices", "drop", "lock"],
    ["drop", "commit", "devices"],
    ["lock", "devices", "drop"]
  ] as const) {
    it(`of which ${kinds[0]} waits longest`, () => {
      const { expect, requests } = make()
      assert.isUndefined(requests.oldestSince)
      for (const [at, kind] of kinds.entries()) expect(kind, 5 + at)
      for (const [at, kind] of kinds.entries()) {
        assert.strictEqual(requests.oldestSince, 5 + at)
        assert.isTrue(requests.settle(answers[kind]))
      }
      assert.isUndefined(requests.oldestSince)
    })
  }

  it("are awaited until they are answered or lost, those of a keep-alive by nobody", () => {
    const kinds = ["devices", "drop", "lock", "commit"] as const
    for (const kind of kinds) {
      const { expect, requests, told } = make()
      expect(kind, 1)
      assert.isTrue(requests.isAwaited, kind)
      assert.isTrue(requests.settle(answers[kind]))
      assert.isFalse(requests.isAwaited, kind)
      assert.isFalse(requests.settle(answers[kind]))
      expect(kind, 2)
      requests.cut()
      assert.isFalse(requests.isAwaited, kind)
      assert.isFalse(requests.settle(answers[kind]))
      assert.deepStrictEqual(told, [kind, `${kind} lost`])
    }
    const { requests } = make()
    requests.expectDevices({ settle: () => {}, lost: () => {}, unattended: true })
    assert.isFalse(requests.isAwaited)
    assert.strictEqual(requests.oldestSince, 0)
  })
})
