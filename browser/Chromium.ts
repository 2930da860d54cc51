/**
 * The system's Chromium without a window, and its pages: each in a profile of its own, with every complaint noted.
 */
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"

const executable = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

/** Starts it with a fresh profile, which it deletes when the scope closes. */
export const launch: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => {
    if (!Fs.existsSync(executable)) {
      throw new Error(`no browser at ${executable}: install Debian's chromium, or name another one with CHROMIUM`)
    }
    return chromium.launch({
      executablePath: executable,
      headless: true,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    })
  }),
  (browser) => Effect.promise(() => browser.close())
)

export interface OpenPage {
  readonly page: Page
  /** Uncaught errors, refusals by the policy, and whatever else the page complained about. */
  readonly complaints: ReadonlyArray<string>
}

const noteViolations =
  'addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective))'

/** Opens an address in a profile of its own. */
export const open = (browser: Browser, address: string): Effect.Effect<OpenPage, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const context = await browser.newContext()
      await context.addInitScript({ content: noteViolations })
      const page = await context.newPage()
      const complaints: Array<string> = []
      page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`))
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
      })
      await page.goto(address)
      return { page, complaints }
    }),
    ({ page }) => Effect.promise(() => page.context().close())
  )
