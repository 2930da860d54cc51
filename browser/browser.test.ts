import { type ConnectionState, DeviceStore, makeDevice } from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import { Common, Crypto, D2d, DeviceGroupKey, DeviceId, mediatorUrl } from "@d2m/codec"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Queue, Scope, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Browser } from "playwright-core"
import * as Cable from "../packages/cli/src/demo/Cable.ts"
import { type Listening, serve } from "../packages/cli/test/device-program.ts"
import * as Chromium from "./Chromium.ts"
import type { PageDevice, Seen } from "./page.ts"
import * as Site from "./Site.ts"

let browser: Browser
let site = ""
let mediator: Listening
let groups = 0
const scope = Scope.makeUnsafe()

beforeAll(async () => {
  const all = Effect.all([Chromium.launch, Site.make, serve()], { concurrency: 3 })
  ;[browser, site, mediator] = await Effect.runPromise(Scope.provide(all, scope))
})

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const crypto = Effect.provide(Crypto, Crypto.layer)

/** A group of its own for every test. */
const newGroup = Effect.map(crypto, ({ deriveKeys }) => {
  const key = new Uint8Array(32).fill(++groups)
  const { groupId: deviceGroupId } = deriveKeys(DeviceGroupKey.make(key))
  return {
    key: Hex.encode(key),
    groupKey: DeviceGroupKey.make(key),
    urlAt: (port: number) => mediatorUrl(`ws://127.0.0.1:${port}/`, { deviceGroupId, serverGroup: "7a" })
  }
})

type Group = Effect.Success<typeof newGroup>

/** A device in a page of its own; the page must not have complained when the test is over. */
const inPage = (group: Group, id: number, port: number) =>
  Effect.gen(function* () {
    const { complaints, page } = yield* Chromium.open(browser, `${site}/`)
    const start = { url: group.urlAt(port), key: group.key, deviceId: id.toString(16), label: `page ${id}` }
    yield* Effect.promise(() => page.evaluate((start) => globalThis.d2m.start(start), start))
    const call = <Name extends Exclude<keyof PageDevice, "start">>(
      name: Name,
      ...args: Parameters<PageDevice[Name]>
    ): Effect.Effect<Awaited<ReturnType<PageDevice[Name]>>> =>
      Effect.promise(() =>
        page.evaluate<unknown, { readonly args: ReadonlyArray<unknown>; readonly name: Name }>(
          ({ args, name }) => (globalThis.d2m[name] as (...args: ReadonlyArray<unknown>) => unknown)(...args),
          { args, name }
        )
      ) as Effect.Effect<Awaited<ReturnType<PageDevice[Name]>>>
    /** What the page complained about, apart from connections that the test itself has cut. */
    const otherComplaints = () => complaints.filter((text) => !/^WebSocket connection to .* failed/.test(text))
    return { call, otherComplaints }
  })

/** A device in this process, and what it sees. */
const inNode = (group: Group, id: number) =>
  Effect.gen(function* () {
    const inbox = yield* Queue.unbounded<Seen>()
    const device = yield* makeDevice({
      deviceId: DeviceId.make(BigInt(id)),
      groupKey: group.groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "node" },
      onReflected: (batch) =>
        Queue.offerAll(
          inbox,
          batch.map(({ content, ephemeral, sender }) => ({
            sender: sender.toString(16),
            text: content?._tag === "outgoingMessage" ? Buffer.from(content.value.body).toString() : "",
            ephemeral
          }))
        )
    }).pipe(Effect.provide([layerNodeWebSocket({ url: group.urlAt(mediator.port) }), DeviceStore.layerMemory]))
    const until = (tag: ConnectionState["_tag"]) =>
      device.state.changes.pipe(
        Stream.takeUntil((state) => state._tag === tag),
        Stream.runDrain
      )
    yield* until("Live")
    const reflect = (text: string) =>
      device.reflect({
        _tag: "outgoingMessage",
        value: D2d.OutgoingMessage.make({ type: Common.CspE2eMessageType.TEXT, body: Buffer.from(text) })
      })
    return { device, inbox, reflect }
  })

const ok = (outcome: unknown): unknown => {
  assert.property(outcome, "ok", JSON.stringify(outcome))
  return (outcome as { readonly ok: unknown }).ok
}

const layers = Layer.mergeAll(Crypto.layer, SecureRandom.layerWebCrypto)

