import { Capacities, type Content, type DeviceHandlers, DeviceStore, makeDevice } from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import { Common, Crypto, D2d, DeviceGroupKey, DeviceId, mediatorUrl } from "@d2m/codec"
import { layerCrypto, layerSecureRandom } from "@d2m/codec/node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Stream } from "effect"
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Net from "node:net"
import * as Path from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Bytes in use by this process, once what is not has been given back. */
const memory = (): number => {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as () => void
  collect()
  collect()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const mebi = 1024 * 1024
const size = 32 * 1024
const contentOf = (n: number): Content => ({
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({
    messageId: BigInt(n),
    type: Common.CspE2eMessageType.TEXT,
    body: new Uint8Array(size - 400)
  })
})
const numberOf = (content: Content | undefined): number =>
  content?._tag === "outgoingMessage" ? Number(content.value.messageId) : Number.NaN

/** A mediator in a process of its own: what it stores is not in our memory. */
const serveMediator = Effect.acquireRelease(
  Effect.promise(async () => {
    const bin = Path.resolve(import.meta.dirname, "../packages/cli/src/bin.ts")
    const child = ChildProcess.spawn(process.execPath, [bin, "serve"], { stdio: ["ignore", "pipe", "inherit"] })
    const [line] = (await once(child.stdout, "data")) as [Buffer]
    const { port } = JSON.parse(line.toString()) as { readonly port: number }
    return { child, port }
  }),
  ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
)

/** Carries bytes both ways; while it is closed it takes none from the device. */
const gate = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Net.Socket>()
      const devices = new Set<Net.Socket>()
      const server = Net.createServer((device) => {
        const mediator = Net.connect({ host: "127.0.0.1", port })
        devices.add(device)
        for (const socket of [device, mediator]) {
          sockets.add(socket)
          socket.on("error", () => {})
        }
        device.on("data", (chunk) => mediator.write(chunk))
        mediator.on("data", (chunk) => device.write(chunk))
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return {
        port: (server.address() as Net.AddressInfo).port,
        close: () => devices.forEach((device) => device.pause()),
        open: () => devices.forEach((device) => device.resume()),
        taken: () => [...devices].reduce((sum, device) => sum + device.bytesRead, 0),
        end: () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        }
      }
    }),
    ({ end }) => Effect.sync(end)
  )

const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(5))

const device = (
  id: number,
  port: number,
  onReflected: DeviceHandlers["onReflected"],
  capacities: Partial<Capacities> = {}
) =>
  Effect.gen(function* () {
    const { groupId: deviceGroupId } = (yield* Crypto).deriveKeys(groupKey)
    const made = yield* makeDevice({
      deviceId: DeviceId.make(BigInt(id)),
      groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "" },
      onReflected
    }).pipe(
      Effect.provide([
        layerNodeWebSocket({ url: mediatorUrl(`ws://127.0.0.1:${port}/`, { deviceGroupId, serverGroup: "7a" }) }),
        DeviceStore.layerMemory
      ]),
      Effect.provideService(Capacities, { ...(yield* Capacities), ...capacities })
    )
    yield* made.state.changes.pipe(
      Stream.takeUntil((state) => state._tag === "Live" && state.dry),
      Stream.runDrain
    )
    return made
  })

const platform = Layer.mergeAll(layerCrypto, layerSecureRandom)
const nothing = () => Effect.void

/** A handler that collects, and what it waits for until it has all of them. */
const collector = (count: number) => {
  const got: Array<number> = []
  const all = Deferred.makeUnsafe<void>()
  const onReflected: DeviceHandlers["onReflected"] = (batch) =>
    Effect.sync(() => {
      for (const { content } of batch) got.push(numberOf(content))
      if (got.length >= count) Deferred.doneUnsafe(all, Exit.void)
    })
  return { got, onReflected, all: Deferred.await(all) }
}

const inOrder = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, n) => n)

