/**
 * The page's web site: the bundle that a browser's bundler makes, served on loopback under a strict policy.
 */
import { Effect, type Scope } from "effect"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import { rolldown } from "rolldown"

/** Scripts of the site alone, none made at run time; connections to loopback alone; nothing else at all. */
export const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src ws://127.0.0.1:*",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const bundle = Effect.promise(async () => {
  const build = await rolldown({
    input: Path.join(import.meta.dirname, "page.ts"),
    platform: "browser",
    logLevel: "silent"
  })
  const { output } = await build.generate({ format: "esm", codeSplitting: false })
  await build.close()
  return output[0].code
})

const html = (script: string): string => `<!doctype html><meta charset="utf-8"><title>D2M</title>${script}`

/** What the site has, by path. `/eval` does what the policy forbids, to see that it does. */
const filesOf = (code: string): ReadonlyMap<string, readonly [type: string, body: string]> =>
  new Map([
    ["/", ["text/html", html('<script type="module" src="/page.js"></script>')]],
    ["/page.js", ["text/javascript", code]],
    ["/eval", ["text/html", html('<script src="/eval.js"></script>')]],
    ["/eval.js", ["text/javascript", 'globalThis.made = new Function("return 1")()']]
  ])

/** Serves the site as long as the scope lasts; gives its address. */
export const make: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function* () {
  const files = filesOf(yield* bundle)
  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((request, response) => {
        const file = files.get(request.url ?? "")
        if (file === undefined) return response.writeHead(204).end()
        return response
          .writeHead(200, { "content-type": `${file[0]}; charset=utf-8`, "content-security-policy": policy })
          .end(file[1])
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
