import { assert, describe, it } from "@effect/vitest"
import { DeviceStore, makeDevice, transportError } from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import {
  CloseCode,
  Crypto,
  D2d,
  DeviceGroupKey,
  decodeServerFrame,
  DeviceId,
  encodeClientFrame,
  type GroupId,
  mediatorUrl
} from "@d2m/codec"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Context, Effect, Fiber, Layer, Option, Result, Stream } from "effect"
import { Hex } from "effect/encoding"
import { Socket } from "effect/socket"
import { writeFileSync } from "node:fs"
import { type AddressInfo, createServer, type Server } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { WebSocket } from "ws"
import { tcpServer } from "../../server-sim/test/served-mediator.ts"
import { directory, serve, serveUnder } from "./served.ts"

const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(9))

/** A port that somebody listens on. */
const takenPort = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
).pipe(Effect.map((server) => (server.address() as AddressInfo).port))

const device = (id: bigint, address: string, pin?: string) =>
  Effect.gen(function* () {
    const { groupId } = (yield* Crypto).deriveKeys(groupKey)
    const url = mediatorUrl(address, { deviceGroupId: groupId, serverGroup: "7a" })
    return yield* makeDevice({
      deviceId: DeviceId.make(id),
      groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: "" },
      onReflected: () => Effect.void
    }).pipe(
      Effect.provide([
        layerNodeWebSocket(
          pin === undefined ? { url } : { url, trust: "pinned-only", pins: [{ host: "127.0.0.1", pins: [pin] }] }
        ),
        DeviceStore.layerMemory
      ])
    )
  })

