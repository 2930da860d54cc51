import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { lenientOptions, type MediatorOptions } from "@d2m/server-sim"
import { defaultGuards, type Guards } from "@d2m/server-sim/node"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { guardFlags, guardsOf, limitsOf } from "../src/GuardFlags.ts"
import { directory } from "./served.ts"

interface Read {
  readonly guards: Partial<Guards>
  readonly limits: Partial<MediatorOptions>
}

/** What `d2m serve` makes of these options. */
const read = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  let found: Read | undefined
  const command = Command.make("serve", guardFlags, (settings) =>
    Effect.map(guardsOf(settings), (guards) => {
      found = { guards, limits: limitsOf(settings) }
    })
  )
  yield* Effect.provide(Command.runWith(command, { version: "0.0.0" })(args), NodeServices.layer)
  assert.isDefined(found)
  return found
})

const group = "0a".repeat(32)

const rows: ReadonlyArray<readonly [args: ReadonlyArray<string>, changed: Partial<Read>]> = [
  [["--max-connections", "7"], { guards: { maxConnections: 7 } }],
  [["--max-connections-per-address", "7"], { guards: { maxConnectionsPerAddress: 7 } }],
  [["--max-refusals", "7"], { guards: { maxRefusals: 7 } }],
  [["--max-failed-handshakes", "7"], { guards: { failedHandshakes: 14, failedHandshakesPerMinute: 7 } }],
  [["--trust-proxy", "10.0.0.0/8", "--trust-proxy", "::1"], { guards: { trustedProxies: ["10.0.0.0/8", "::1"] } }],
  [["--allow-group", group], { guards: { allowedGroups: [group] } }],
  [["--handshake-deadline", "7"], { guards: { upgradeDeadline: 7_000 }, limits: { handshakeDeadline: 7_000 } }],
  [["--idle-timeout", "77"], { limits: { idleTimeout: 77_000 } }],
  [["--max-header-kib", "7"], { guards: { maxHeaderBytes: 7_168 } }],
  [["--max-message-kib", "70"], { guards: { maxMessageBytes: 71_680 } }],
  [["--max-fragments", "7"], { guards: { maxFragments: 7 } }],
  [["--max-pings", "7"], { guards: { pings: 4, pingsPerMinute: 7 } }],
  [["--slow-reader-deadline", "7"], { guards: { slowReaderDeadline: 7_000 } }],
  [["--slow-reader-mib", "7"], { guards: { slowReaderBytes: 7_340_032 } }],
  [["--outgoing-mib", "77"], { limits: { outgoingLimit: 80_740_352 } }],
  [["--outgoing-total-mib", "77"], { limits: { outgoingTotal: 80_740_352 } }],
  [["--transaction-messages", "7"], { limits: { transactionMessages: 7 } }],
  [["--transaction-mib", "7"], { limits: { transactionBytes: 7_340_032 } }],
  [["--transaction-total-mib", "77"], { limits: { transactionTotal: 80_740_352 } }],
  [["--queue-messages", "7"], { limits: { queueMessages: 7 } }],
  [["--queue-mib", "7"], { limits: { queueBytes: 7_340_032 } }]
]

/** Only what is in the other. */
const part = <A extends object>(whole: A, keys: object): Partial<A> =>
  Object.fromEntries(Object.entries(whole).filter(([key]) => key in keys)) as Partial<A>

describe("the options that guard d2m serve", () => {
  it.effect("are the mediator's own defaults where they are not given", () =>
    Effect.gen(function* () {
      const { guards, limits } = yield* read([])
      assert.deepStrictEqual(guards, part(defaultGuards, guards))
      assert.deepStrictEqual(limits, part(lenientOptions, limits))
    })
  )

  for (const [args, changed] of rows) {
    it.effect(`${args.join(" ")} changes what it says, and nothing else`, () =>
      Effect.gen(function* () {
        const usual = yield* read([])
        const { guards, limits } = yield* read(args)
        assert.deepStrictEqual(guards, { ...usual.guards, ...changed.guards })
        assert.deepStrictEqual(limits, { ...usual.limits, ...changed.limits })
      })
    )
  }

  it.effect("let nobody in by a list that names nobody, and whom it names besides those of --allow-group", () =>
    Effect.gen(function* () {
      const list = join(yield* directory, "groups")
      const allowed = (text: string, ...args: ReadonlyArray<string>) => {
        writeFileSync(list, text)
        return Effect.map(read(["--allow-groups", list, ...args]), ({ guards }) => guards.allowedGroups)
      }
      assert.deepStrictEqual(yield* allowed(""), [])
      assert.deepStrictEqual(yield* allowed("# nobody yet\r\n \r\n"), [])
      const listed = ["0B".repeat(32), "0c".repeat(32)]
      assert.deepStrictEqual(yield* allowed(`\t${listed[0]}#Ann\r\n${listed[1]}`, "--allow-group", group), [
        group,
        ...listed
      ])
      const wrong = yield* Effect.flip(allowed(`# ours\n${group}\n${group}0\n`))
      assert.strictEqual(wrong.message, `--allow-groups ${list}: line 3 is not 64 hexadecimal digits`)
    }).pipe(Effect.scoped)
  )

  it("reach every guard but the size of the memory for failed handshakes", () => {
    const reached = new Set(rows.flatMap(([, { guards = {} }]) => Object.keys(guards)))
    assert.sameMembers(
      Object.keys(defaultGuards).filter((name) => !reached.has(name)),
      ["failingAddresses"]
    )
  })

  it("reach every limit of what clients together, or a transaction, may take", () => {
    const reached = new Set(rows.flatMap(([, { limits = {} }]) => Object.keys(limits)))
    // How long a transaction may take is decision 14's.
    assert.deepStrictEqual(
      Object.keys(lenientOptions).filter((name) => /Total$|^transaction/.test(name) && !reached.has(name)),
      ["transactionTtl"]
    )
  })
})
