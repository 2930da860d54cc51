/**
 * Bugs in what a device tells its application: who is in the group, what it shares, whether a precondition held, what is left
 * when it stops.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const answers: ReadonlyArray<Mutant> = [
  {
    name: "precondition-checked-once",
    side: "client",
    flaw: "The precondition of a transaction is not asked for again once the lock is held.",
    breaks: "PROTOCOL C5",
    patches: [
      { file: "Transaction.ts", find: "const run = precondition(true).pipe(", replace: "const run = Effect.void.pipe(" }
    ]
  },
  {
    name: "precondition-ignored-under-lock",
    side: "client",
    flaw: "The body of a transaction runs though its precondition does not hold any more once the lock is held.",
    breaks: "PROTOCOL C5",
    patches: [
      {
        file: "Transaction.ts",
        find: "const run = precondition(true).pipe(",
        replace: "const run = Effect.ignore(precondition(true)).pipe("
      }
    ]
  },
  {
    name: "precondition-checked-late",
    side: "client",
    flaw: "The lock is asked for whether or not the precondition of the transaction holds.",
    breaks: "PROTOCOL C5",
    patches: [{ file: "Transaction.ts", find: "yield* restore(steps.precondition)", replace: "" }]
  },
  {
    name: "precondition-side-mistold",
    side: "client",
    flaw: "A precondition that did not hold is always told to have failed before the lock was asked for.",
    breaks: "PROTOCOL C5",
    patches: [
      {
        file: "Transaction.ts",
        find: "new PreconditionFailed({ lockHeld })",
        replace: "new PreconditionFailed({ lockHeld: false })"
      }
    ]
  },
  {
    name: "shared-data-learned-once",
    side: "client",
    flaw: "Shared data that a device knows is never replaced by what a later ServerInfo says.",
    breaks: "PROTOCOL C6",
    patches: [
      {
        file: "Devices.ts",
        find: "shared = Result.isSuccess(data)",
        replace: "shared ??= Result.isSuccess(data)"
      }
    ]
  },
  {
    name: "unreadable-shared-data-kept",
    side: "client",
    flaw: "A device that cannot read the shared data of a ServerInfo goes on telling its application what it was before.",
    breaks: "decision 17, decision 23",
    patches: [
      {
        file: "Devices.ts",
        find: "{ version: data.success.version } : undefined",
        replace: "{ version: data.success.version } : shared"
      }
    ]
  },
  {
    name: "own-shared-data-forgotten",
    side: "client",
    flaw: "A device that has set the shared data goes on telling its application what it was before.",
    breaks: "decision 17",
    patches: [{ file: "Devices.ts", find: "      shared = data\n", replace: "" }]
  },
  {
    name: "only-first-device-listed",
    side: "client",
    flaw: "Of the devices of the group, the application is told of the first alone.",
    breaks: "PROTOCOL C6",
    patches: [
      {
        file: "Devices.ts",
        find: "(entries) => new Map(entries)",
        replace: "(entries) => new Map(entries.slice(0, 1))"
      }
    ]
  },
  {
    name: "first-list-told-again",
    side: "client",
    flaw: "The devices are asked for each time, and the application is told what the first answer was.",
    breaks: "PROTOCOL C6",
    patches: [
      {
        file: "Devices.ts",
        find: "const turns = makeTurns()",
        replace: "const turns = makeTurns()\n  let first: ReadonlyMap<DeviceId, DeviceEntry> | undefined"
      },
      {
        file: "Devices.ts",
        find: "Effect.flatMap(entriesOf),",
        replace:
          "Effect.flatMap((answer) => (first === undefined ? entriesOf(answer) : Effect.succeed(first))),\n      Effect.map((entries) => (first = entries)),"
      }
    ]
  },
  {
    name: "list-without-connections",
    side: "client",
    flaw: "The application is not told which of the devices are connected.",
    breaks: "PROTOCOL C6",
    patches: [{ file: "Devices.ts", find: "connection: known.connectionState", replace: "connection: undefined" }]
  },
  {
    name: "unacked-in-reverse",
    side: "client",
    flaw: "A device that stops gives back what was never acked last first.",
    breaks: "decision 22",
    patches: [{ file: "ReflectionLedger.ts", find: "left.push(item.value)", replace: "left.unshift(item.value)" }]
  },
  {
    name: "written-not-given-back",
    side: "client",
    flaw: "A device that stops gives back only what it has never written.",
    breaks: "decision 22",
    patches: [
      {
        file: "ReflectionLedger.ts",
        find: "if (isMarker(item) || item.cancelled) continue",
        replace: "if (isMarker(item) || item.cancelled || item.writtenAt > 0) continue"
      }
    ]
  },
  {
    name: "acked-given-back",
    side: "client",
    flaw: "A call that ends with the device is given all of its contents back, the acked ones too.",
    breaks: "decision 22",
    patches: [
      {
        file: "Reflection.ts",
        find: "failure(contents.filter((_, at) => timestamps[at] === undefined))",
        replace: "failure(contents)"
      }
    ]
  }
]