/** Waits until something has stayed the same for so many looks, with all of what is under way done between them. */
const settled = (look: () => number) =>
  Effect.gen(function* () {
    let last = look()
    for (let same = 0; same < 50; same++) {
      yield* Effect.sleep("10 millis")
      const now = look()
      if (now !== last) same = 0
      last = now
    }
    return last
  })

describe("backpressure over real sockets", { timeout: 120_000 }, () => {
  it.live("a flood at a handler that is stuck takes bounded memory, and nothing is lost when it moves", () =>
    Effect.gen(function* () {
      const count = 2048
      const { port } = yield* serveMediator
      const { all, got, onReflected } = collector(count)
      const isStuck = Deferred.makeUnsafe<void>()
      const moves = Deferred.makeUnsafe<void>()
      yield* device(
        2,
        port,
        (batch) => {
          Deferred.doneUnsafe(isStuck, Exit.void)
          return Effect.andThen(Deferred.await(moves), onReflected(batch))
        },
        { reflected: 32 }
      )
      const sender = yield* device(1, port, nothing, { reflects: mebi })
      const before = memory()
      for (let n = 0; n < count; n += 16) {
        yield* sender.reflectAll(Array.from({ length: 16 }, (_, m) => contentOf(n + m)) as [Content])
      }
      yield* Deferred.await(isStuck)
      assert.isBelow(memory() - before, 16 * mebi, "64 MiB were reflected")
      assert.deepStrictEqual(got, [])
      Deferred.doneUnsafe(moves, Exit.void)
      yield* all
      assert.deepStrictEqual(got, inOrder(count))
    }).pipe(Effect.scoped, Effect.provide(platform))
  )

  it.live("a socket that takes nothing stops the sealing of reflects, and all arrive in order when it does", () =>
    Effect.gen(function* () {
      const count = 1536
      const { port } = yield* serveMediator
      const { all, got, onReflected } = collector(count)
      yield* device(2, port, onReflected)
      const between = yield* gate(port)
      const sender = yield* device(1, between.port, nothing, { reflects: 128 * mebi })
      between.close()
      const body = contentOf(0)
      const contents = Array.from({ length: count }, (_, n) =>
        body._tag === "outgoingMessage" ? { ...body, value: { ...body.value, messageId: BigInt(n) } } : body
      ) as unknown as [Content]
      const before = memory()
      const reflecting = yield* Effect.forkChild(sender.reflectAll(contents))
      yield* settled(() => process.memoryUsage().external)
      // The plaintexts are 48 MiB; their boxes would be as much again.
      assert.isBelow(memory() - before, 64 * mebi)
      between.open()
      assert.strictEqual((yield* Fiber.join(reflecting)).length, count)
      yield* all
      assert.deepStrictEqual(got, inOrder(count))
    }).pipe(Effect.scoped, Effect.provide(platform))
  )

  it.live("a full line lets reflects wait and refuses ephemerals, until acks make room", () =>
    Effect.gen(function* () {
      const count = 512
      const { port } = yield* serveMediator
      const { all, got, onReflected } = collector(count)
      yield* device(2, port, onReflected)
      const between = yield* gate(port)
      const sender = yield* device(1, between.port, nothing, { reflects: mebi })
      between.close()
      const reflecting = yield* Effect.forkChild(
        Effect.forEach(inOrder(count), (n) => sender.reflect(contentOf(n)), { concurrency: "unbounded" })
      )
      yield* settled(between.taken)
      const full = yield* Effect.flip(sender.reflectEphemeral(contentOf(count)))
      assert.strictEqual(full._tag, "ReflectQueueFull")
      assert.isUndefined(reflecting.pollUnsafe())
      between.open()
      assert.strictEqual((yield* Fiber.join(reflecting)).length, count)
      yield* all
      assert.deepStrictEqual(got, inOrder(count))
    }).pipe(Effect.scoped, Effect.provide(platform))
  )
})