describe("d2m serve", () => {
  it.live("tells its address in one line of JSON, serves devices that pin it, and closes them with 1001", () =>
    Effect.gen(function* () {
      const server = yield* serve("--self-signed", "--slots", "3")
      const line = JSON.parse(yield* server.line)
      assert.match(line.address, /^wss:\/\/127\.0\.0\.1:\d+\/$/)
      assert.strictEqual(line.address, `wss://${line.host}:${line.port}/`)
      const phone = yield* device(1n, line.address, line.pin)
      const state = yield* phone.state.changes.pipe(
        Stream.filter((state) => state._tag === "Live"),
        Stream.runHead
      )
      assert.strictEqual(state._tag === "Some" ? state.value.maxDeviceSlots : undefined, 3)
      const goodbye = yield* phone.state.changes.pipe(
        Stream.filter((state) => state._tag === "Waiting"),
        Stream.runHead,
        Effect.forkChild({ startImmediately: true })
      )
      server.child.kill("SIGINT")
      const ended = yield* server.ended
      assert.strictEqual(ended.stdout.trim().split("\n").length, 1)
      for (const line of ended.stderr.trim().split("\n")) assert.match(line, /^timestamp=\S+ level=INFO .*message=/)
      const waiting = yield* Fiber.join(goodbye)
      assert.include(waiting._tag === "Some" ? waiting.value.because : {}, { _tag: "Closed", code: 1001, by: "server" })
    }).pipe(Effect.scoped, Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom]))
  )

  /** Says something to the chat server, and a while later what nobody may say yet; gives the code that it is closed with. */
  const chatsWith = (address: string) =>
    Effect.callback<number>((resume) => {
      const deviceGroupId = new Uint8Array(32) as GroupId
      const ws = new WebSocket(mediatorUrl(address, { deviceGroupId, serverGroup: "7a" }))
      let pongs = 0
      ws.on("open", () => {
        ws.send(encodeClientFrame({ _tag: "Proxy", data: new Uint8Array(48) }))
        ws.ping()
      })
      ws.on("pong", () => {
        if (++pongs < 10) ws.ping()
        else ws.send(encodeClientFrame({ _tag: "CommitTransaction" }))
      })
      ws.on("close", (code) => resume(Effect.succeed(code)))
    })

  it.live("lets clients talk to a chat server first thing, which says nothing, unless there is to be none", () =>
    Effect.gen(function* () {
      const silent = JSON.parse(yield* (yield* serve()).line)
      assert.strictEqual(yield* chatsWith(silent.address), CloseCode.ProtocolError)
      const none = JSON.parse(yield* (yield* serve("--chat", "none")).line)
      assert.strictEqual(yield* chatsWith(none.address), CloseCode.ChatUnreachable)
    }).pipe(Effect.scoped)
  )

  /** What the chat server answers to these bytes. */
  const answered = (address: string, data: Uint8Array) =>
    Effect.callback<Uint8Array>((resume) => {
      const url = mediatorUrl(address, { deviceGroupId: new Uint8Array(32), serverGroup: "7a" })
      const ws = new WebSocket(url)
      ws.on("open", () => ws.send(encodeClientFrame({ _tag: "Proxy", data })))
      ws.on("message", (message: Buffer) => {
        const frame = decodeServerFrame(new Uint8Array(message))
        if (Result.isSuccess(frame) && frame.success._tag === "Proxy") resume(Effect.succeed(frame.success.data))
      })
      return Effect.sync(() => ws.terminate())
    })

  it.live("lets clients talk to the chat server that is named, or to an echo", () =>
    Effect.gen(function* () {
      const serverHello = new Uint8Array(80).fill(7)
      const { port } = yield* tcpServer((socket) => void socket.on("data", () => socket.write(serverHello)))
      const named = JSON.parse(yield* (yield* serve("--chat", `tcp://127.0.0.1:${port}`)).line)
      assert.deepStrictEqual(yield* answered(named.address, new Uint8Array(48)), serverHello)
      const echo = JSON.parse(yield* (yield* serve("--chat", "echo")).line)
      assert.deepStrictEqual(yield* answered(echo.address, new Uint8Array(48)), new Uint8Array(48))
    }).pipe(Effect.scoped)
  )

  it.live("overlooks a frame of an unknown type, unless it is strict", () =>
    Effect.gen(function* () {
      /** Says something unknown, then what is wrong in any case; what it is closed for. */
      const closedFor = (address: string) =>
        Effect.callback<string>((resume) => {
          const url = mediatorUrl(address, { deviceGroupId: new Uint8Array(32), serverGroup: "7a" })
          const ws = new WebSocket(url)
          ws.on("open", () => {
            ws.send(Uint8Array.of(0x77, 0, 0, 0))
            ws.send(encodeClientFrame({ _tag: "CommitTransaction" }))
          })
          ws.on("close", (code, reason) => resume(Effect.succeed(`${code} ${reason.toString()}`)))
        })
      const lenient = JSON.parse(yield* (yield* serve()).line)
      assert.strictEqual(yield* closedFor(lenient.address), "4010 CommitTransaction before ClientHello")
      const strict = JSON.parse(yield* (yield* serve("--strict")).line)
      assert.strictEqual(yield* closedFor(strict.address), "4010 unknown frame type 0x77")
    }).pipe(Effect.scoped)
  )

  it.live("serves the device groups it is told to, and so many connections of one address", () =>
    Effect.gen(function* () {
      const groupId = (yield* Crypto).deriveKeys(groupKey).groupId
      const list = join(yield* directory, "groups")
      writeFileSync(list, `# ours\n\n${Hex.encode(groupId)} # Ann\n`)
      const server = yield* serve("--allow-groups", list, "--max-connections-per-address", "1")
      const { address } = JSON.parse(yield* server.line)
      const opens = (deviceGroupId: Uint8Array) =>
        Effect.gen(function* () {
          const url = mediatorUrl(address, { deviceGroupId, serverGroup: "7a" })
          const socket = Context.get(yield* Layer.build(layerNodeWebSocket({ url })), Socket.Socket)
          return yield* Effect.mapError(Effect.asVoid(socket.reader), transportError)
        })
      const status = (deviceGroupId: Uint8Array) =>
        Effect.map(Effect.flip(Effect.scoped(opens(deviceGroupId))), (error) =>
          error._tag === "UpgradeRefused" ? error.status : error._tag
        )
      assert.strictEqual(yield* status(new Uint8Array(32).fill(1)), 403)
      // The refused one may take a moment to leave.
      yield* Effect.retry(opens(groupId), {
        while: (error) => error._tag === "UpgradeRefused" && error.status === 429
      })
      assert.strictEqual(yield* status(groupId), 429)
    }).pipe(Effect.scoped, Effect.provide(Crypto.layer))
  )

  for (const [signal, code] of [
    ["SIGHUP", 129],
    ["SIGTERM", 0]
  ] as const) {
    it.live(`says goodbye at ${signal}, however often, and ends with ${code}`, () =>
      Effect.gen(function* () {
        const server = yield* serve("--self-signed")
        const { address, pin } = JSON.parse(yield* server.line)
        const { state } = yield* device(1n, address, pin)
        yield* Stream.runHead(Stream.filter(state.changes, ({ _tag }) => _tag === "Live"))
        const waiting = yield* Stream.filter(state.changes, (state) => state._tag === "Waiting").pipe(
          Stream.runHead,
          Effect.forkChild({ startImmediately: true })
        )
        for (let n = 0; n < 3; n++) server.child.kill(signal)
        assert.strictEqual((yield* server.ended).code, code)
        assert.include(JSON.stringify(yield* Fiber.join(waiting)), '"code":1001')
      }).pipe(Effect.scoped, Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom]))
    )
  }

  it.live("goes on when its log cannot be written, and has succeeded when SIGTERM ends it", () =>
    Effect.gen(function* () {
      const server = yield* serveUnder(["sh", "-c", `exec "$@" 2>/dev/full`, "sh"], "--self-signed")
      const { address, pin } = JSON.parse(yield* server.line)
      for (const id of [1n, 2n]) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { state } = yield* device(id, address, pin)
            yield* Stream.runHead(Stream.filter(state.changes, ({ _tag }) => _tag === "Live"))
          })
        )
      }
      server.child.kill("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
    }).pipe(Effect.scoped, Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom]))
  )

  for (const [host, bound, dialled] of [
    ["::1", "::1", "[::1]"],
    ["[::1]", "::1", "[::1]"],
    ["0.0.0.0", "0.0.0.0", "127.0.0.1"],
    ["::", "::", "[::1]"],
    ["0:0::0", "0:0::0", "[::1]"]
  ] as const) {
    it.live(`listens on ${host}, and says by which URL it is reached from here`, () =>
      Effect.gen(function* () {
        const server = yield* serve("--host", host, "--admin", `${host.includes(":") ? "[::]" : host}:0`)
        const line = JSON.parse(yield* server.line)
        assert.strictEqual(line.host, bound)
        assert.strictEqual(line.address, `ws://${dialled}:${line.port}/`)
        const phone = yield* device(1n, line.address)
        const live = yield* Stream.runHead(Stream.filter(phone.state.changes, ({ _tag }) => _tag === "Live"))
        assert.isTrue(Option.isSome(live))
        assert.strictEqual(yield* Effect.promise(async () => (await fetch(`${line.admin}readyz`)).text()), "Ready\n")
      }).pipe(Effect.scoped, Effect.provide([Crypto.layer, NodeCrypto.layerSecureRandom]))
    )
  }

  it.live("says in one line why it cannot listen", () =>
    Effect.gen(function* () {
      const port = yield* takenPort
      const server = yield* serve("--port", String(port))
      const { code, stderr, stdout } = yield* server.ended
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.match(stderr, new RegExp(`^d2m: cannot listen on 127\\.0\\.0\\.1:${port}: PortInUse: .*\\n$`))
    }).pipe(Effect.scoped)
  )

  it.live("has a data directory to itself, and says in one line that another process has it", () =>
    Effect.gen(function* () {
      const data = yield* directory
      const first = yield* serve("--data", join(data, "mediator"))
      yield* first.line
      const second = yield* serve("--data", join(data, "mediator"))
      const ended = yield* second.ended
      assert.strictEqual(ended.code, 1)
      assert.strictEqual(ended.stdout, "")
      assert.match(ended.stderr, /^d2m: the mediator's store failed to open: InUse: .*mediator: another process.*\n$/)
      first.child.kill("SIGINT")
      assert.strictEqual((yield* first.ended).stderr, "")
    }).pipe(Effect.scoped)
  )

  it.live("says in one line why it cannot keep data in a place", () =>
    Effect.gen(function* () {
      const data = yield* directory
      yield* Effect.sync(() => writeFileSync(join(data, "file"), ""))
      const server = yield* serve("--data", join(data, "file", "below"))
      const { code, stderr } = yield* server.ended
      assert.strictEqual(code, 1)
      assert.match(stderr, /^d2m: the mediator's store failed to open: Unwritable: .*file.below: .*\n$/)
    }).pipe(Effect.scoped)
  )

  for (const [args, complaint, expected] of [
    [["--tls-cert", "chain.pem"], "--tls-key as well", 2],
    [["--tls-cert", "/no/chain.pem", "--tls-key", "/no/key.pem"], "TlsUnreadable", 1],
    [["--chat", "example.org:99999"], "none, echo, or HOST:PORT", 2],
    [["--port", "70000"], "between 0 and 65535", 2],
    [["--host="], "--host. Expected: Schema validation failed: Expected a value with a length of at least 1", 2],
    [["--data", ""], "Missing value for flag --data", 2],
    [["--slots", "0"], "between 1 and 4294967295", 2],
    [["--ttl", "99999999999999"], '--ttl: "99999999999999"', 2],
    [["--volatile-grace=-1"], "between 0 and 31536000", 2],
    [["--max-connections", "0"], "between 1 and", 2],
    [["--max-message-kib", "64"], "between 65 and", 2],
    [["--allow-group", "7a"], "64 hexadecimal digits", 2],
    [
      ["--allow-groups", "/no/groups"],
      "--allow-groups /no/groups: it cannot be read: ENOENT: no such file or directory",
      2
    ],
    [["--allow-groups", fileURLToPath(import.meta.url)], "line 1 is not 64 hexadecimal digits", 2],
    [
      ["--trust-proxy", "10.0.0.0/33"],
      'd2m: Expected an IP address, or one with a prefix length at ["--trust-proxy"][0]\n',
      2
    ],
    [["--host", "[]"], "cannot listen on []:0: HostUnavailable", 1],
    [["--idle-timeout", "5"], "between 30 and", 2],
    [["--transaction-mib", "600"], "--outgoing-mib must have room for outgoingHighWater and --transaction-mib", 2],
    [["--transaction-total-mib", "1"], "d2m: --transaction-total-mib must not be below --transaction-mib\n", 2],
    [["--outgoing-total-mib", "1"], "d2m: --outgoing-total-mib must not be below --outgoing-mib\n", 2],
    [["--frobnicate"], "Unrecognized flag", 2]
  ] as const) {
    it.live(`refuses ${args.join(" ")} with ${expected}`, () =>
      Effect.gen(function* () {
        const server = yield* serve(...args)
        const { code, stderr } = yield* server.ended
        assert.strictEqual(code, expected)
        assert.include(stderr, complaint)
        assert.notInclude(stderr, "    at ")
      }).pipe(Effect.scoped)
    )
  }
})
