/**
 * Bugs in what the mediator stores and hands over: reflects and their acks, the stream of a slot, ids, Dry.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const streams: ReadonlyArray<Mutant> = [
  {
    name: "ack-before-store",
    side: "mediator",
    flaw: "A reflect is acked before it is stored for the others.",
    breaks: "decision 11",
    patches: [
      {
        file: "Reflect.ts",
        find: "reflectId: frame.reflectId, timestamp }, after)",
        replace: "reflectId: frame.reflectId, timestamp })"
      }
    ]
  },
  {
    name: "offline-slots-forgotten",
    side: "mediator",
    flaw: "A message is stored only for the devices that are connected.",
    breaks: "decision 11",
    patches: [
      {
        file: "FanOut.ts",
        find: "if (slot === sender) continue",
        replace: "if (slot === sender || slot.session === undefined) continue"
      }
    ]
  },
  {
    name: "delivered-to-sender",
    side: "mediator",
    flaw: "A message is stored for its sender as well.",
    breaks: "decision 11",
    patches: [{ file: "FanOut.ts", find: "if (slot === sender) continue", replace: "" }]
  },
  {
    name: "stored-for-other-groups",
    side: "mediator",
    flaw: "A message is stored for the devices of all groups that are in memory.",
    breaks: "decision 11",
    patches: [
      {
        file: "FanOut.ts",
        find: "if (group.slots.size === 1) return group.departed",
        replace: `if (group.slots.get(sender.deviceId) === sender) {
    for (const other of turn.state.groups.values()) {
      if (other !== group) storeForOthers(turn, other, sender, message, handOver)
    }
  }
  if (group.slots.size === 1) return group.departed`
      }
    ]
  },
  {
    name: "timestamps-differ",
    side: "mediator",
    flaw: "The timestamp of an ack is another one than that of the message.",
    breaks: "decision 11",
    patches: [
      {
        file: "Reflect.ts",
        find: "reflectId: frame.reflectId, timestamp }, after)",
        replace: "reflectId: frame.reflectId, timestamp: (timestamp + 1n) as Timestamp }, after)"
      }
    ]
  },
  {
    name: "message-dropped-at-queue-limit",
    side: "mediator",
    flaw: "A slot whose queue is full misses the message and stays.",
    breaks: "decision 14",
    patches: [
      {
        file: "FanOut.ts",
        find: `freeSlot(turn, group, slot, "QueueLimit", CloseCode.QueueLimit, "the reflection queue grew too long")`,
        replace: ""
      }
    ]
  },
  {
    name: "cumulative-ack",
    side: "mediator",
    flaw: "An ack removes everything before it from the queue as well.",
    breaks: "decision 10",
    patches: [
      {
        file: "Reflect.ts",
        find: "// A repeated ack, and one of an ephemeral, finds nothing to remove.",
        replace: `for (let earlier = session.first; earlier < position; earlier++) {
      if (remove(slot.queue, earlier)) record(turn, group, { _tag: "Ack", deviceId: slot.deviceId, position: earlier })
    }`
      }
    ]
  },
  {
    name: "acked-redelivered",
    side: "mediator",
    flaw: "An acked message stays in the queue and comes again on the next connection.",
    breaks: "decision 10, PROTOCOL D13",
    patches: [
      { file: "Reflect.ts", find: "if (remove(slot.queue, position)) record", replace: "if (slot.issued < 0) record" }
    ]
  },
  {
    name: "ephemeral-stored",
    side: "mediator",
    flaw: "An ephemeral is stored for absent devices and acked like any other message.",
    breaks: "PROTOCOL D15",
    patches: [
      {
        file: "Reflect.ts",
        find: "const ephemeral = isEphemeral(frame.flags)",
        replace: "const ephemeral = frame.flags < 0"
      }
    ]
  },
  {
    name: "ephemeral-redelivered",
    side: "mediator",
    flaw: "An ephemeral is put into the queue of those that it is sent to, and comes again on each connection.",
    breaks: "PROTOCOL D15",
    patches: [
      {
        file: "ReflectedStream.ts",
        find: "import { nextPosition, nextPositions }",
        replace: "import { nextPosition, nextPositions, push }"
      },
      {
        file: "ReflectedStream.ts",
        find: `const after = record(turn, group, { _tag: "IssueId", deviceId: slot.deviceId, issued: position })`,
        replace: `push(slot.queue, position, size)
  const after = record(turn, group, { ...message, _tag: "Append", to: [{ deviceId: slot.deviceId, position }] })`
      }
    ]
  },
  {
    name: "ephemeral-overtakes",
    side: "mediator",
    flaw: "An ephemeral is sent at once to a device that is still being given its queue.",
    breaks: "PROTOCOL D15",
    patches: [
      {
        file: "ReflectedStream.ts",
        find: "const isDue = isNext(session, slot.issued + 1)",
        replace: "const isDue = slot.issued >= 0"
      }
    ]
  },
  {
    name: "ids-not-persisted",
    side: "mediator",
    flaw: "That an ephemeral took an id is not written down, so that it is given out again after a restart.",
    breaks: "decision 9",
    patches: [
      {
        file: "ReflectedStream.ts",
        find: `const after = record(turn, group, { _tag: "IssueId", deviceId: slot.deviceId, issued: position })`,
        replace: "const after = slot.appended"
      }
    ]
  },
  {
    name: "backlog-skipped",
    side: "mediator",
    flaw: "A device whose socket was full misses what came meanwhile.",
    breaks: "PROTOCOL D10",
    patches: [
      {
        file: "ReflectedStream.ts",
        find: "session.isPaused = false\n  advance",
        replace: "session.isPaused = false\n  session.cursor = slotEnd(session)\n  advance"
      },
      {
        file: "ReflectedStream.ts",
        find: "/** The socket has room. */",
        replace: "const slotEnd = (session: Session): Position => session.slot.issued + 1\n"
      }
    ]
  },
  {
    name: "full-socket-ignored",
    side: "mediator",
    flaw: "A queue flows on though its client does not take what was sent.",
    breaks: "principle 7",
    patches: [
      {
        file: "PeerWriter.ts",
        find: "peer.awaitsDrain && level <= outgoingLowWater",
        replace: "peer.awaitsDrain"
      }
    ]
  },
  {
    name: "backlog-reversed",
    side: "mediator",
    flaw: "What is read from the store for a device is sent last message first.",
    breaks: "PROTOCOL D10",
    patches: [
      {
        file: "PeerWriter.ts",
        find: "of messages) {\n      sendFrame",
        replace: "of [...messages].reverse()) {\n      sendFrame"
      }
    ]
  },
  {
    name: "dry-twice",
    side: "mediator",
    flaw: "ReflectionQueueDry is sent whenever a device has been given everything.",
    breaks: "decision 8",
    patches: [{ file: "ReflectedStream.ts", find: "if (session.isDry) return", replace: "" }]
  },
  {
    name: "dry-before-queue",
    side: "mediator",
    flaw: "ReflectionQueueDry is sent after the first chunk of the queue.",
    breaks: "decision 8",
    patches: [
      {
        file: "ReflectedStream.ts",
        find: "if (next !== undefined && next <= session.dryAfter) return",
        replace: ""
      }
    ]
  },
  {
    name: "wrap-taken-as-decrease",
    side: "mediator",
    flaw: "An ack of an id from before the wrap counts as one of an id that was never sent.",
    breaks: "decision 9, decision 10",
    patches: [
      {
        file: "State.ts",
        find: "last - ((last - reflectedId) >>> 0)",
        replace: "last - (last % 0x1_0000_0000) + reflectedId"
      }
    ]
  },
  {
    name: "ids-do-not-wrap",
    side: "mediator",
    flaw: "Reflected-ids stop at 0xFFFFFFFF.",
    breaks: "decision 9",
    patches: [
      {
        file: "State.ts",
        find: "(position >>> 0) as ReflectedId",
        replace: "Math.min(position, 0xffff_ffff) as ReflectedId"
      }
    ]
  },
  {
    name: "promise-before-durable",
    side: "mediator",
    flaw: "Whatever waits for the store leaves at once.",
    breaks: "decision 11",
    patches: [{ file: "StoreWriter.ts", find: "durable: () => durable,", replace: "durable: () => Infinity," }]
  },
  {
    name: "store-failure-ignored",
    side: "mediator",
    flaw: "A write that failed counts as one that has succeeded.",
    breaks: "decision 11, PROTOCOL D32",
    patches: [
      {
        file: "MediatorShell.ts",
        find: "failures.writeFailed(new Set(lost.map(({ groupKey }) => groupKey)), exit.cause)",
        replace: `watch.failed("the mediator's store failed", exit.cause)`
      }
    ]
  },
  {
    name: "queues-not-limited",
    side: "mediator",
    flaw: "A queue may have any number of messages.",
    breaks: "decision 14, PROTOCOL D27",
    patches: [
      {
        file: "FanOut.ts",
        find: "if (slot.queue.length >= queueMessages || slot.queue.bytes + size > queueBytes) {",
        replace: "if (queueMessages < 0 || slot.queue.bytes + size > queueBytes) {"
      }
    ]
  },
  {
    name: "queue-bytes-not-limited",
    side: "mediator",
    flaw: "The messages of a queue may have any number of bytes together.",
    breaks: "decision 14, PROTOCOL D27",
    patches: [
      {
        file: "FanOut.ts",
        find: "if (slot.queue.length >= queueMessages || slot.queue.bytes + size > queueBytes) {",
        replace: "if (slot.queue.length >= queueMessages || queueBytes < 0) {"
      }
    ]
  }
]
