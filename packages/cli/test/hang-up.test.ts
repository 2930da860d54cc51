import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { writeFileSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { decodeLines, device } from "./device-program.ts"
import { directory, serve } from "./served.ts"

const timeout = 180_000

/** A mediator in the clear, one behind TLS, and the key of a group. */
class Servers extends Context.Service<Servers>()("test/Servers", {
  make: Effect.gen(function* () {
    const keyFile = join(yield* directory, "group.key")
    writeFileSync(keyFile, `${"8a".repeat(32)}\n`)
    return { ws: yield* serve(), wss: yield* serve("--self-signed"), keyFile }
  })
}) {}

const servers = Layer.effect(Servers, Servers.make)

/** A server that opens WebSockets and says nothing; with which code the first of them is closed. */
const silentServer = Effect.acquireRelease(
  Effect.callback<NodeWS.WebSocketServer>((resume) => {
    const server = new NodeWS.WebSocketServer({ port: 0, host: "127.0.0.1" })
    server.on("listening", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
).pipe(
  Effect.map((server) => {
    const closeCode = new Promise<number>((resolve) => {
      server.on("connection", (client) => client.on("close", resolve))
    })
    const address = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return { address, closeCode: Effect.promise(() => closeCode) }
  })
)

// Programs start slowly where many of them do.
layer(servers, { timeout })("an interrupted d2m device", (it) => {
  for (const [index, signal] of (["SIGINT", "SIGTERM"] as const).entries()) {
    for (const scheme of ["ws", "wss"] as const) {
      it.effect(
        `closes ${scheme}: with 1000 and ends with 130, at ${signal}`,
        () =>
          Effect.gen(function* () {
            const { [scheme]: server, keyFile } = yield* Servers
            const { address, pin } = JSON.parse(yield* server.line)
            const trust = scheme === "wss" ? ["--trust", "pinned-only", "--pin", pin] : []
            const args = [
              "--url",
              address,
              "--key-file",
              keyFile,
              "--device-id",
              `${index + 1}`,
              "--timeout",
              "120",
              ...trust
            ]
            const made = yield* device(args)
            // In the middle of something, which nobody has been promised.
            made.type("begin contact_sync", "reflect a")
            yield* made.next("Provisional")
            made.signal(signal)
            const { code, stderr, stdout } = yield* made.ended
            assert.deepStrictEqual([code, stderr], [130, ""])
            assert.deepInclude(decodeLines(stdout).at(-1), { _tag: "End", code: 130, promised: 0 })
            const line = yield* server.logs("connection closed", `device=000000000000000${index + 1} `)
            assert.match(line, / by=peer code=1000 /)
          }),
        timeout
      )
    }

    it.effect(
      `closes with 1000 before the mediator has said a word, at ${signal}`,
      () =>
        Effect.gen(function* () {
          const { keyFile } = yield* Servers
          const { address, closeCode } = yield* silentServer
          const made = yield* device(["--url", address, "--key-file", keyFile])
          yield* made.next("State", ({ state }) => state === "Handshaking")
          made.signal(signal)
          const { code, stderr } = yield* made.ended
          assert.deepStrictEqual([code, stderr], [130, ""])
          assert.strictEqual(yield* closeCode, 1000)
        }),
      timeout
    )
  }
})

layer(servers, { timeout })("a d2m device whose output nobody reads any more", (it) => {
  it.effect(
    "closes with 1000 and ends with 0 where no promise is owed",
    () =>
      Effect.gen(function* () {
        const { keyFile, ws } = yield* Servers
        const { address } = JSON.parse(yield* ws.line)
        const made = yield* device(["--url", address, "--key-file", keyFile, "--device-id", "9"])
        made.type("reflect a", "wait promised")
        yield* made.next("Promised")
        made.stopReading()
        made.type("state")
        const { code, stderr } = yield* made.ended
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.match(yield* ws.logs("connection closed", "device=0000000000000009 "), / by=peer code=1000 /)
      }),
    timeout
  )

  it.effect(
    "closes with 1000 and ends with 1 where one is",
    () =>
      Effect.gen(function* () {
        const { keyFile } = yield* Servers
        const { address, closeCode } = yield* silentServer
        const made = yield* device(["--url", address, "--key-file", keyFile])
        yield* made.next("State", ({ state }) => state === "Handshaking")
        made.type("reflect a", "help")
        yield* made.next("Help")
        made.stopReading()
        made.type("help")
        const { code, stderr } = yield* made.ended
        assert.deepStrictEqual([code, stderr], [1, "d2m: 1 of what was reflected has not been promised\n"])
        assert.strictEqual(yield* closeCode, 1000)
      }),
    timeout
  )
})
