import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { TimelineEvent } from "../src/demo/Timeline.ts"

const main = fileURLToPath(new URL("../src/demo/main.ts", import.meta.url))

const run = (args: ReadonlyArray<string>, input?: string) =>
  Effect.callback<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = spawn(process.execPath, [main, ...args], {
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" }
    })
    let stdout = ""
    let stderr = ""
    child.stdout!.on("data", (chunk) => (stdout += chunk))
    child.stderr!.on("data", (chunk) => (stderr += chunk))
    child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    child.stdin?.end(input)
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const file = (text: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "d2m-demo-"))
      const path = join(folder, "text.txt")
      writeFileSync(path, text)
      return { folder, path }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

describe("pnpm demo", () => {
  it.live("lives its short life and prints lanes", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run(["--columns", "120"])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      for (const scene of [
        "wrong key",
        "now the leader",
        "ECHOECHO is typing",
        "next try in",
        "dropped by another device"
      ]) {
        assert.include(stdout.replace(/\s+/g, " "), scene)
      }
      assert.include(stdout, "Everything that was promised arrived, in order.")
      for (const line of stdout.split("\n")) assert.isAtMost([...line].length, 120)
      assert.notInclude(stdout, "\u001b")
    })
  )

  it.live("pushes a person's own text through, as JSON lines", () =>
    Effect.gen(function* () {
      const texts = Array.from({ length: 30 }, (_, i) => `line ${i} 🐈`)
      const { path } = yield* file(texts.join("\n"))
      const { code, stdout } = yield* run(["--json", "--file", path])
      assert.strictEqual(code, 0)
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      const summary = lines.pop()
      assert.strictEqual(summary.type, "summary")
      assert.isTrue(summary.ok)
      const events: ReadonlyArray<TimelineEvent> = lines
      // Every text is seen on every device: by its sender as sent, by the others as received.
      for (const device of ["phone", "desktop", "tablet"]) {
        const seen = events.filter(({ kind, lane }) => lane === device && (kind === "sent" || kind === "received"))
        for (const text of texts)
          assert.isTrue(
            seen.some((event) => event.text.endsWith(text)),
            `${device}: ${text}`
          )
      }
    }).pipe(Effect.scoped)
  )

  it.live("reads standard input", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* run(["--json"], "from a pipe\n")
      assert.strictEqual(code, 0)
      assert.include(stdout, "from a pipe")
    })
  )

  it.live("says in one line what it cannot read", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["--file", "/no/such/file"])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^demo: cannot read \/no\/such\/file: .*\n$/)
    })
  )
})
