/** Scenarios of the URL and the WebSocket (PROTOCOL A1; decisions 6, 14; rows that speak of the socket). */
import { assert } from "@effect/vitest"
import { CloseCode, DeviceId, encodeClientFrame, toUrlPath } from "@d2m/codec"
import { Effect, type Scope } from "effect"
import {
  A,
  awaitAbsent,
  B,
  bytes,
  clientHello,
  EXISTING,
  G,
  group,
  join,
  login,
  reflectFrame,
  session,
  type Session
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { type DialOptions, type OpenError, Target, type WebSocketFace, type WebSocketWire } from "../Target.ts"
import { WireError } from "../Wire.ts"

const face: Effect.Effect<WebSocketFace, never, Target> = Effect.flatMap(Target, ({ webSocket }) =>
  webSocket === undefined ? Effect.die("a scenario for WebSockets only") : Effect.succeed(webSocket)
)

const hex = toUrlPath(G.path)

const loginAt = (
  path: string,
  id: DeviceId,
  options: DialOptions & { readonly expected?: number } = {}
): Effect.Effect<Session & WebSocketWire, OpenError | WireError, Target | Scope.Scope> =>
  Effect.gen(function* () {
    const { dial } = yield* face
    const wire = yield* dial(path, options)
    yield* wire.send(clientHello(id, yield* wire.next("ServerHello"), options))
    return { ...wire, ...session(id, wire, yield* wire.next("ServerInfo")) }
  })

const refusal = <A, R>(opening: Effect.Effect<A, OpenError, R>): Effect.Effect<OpenError, WireError, R> =>
  Effect.matchEffect(opening, {
    onFailure: Effect.succeed,
    onSuccess: () => Effect.fail(new WireError({ expected: "a refusal", found: "an open connection" }))
  })

const toHex = (bytes: ReadonlyArray<number>): string => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")

const id32 = [0x0a, 32, ...G.path.deviceGroupId]
const group7a = [0x1a, 2, 0x37, 0x61]

/** Last segments that name no group. */
const malformed: ReadonlyArray<readonly [string, string]> = [
  ["nothing", ""],
  ["text that is no hex", "hello"],
  ["an odd number of digits", hex.slice(1)],
  ["hex with a stranger in it", `${hex.slice(0, -1)}g`],
  ["an id of 31 bytes", toHex([0x0a, 31, ...G.path.deviceGroupId.subarray(1), ...group7a])],
  ["an id of 33 bytes", toHex([0x0a, 33, 0, ...G.path.deviceGroupId, ...group7a])],
  ["no id", toHex(group7a)],
  ["no server group", toHex(id32)],
  ["an empty server group", toHex([...id32, 0x1a, 0])],
  ["a server group with a slash", toHex([...id32, 0x1a, 2, 0x37, 0x2f])],
  ["a server group that is not ASCII", toHex([...id32, 0x1a, 2, 0xc3, 0xa4])],
  ["protobuf that ends too early", hex.slice(0, -2)],
  ["bytes that are no protobuf", "ffffffff"]
]

const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="
}

