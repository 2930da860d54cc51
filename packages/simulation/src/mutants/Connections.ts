/**
 * Bugs in how a device keeps and replaces its connection: handshake, state, deadlines, keep-alive, reconnecting.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const connections: ReadonlyArray<Mutant> = [
  {
    name: "reconnect-on-4113",
    side: "client",
    flaw: "A device that was dropped connects again without asking the user.",
    breaks: "decision 26",
    patches: [{ file: "ReconnectVerdict.ts", find: `return ask({ _tag: "Dropped" })`, replace: "return reconnect" }]
  },
  {
    name: "reconnect-on-4112",
    side: "client",
    flaw: "A device that another machine has replaced connects again, and replaces that one.",
    breaks: "decision 26",
    patches: [
      { file: "ReconnectVerdict.ts", find: `return ask({ _tag: "DuplicateDevice" })`, replace: "return reconnect" }
    ]
  },
  {
    name: "sent-away-and-back",
    side: "client",
    flaw: "A device comes back though the chat server has said that it must not.",
    breaks: "decision 26",
    patches: [
      {
        file: "ReconnectVerdict.ts",
        find: `if (!given.chat.canReconnect) return ask({ _tag: "ChatRefused" })`,
        replace: "if (!given.chat.canReconnect) return reconnect"
      }
    ]
  },
  {
    name: "close-code-over-close-error",
    side: "client",
    flaw: "A close code that needs the user counts, though the chat server has said that the device may come back.",
    breaks: "decision 26",
    patches: [{ file: "ReconnectVerdict.ts", find: `if (end._tag === "Closed") return reconnect`, replace: "" }]
  },
  {
    name: "user-asked-after-reset",
    side: "client",
    flaw: "The user is asked after every close of the mediator, whatever its code.",
    breaks: "decision 26",
    patches: [
      {
        file: "ReconnectVerdict.ts",
        find: `if (verdict === "reconnect") return reconnect`,
        replace: `if (verdict === "reconnect") return ask({ _tag: "Refused", because })`
      }
    ]
  },
  {
    name: "backoff-exponential",
    side: "client",
    flaw: "The time between connections doubles with each failure.",
    breaks: "decision 26",
    patches: [{ file: "ReconnectPolicy.ts", find: "failures * base, cap", replace: "2 ** (failures - 1) * base, cap" }]
  },
  {
    name: "backoff-never-reset",
    side: "client",
    flaw: "Failures are counted on over connections that held.",
    breaks: "decision 26",
    patches: [
      {
        file: "ReconnectPolicy.ts",
        find: "held !== undefined && held >= Duration.toMillis(policy.settledAfter) ? 1 : failures + 1",
        replace: "failures + 1"
      }
    ]
  },
  {
    name: "backoff-reset-too-early",
    side: "client",
    flaw: "A connection that has seen ServerInfo resets the backoff, however soon it is lost.",
    breaks: "decision 26",
    patches: [
      {
        file: "ReconnectPolicy.ts",
        find: "held !== undefined && held >= Duration.toMillis(policy.settledAfter)",
        replace: "held !== undefined"
      }
    ]
  },
  {
    name: "never-gives-up",
    side: "client",
    flaw: "The user is never asked, however many connections fail in a row.",
    breaks: "decision 26",
    patches: [{ file: "ReconnectPolicy.ts", find: "failures >= maximumFailures", replace: "failures < 0" }]
  },
  {
    name: "waiting-not-told",
    side: "client",
    flaw: "The state never says Waiting: a device that has lost its connection goes on saying what it said before.",
    breaks: "decision 26",
    patches: [
      {
        file: "ReconnectLoop.ts",
        find: `state.setUnsafe({ _tag: "Waiting", failures: failuresAfter(policy, failures, held), because: end })`,
        replace: ""
      },
      {
        file: "ReconnectLoop.ts",
        find: `state.setUnsafe({ _tag: "Waiting", failures, nextTryAt, because })`,
        replace: ""
      }
    ]
  },
  {
    name: "retry-after-ignored",
    side: "client",
    flaw: "A device that is refused the upgrade comes back sooner than the server has asked for.",
    breaks: "decision 26",
    patches: [{ file: "ReconnectLoop.ts", find: "Math.max(planned, askedToWait(end))", replace: "planned" }]
  },
  {
    name: "retry-after-instead",
    side: "client",
    flaw: "A device that is refused the upgrade comes back as soon as the server allows, whatever its backoff says.",
    breaks: "decision 26",
    patches: [
      {
        file: "ReconnectLoop.ts",
        find: "Math.max(planned, askedToWait(end))",
        replace: "askedToWait(end) || planned"
      }
    ]
  },
  {
    name: "no-backoff",
    side: "client",
    flaw: "The next connection is dialled a millisecond after the last one has ended, and nothing is said of it.",
    breaks: "decision 26",
    patches: [
      {
        file: "ReconnectLoop.ts",
        find: `state.setUnsafe({ _tag: "Waiting", failures: failuresAfter(policy, failures, held), because: end })`,
        replace: ""
      },
      { file: "ReconnectLoop.ts", find: "yield* wait(failures, delay, end)", replace: "yield* Effect.sleep(1)" }
    ]
  },
  {
    name: "never-probes",
    side: "client",
    flaw: "An idle connection is never probed.",
    breaks: "decision 15",
    patches: [
      { file: "KeepAlive.ts", find: "defaultValue: () => probing()", replace: "defaultValue: () => noKeepAlive" }
    ]
  },
  {
    name: "probes-too-often",
    side: "client",
    flaw: "A connection is probed 5 s after its latest frame.",
    breaks: "decision 15",
    patches: [
      {
        file: "KeepAlive.ts",
        find: "defaultValue: () => probing()",
        replace: `defaultValue: () => probing({ idle: "5 seconds" })`
      }
    ]
  },
  {
    name: "no-deadline-for-answers",
    side: "client",
    flaw: "An answer that does not come is waited for without end while other frames come in.",
    breaks: "decision 15",
    patches: [{ file: "Connection.ts", find: "watchDeadlines(live, reflection, deadlines.answer),", replace: "" }]
  },
  {
    name: "slot-not-persisted",
    side: "client",
    flaw: "That the device has a slot is not written down when ServerInfo comes.",
    breaks: "decision 25",
    patches: [{ file: "Handshake.ts", find: `if (slot !== "Existing") yield* store.setSlot("Existing")`, replace: "" }]
  },
  {
    name: "clock-not-checked",
    side: "client",
    flaw: "A device whose clock is hours off goes live all the same.",
    breaks: "decision 24",
    patches: [{ file: "Handshake.ts", find: "if (skew !== undefined) return yield* skew", replace: "" }]
  },
  {
    name: "live-too-early",
    side: "client",
    flaw: "The state says Live as soon as the WebSocket is open, before ServerInfo.",
    breaks: "decision 7",
    patches: [
      {
        file: "Connection.ts",
        find: `state.setUnsafe({ _tag: "Handshaking", attempt })`,
        replace: `state.setUnsafe({
      _tag: "Live",
      since: clock.currentTimeMillisUnsafe(),
      dry: false,
      leader: false,
      queued: 0,
      maxDeviceSlots: 8
    })`
      }
    ]
  },
  {
    name: "dry-at-once",
    side: "client",
    flaw: "The state says dry from the start of a connection, before ReflectionQueueDry.",
    breaks: "decision 8",
    patches: [
      {
        file: "Connection.ts",
        find: "dry: false,\n        leader: false,",
        replace: "dry: true,\n        leader: false,"
      }
    ]
  },
  {
    name: "leader-kept",
    side: "client",
    flaw: "A device that was leader once calls itself leader on every later connection.",
    breaks: "decision 8",
    patches: [
      {
        file: "Connection.ts",
        find: "leader: false,\n        queued:",
        replace: "leader: (parts as { hasLed?: boolean }).hasLed === true,\n        queued:"
      },
      {
        file: "Connection.ts",
        find: "stateful({ leader: true })",
        replace: "stateful({ leader: true })\n          ;(parts as { hasLed?: boolean }).hasLed = true"
      }
    ]
  },
  {
    name: "no-deadline-for-dials",
    side: "client",
    flaw: "A dial that is not answered is waited for without end.",
    breaks: "decision 15",
    patches: [{ file: "Link.ts", find: "duration: deadlines.open,", replace: "duration: Infinity," }]
  }
]
