/** A mediator whose process may have few file descriptors, of which Node itself says nothing. */
import { assert, describe, it } from "@effect/vitest"
import { toUrlPath } from "@d2m/codec"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { Agent, get } from "node:http"
import { rawTcp, upgradeHead } from "../../server-sim/test/raw-socket.ts"
import { parsePrometheus } from "../../server-sim/test/prometheus-text.ts"
import { serveUnder } from "./served.ts"

const head = upgradeHead(toUrlPath({ deviceGroupId: new Uint8Array(32), serverGroup: "7a" }))

/** The status of what an upgrade is answered; nothing if it is hung up on. */
const upgraded = Effect.fnUntraced(function* (port: number) {
  const raw = yield* rawTcp(port)
  raw.write(head)
  const text = yield* Effect.raceFirst(raw.got("\r\n"), raw.closed)
  const status = text.slice(9, 12)
  // Those who are refused make room for the next one.
  if (status !== "101") yield* raw.closed
  return status
})

const serveWithin = (descriptors: number, ...args: ReadonlyArray<string>) =>
  serveUnder(["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh"], ...args)

/** What the admin server says, over the one connection that it is asked on. */
const operator = Effect.acquireRelease(
  Effect.sync(() => new Agent({ keepAlive: true, maxSockets: 1 })),
  (agent) => Effect.sync(() => agent.destroy())
).pipe(
  Effect.map(
    (agent) => (url: string) =>
      Effect.callback<string, string>((resume) => {
        get(url, { agent }, (response) => {
          let text = ""
          response.on("data", (chunk) => (text += chunk))
          response.on("end", () => resume(Effect.succeed(text)))
        }).on("error", (error) => resume(Effect.fail(error.message)))
      })
  )
)

describe("d2m serve with few file descriptors", { timeout: 60_000 }, () => {
  it.live("takes as many connections as they are enough for, says so, and answers everybody else", () =>
    Effect.gen(function* () {
      const server = yield* serveWithin(128, "--admin", "0", "--max-failed-handshakes", "1000")
      const { admin, port } = JSON.parse(yield* server.line)
      yield* server.logs("level=WARN", "maxConnections=56 wanted=10000 descriptors=128")
      const crowd = Effect.gen(function* () {
        const answers: Array<string> = []
        for (let n = 0; n < 130; n++) answers.push(yield* upgraded(port))
        assert.deepStrictEqual(answers, [...Array(56).fill("101"), ...Array(74).fill("503")])
        assert.strictEqual(yield* (yield* operator)(`${admin}readyz`), "Ready\n")
      })
      yield* Effect.scoped(crowd)
      yield* Effect.repeat(Effect.scoped(upgraded(port)), { until: (status) => status === "101" })
    }).pipe(Effect.scoped)
  )

  it.live("counts one more for each connection where a chat server is reached over another", () =>
    Effect.gen(function* () {
      const server = yield* serveWithin(128, "--chat", "127.0.0.1:9")
      yield* server.logs("level=WARN", "maxConnections=28 wanted=10000 descriptors=128")
    }).pipe(Effect.scoped)
  )

  it.live("says that none is left, and that there are some again", () =>
    Effect.gen(function* () {
      const server = yield* serveWithin(128, "--admin", "0", "--handshake-deadline", "1")
      const { admin, port } = JSON.parse(yield* server.line)
      const ask = yield* operator
      const exhausted = Effect.map(ask(`${admin}metrics`), (text) =>
        parsePrometheus(text).value("d2m_descriptors_exhausted_total")
      )
      assert.strictEqual(yield* exhausted, 0)
      const allow = (count: number) =>
        execFileSync("prlimit", ["--pid", String(server.child.pid), `--nofile=${count}:128`])
      allow(8)
      yield* Effect.repeat(exhausted, { until: (count) => count > 0 })
      assert.strictEqual(yield* ask(`${admin}readyz`), "OutOfDescriptors\n")
      allow(128)
      assert.strictEqual(yield* ask(`${admin}readyz`), "Ready\n")
      assert.strictEqual(yield* Effect.scoped(upgraded(port)), "101")
      server.child.kill("SIGTERM")
      const { code, stderr } = yield* server.ended
      assert.strictEqual(code, 0)
      assert.match(stderr, /message="guards at work".* OutOfDescriptors=\d+/)
    }).pipe(Effect.scoped)
  )
})