export const transport: ReadonlyArray<Scenario> = [
  {
    shows: ["0.6"],
    title: "a path without a usable server group or group id does not open",
    run: Effect.gen(function* () {
      const target = yield* Target
      for (const serverGroup of ["", "7/", "ä", "7 a"]) {
        yield* refusal(target.open({ ...G.path, serverGroup }))
      }
      for (const length of [0, 31, 33]) {
        yield* refusal(target.open({ ...G.path, deviceGroupId: bytes(1, length) }))
      }
      yield* target.open({ ...G.path, serverGroup: "0Zz9" })
    })
  },
  {
    shows: ["D14"],
    title: "the server group says where the chat is, not who belongs together",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B, { group: group(1, "b2") })
      yield* a.reflect(bytes(1))
      yield* b.next("Reflected")
    })
  },
  {
    shows: ["D1"],
    only: "websocket",
    title: "the prefix segment is not looked at: padded or not (libthreema), upper case, several segments, none",
    run: Effect.gen(function* () {
      const paths = [
        `/${hex.slice(4, 6)}/${hex}`,
        `/4/${hex}`,
        `/04/${hex}`,
        `/${hex.toUpperCase()}`,
        `/AB/${hex.toUpperCase()}`,
        `/a/b/c/d/${hex}`,
        `/${hex.slice(0, 20)}${hex.slice(20).toUpperCase()}`
      ]
      for (const [index, path] of paths.entries()) {
        yield* loginAt(path, A, { expected: index === 0 ? 0 : EXISTING })
      }
    })
  },
  {
    shows: ["0.2"],
    only: "websocket",
    title: "the reserved and unknown fields of ClientUrlInfo are skipped",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const old = toHex([...id32, 0x10, 7, ...group7a, 0xa0, 0x06, 0x05])
      const b = yield* loginAt(`/04/${old}`, B)
      yield* b.next("ReflectionQueueDry")
      yield* a.reflect(bytes(1))
      yield* b.next("Reflected")
    })
  },
  ...malformed.map(([what, segment]): Scenario => ({
    shows: ["0.6"],
    only: "websocket",
    title: `a path that ends in ${what} is refused with HTTP 400`,
    run: Effect.gen(function* () {
      const { dial, request } = yield* face
      for (const path of [`/${segment}`, `/04/${segment}`]) {
        assert.strictEqual((yield* refusal(dial(path))).status, 400)
        assert.strictEqual((yield* request(path)).status, 400)
      }
      yield* loginAt(`/04/${hex}`, A)
    })
  })),
  {
    shows: ["0.6"],
    only: "websocket",
    title: "a request that is no upgrade opens nothing and disturbs nobody",
    run: Effect.gen(function* () {
      const { request } = yield* face
      const a = yield* join(A)
      const { status } = yield* request(`/04/${hex}`)
      assert.isTrue(status >= 400 && status < 500)
      yield* a.quiet
    })
  },
  {
    shows: ["D1"],
    only: "websocket",
    title: "no client offers a sub-protocol: one that is offered is not confirmed unless it was offered",
    run: Effect.gen(function* () {
      const { request } = yield* face
      const plain = yield* request(`/04/${hex}`, upgrade)
      assert.strictEqual(plain.status, 101)
      assert.isUndefined(plain.headers["sec-websocket-protocol"])
      const offered = yield* request(`/04/${hex}`, { ...upgrade, "sec-websocket-protocol": "d2m, chat" })
      assert.strictEqual(offered.status, 101)
      assert.include([undefined, "d2m", "chat"], offered.headers["sec-websocket-protocol"])
      assert.isUndefined(offered.headers["sec-websocket-extensions"])
    })
  },
  {
    shows: ["D1", "D14"],
    only: "websocket",
    title: "Desktop under Node offers permessage-deflate: declined or spoken, frames arrive",
    run: Effect.gen(function* () {
      const a = yield* loginAt(`/04/${hex}`, A, { offerCompression: true })
      yield* a.until("RolePromotedToLeader")
      const b = yield* loginAt(`/04/${hex}`, B, { offerCompression: true })
      yield* b.next("ReflectionQueueDry")
      for (const envelope of [new Uint8Array(60_000), bytes(2, 65_516), bytes(3, 1)]) {
        yield* a.reflect(envelope)
        const got = (yield* b.next("Reflected")).envelope
        assert.isTrue(got.length === envelope.length && got.every((byte, index) => byte === envelope[index]))
      }
    })
  },
  {
    shows: ["D29", "D14"],
    only: "websocket",
    title: "a message in fragments is one frame, wherever it is cut",
    run: Effect.gen(function* () {
      const a = yield* loginAt(`/04/${hex}`, A)
      yield* a.until("RolePromotedToLeader")
      const b = yield* join(B)
      const frame = encodeClientFrame(reflectFrame(7, bytes(1, 5000)))
      for (const cuts of [[1], [3, 4, 5, 11], [0, 2500, 2500, 5012]]) {
        const edges = [0, ...cuts, frame.length]
        yield* a.sendFragments(edges.slice(1).map((end, index) => frame.subarray(edges[index], end)))
        assert.strictEqual((yield* a.next("ReflectAck")).reflectId, 7)
        assert.deepStrictEqual((yield* b.next("Reflected")).envelope, bytes(1, 5000))
      }
    })
  },
  {
    shows: ["D29"],
    only: "websocket",
    title: "fragments that make an oversize frame close with 4010, as one message does",
    run: Effect.gen(function* () {
      const a = yield* loginAt(`/04/${hex}`, A)
      yield* a.until("RolePromotedToLeader")
      yield* a.sendFragments([new Uint8Array(40_000).fill(0x80), new Uint8Array(40_000)])
      yield* a.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D28", "0.14"],
    only: "websocket",
    title: "a WebSocket ping is a sign of life",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* loginAt(`/04/${hex}`, A)
      yield* a.until("RolePromotedToLeader")
      for (let round = 0; round < 4; round++) {
        yield* target.advance("59 seconds")
        yield* a.ping
      }
      yield* target.advance(59_999)
      const observer = yield* login(B)
      yield* observer.next("ReflectionQueueDry")
      yield* target.advance(1)
      yield* a.closes(CloseCode.Idle)
    })
  },
  {
    shows: ["D28", "0.14"],
    only: "websocket",
    title: "iOS answers no pings: nobody is closed for a missing pong",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* loginAt(`/04/${hex}`, A, { pongs: false })
      yield* a.until("RolePromotedToLeader")
      for (let round = 0; round < 30; round++) {
        yield* target.advance("20 seconds")
        yield* a.quiet
      }
    })
  },
  {
    shows: ["D32"],
    only: "websocket",
    title: "a client's close is answered with a close: the handshake completes with its code",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      const a = yield* loginAt(`/04/${hex}`, A)
      yield* a.next("ReflectionQueueDry")
      assert.strictEqual((yield* a.hangUp).code, 1000)
      const early = yield* (yield* face).dial(`/04/${hex}`)
      yield* early.next("ServerHello")
      assert.strictEqual((yield* early.hangUp).code, 1000)
      yield* observer.quiet
    })
  },
  {
    shows: ["D32"],
    only: "websocket",
    title: "Desktop closes without a code: it is gone, and that is all",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      const a = yield* loginAt(`/04/${hex}`, A)
      yield* a.next("ReflectionQueueDry")
      yield* a.closeWithoutCode
      yield* awaitAbsent(observer, A)
      yield* observer.reflect(bytes(1))
      assert.strictEqual((yield* join(A, { expected: EXISTING })).backlog.length, 1)
    })
  }
]