describe("the client in a browser, against d2m serve", () => {
  it.live("lets two pages and a Node device join, reflect all ways, and see each other", () =>
    Effect.gen(function* () {
      const group = yield* newGroup
      const node = yield* inNode(group, 3)
      const [one, two] = yield* Effect.all([inPage(group, 1, mediator.port), inPage(group, 2, mediator.port)])
      yield* one.call("reached", "Live", 0)
      assert.deepStrictEqual(yield* two.call("reached", "Live", 0), ["Connecting", "Handshaking", "Live"])

      const promisedAt = ok(yield* one.call("reflect", "from a page"))
      assert.isAbove(Number(promisedAt), 1.7e12)
      const hello = { sender: "1", text: "from a page", ephemeral: false }
      assert.deepStrictEqual(yield* two.call("seen", 1), [hello])
      assert.deepStrictEqual(yield* Queue.take(node.inbox), hello)

      yield* node.reflect("from Node")
      ok(yield* two.call("reflect", "from the other page"))
      assert.deepStrictEqual(
        (yield* one.call("seen", 2)).map(({ sender, text }) => [sender, text]),
        [
          ["3", "from Node"],
          ["2", "from the other page"]
        ]
      )

      ok(yield* two.call("reflectEphemeral", "grüße 🐢"))
      assert.deepStrictEqual((yield* one.call("seen", 3))[2], { sender: "2", text: "grüße 🐢", ephemeral: true })
      assert.deepStrictEqual(ok(yield* two.call("devices")), ["node", "page 1", "page 2"])

      assert.strictEqual(yield* one.call("stop"), 0)
      assert.deepStrictEqual([...one.otherComplaints(), ...two.otherComplaints()], [])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("commits a transaction at once, and one at a time", () =>
    Effect.gen(function* () {
      const group = yield* newGroup
      const node = yield* inNode(group, 3)
      const [one, two] = yield* Effect.all([inPage(group, 1, mediator.port), inPage(group, 2, mediator.port)])
      const { CONTACT_SYNC } = D2d.TransactionScopeScope
      const texts = (name: string) => [1, 2, 3].map((n) => `${name} ${n}`)
      const outcomes = yield* Effect.all(
        [one.call("transaction", CONTACT_SYNC, texts("one")), two.call("transaction", CONTACT_SYNC, texts("two"))],
        { concurrency: 2 }
      )
      for (const outcome of outcomes) ok(outcome)
      const seen = yield* Effect.map(Queue.takeN(node.inbox, 6), (all) => all.map(({ text }) => text))
      const [first, second] = seen[0] === "one 1" ? (["one", "two"] as const) : (["two", "one"] as const)
      assert.deepStrictEqual(seen, [...texts(first), ...texts(second)])
      assert.deepStrictEqual([...one.otherComplaints(), ...two.otherComplaints()], [])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("carries the largest message both ways, and refuses a larger one", () =>
    Effect.gen(function* () {
      const group = yield* newGroup
      const node = yield* inNode(group, 3)
      const page = yield* inPage(group, 1, mediator.port)
      const large = "🐢".repeat(16_000)
      ok(yield* page.call("reflect", large))
      assert.strictEqual((yield* Queue.take(node.inbox)).text, large)
      yield* node.reflect(large)
      assert.strictEqual((yield* page.call("seen", 1))[0]?.text, large)
      assert.deepStrictEqual(yield* page.call("reflect", "🐢".repeat(17_000)), { failed: "EnvelopeTooLarge" })
      assert.deepStrictEqual(page.otherComplaints(), [])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("reconnects when the network was cut, and loses nothing", () =>
    Effect.gen(function* () {
      const group = yield* newGroup
      const node = yield* inNode(group, 3)
      const cable = yield* Cable.make(mediator.port)
      const page = yield* inPage(group, 1, cable.port)
      const before = yield* page.call("reached", "Live", 0)
      yield* cable.pull
      yield* page.call("reached", "Waiting", before.length)
      assert.deepStrictEqual(yield* page.call("reflectEphemeral", "nobody hears"), { failed: "NotLive" })
      const kept = yield* Effect.forkChild(page.call("reflect", "kept while offline"), { startImmediately: true })
      yield* node.reflect("waited for you")
      yield* cable.plug
      assert.isAbove(Number(ok(yield* Fiber.join(kept))), 1.7e12)
      assert.strictEqual((yield* Queue.take(node.inbox)).text, "kept while offline")
      assert.strictEqual((yield* page.call("seen", 1))[0]?.text, "waited for you")
      assert.deepStrictEqual(page.otherComplaints(), [])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("reconnects to a mediator that restarted with its data, and what was promised arrives", () =>
    Effect.gen(function* () {
      const group = yield* newGroup
      const data = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-browser-"))),
        (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
      )
      const first = yield* serve("--data", data)
      const cable = yield* Cable.make(first.port)
      const near = yield* inPage(group, 1, first.port)
      const far = yield* inPage(group, 2, cable.port)
      const [nearStates, farStates] = yield* Effect.all([
        near.call("reached", "Live", 0),
        far.call("reached", "Live", 0)
      ])
      yield* cable.pull
      yield* far.call("reached", "Waiting", farStates.length)
      ok(yield* near.call("reflect", "promised before the restart"))
      first.signal("SIGTERM")
      yield* first.ended
      yield* near.call("reached", "Waiting", nearStates.length)
      yield* serve("--data", data, "--port", String(first.port))
      yield* cable.plug
      yield* near.call("reached", "Live", nearStates.length)
      assert.strictEqual((yield* far.call("seen", 1))[0]?.text, "promised before the restart")
      assert.deepStrictEqual([...near.otherComplaints(), ...far.otherComplaints()], [])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("tells that a mediator restarted without its memory, and registers again when told to", () =>
    Effect.gen(function* () {
      const group = yield* newGroup
      const first = yield* serve()
      const page = yield* inPage(group, 1, first.port)
      const before = yield* page.call("reached", "Live", 0)
      first.signal("SIGTERM")
      yield* first.ended
      yield* page.call("reached", "Waiting", before.length)
      yield* serve("--port", String(first.port))
      const asked = yield* page.call("reached", "NeedsUser", before.length)
      assert.strictEqual(yield* page.call("reason"), "SlotMismatch")
      assert.isTrue(ok(yield* page.call("resume", "RegisterAgain")))
      yield* page.call("reached", "Live", asked.length)
      ok(yield* page.call("reflect", "here again"))
      assert.deepStrictEqual(page.otherComplaints(), [])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("runs under a policy that forbids code made at run time", () =>
    Effect.gen(function* () {
      const { complaints, page } = yield* Chromium.open(browser, `${site}/eval`)
      assert.isUndefined(yield* Effect.promise(() => page.evaluate(() => Reflect.get(globalThis, "made"))))
      assert.isTrue(
        complaints.some((text) => text.startsWith("policy: script-src")),
        complaints.join("\n")
      )
    }).pipe(Effect.scoped)
  )
})
