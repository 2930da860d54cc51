/**
 * Bugs in what a device does with reflected messages: the handler, nonces, quarantine, acks.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const inbound: ReadonlyArray<Mutant> = [
  {
    name: "ack-before-handling",
    side: "client",
    flaw: "A reflected message is acked before its handler has run.",
    breaks: "decision 21",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "restore(Effect.flatMap(open(batch), handle))",
        replace: "restore(open(batch).pipe(Effect.tap(sendAcks), Effect.flatMap(handle)))"
      },
      { file: "ReflectedQueue.ts", find: "Effect.andThen(recorded, sendAcks(done))", replace: "recorded" }
    ]
  },
  {
    name: "ephemeral-acked",
    side: "client",
    flaw: "An ephemeral is acked like any other message.",
    breaks: "decision 21",
    patches: [{ file: "ReflectedQueue.ts", find: "if (!isEphemeral(flags)) frames.push", replace: "frames.push" }]
  },
  {
    name: "sender-not-told",
    side: "client",
    flaw: "The handler is told that all messages are of the device with the id 0.",
    breaks: "PROTOCOL A5, C3",
    patches: [
      { file: "Envelope.ts", find: "sender: envelope.success.deviceId as DeviceId", replace: "sender: 0n as DeviceId" }
    ]
  },
  {
    name: "ephemeral-inverted",
    side: "client",
    flaw: "The handler is told that messages are ephemeral which are not, and the other way round.",
    breaks: "decision 21",
    patches: [
      {
        file: "Envelope.ts",
        find: "ephemeral: isEphemeral(frame.flags)",
        replace: "ephemeral: !isEphemeral(frame.flags)"
      }
    ]
  },
  {
    name: "timestamp-not-told",
    side: "client",
    flaw: "The handler is told that a message is of 1970.",
    breaks: "decision 11",
    patches: [{ file: "Envelope.ts", find: "timestamp: frame.timestamp", replace: "timestamp: 0n as Timestamp" }]
  },
  {
    name: "tried-once-more",
    side: "client",
    flaw: "The handler is tried four times before a message is set aside.",
    breaks: "decision 20",
    patches: [
      {
        file: "Handler.ts",
        find: "last === undefined || tries >= policy.tries",
        replace: "last === undefined || tries > policy.tries"
      }
    ]
  },
  {
    name: "reflected-unbounded",
    side: "client",
    flaw: "Messages that wait for the handler have no bound, and it is given all of them at once.",
    breaks: "principle 7",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "Queue.bounded<Queued>(options.capacity)",
        replace: "Queue.unbounded<Queued>()"
      }
    ]
  },
  {
    name: "undecryptable-not-kept",
    side: "client",
    flaw: "A message that does not open is acked, and kept nowhere.",
    breaks: "decision 20",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "return quarantine(opened, message.failure.reason, message.failure.detail)",
        replace: "return Effect.succeed({ ...opened, nonce: undefined })"
      }
    ]
  },
  {
    name: "nonces-not-recorded",
    side: "client",
    flaw: "The nonces of handled messages are not recorded, so that a redelivery is handled once more.",
    breaks: "decision 23",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "nonces.length === 0 ? Effect.void : store.addNonces(nonces)",
        replace: "Effect.void"
      }
    ]
  },
  {
    name: "nonce-before-handling",
    side: "client",
    flaw: "A nonce is recorded before its message is handled, so that a crash in between makes the redelivery a duplicate.",
    breaks: "decision 23",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "restore(Effect.flatMap(open(batch), handle))",
        replace: `restore(open(batch).pipe(
          Effect.tap((opened) => store.addNonces(opened.flatMap(({ nonce }) => (nonce === undefined ? [] : [nonce])))),
          Effect.flatMap(handle)
        ))`
      }
    ]
  },
  {
    name: "duplicate-handled-again",
    side: "client",
    flaw: "A message whose nonce is on record is handled again.",
    breaks: "decision 23",
    patches: [
      { file: "ReflectedQueue.ts", find: 'isKnown ? "Duplicate"', replace: 'isKnown && frame.flags < 0 ? "Duplicate"' }
    ]
  },
  {
    name: "quarantine-forgotten",
    side: "client",
    flaw: "A message that could not be handled is acked without being put into quarantine.",
    breaks: "decision 20",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: `: quarantine(opened, "HandlerFailed", outcome)`,
        replace: ": Effect.succeed(opened)"
      }
    ]
  },
  {
    name: "quarantine-told-and-not-kept",
    side: "client",
    flaw: "A message that could not be handled is told to be in quarantine, and is not written there.",
    breaks: "decision 20",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "store.quarantine(entry, opened.nonce)",
        replace: "Effect.succeed((void entry, 1))"
      }
    ]
  },
  {
    name: "quarantine-apart-from-nonce",
    side: "client",
    flaw: "The nonce of a message in quarantine is recorded later than the message, so that a crash in between brings it back.",
    breaks: "decision 23",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "store.quarantine(entry, opened.nonce)",
        replace: "store.quarantine(entry)"
      },
      { file: "ReflectedQueue.ts", find: "return { ...opened, nonce: undefined }", replace: "return opened" }
    ]
  },
  {
    name: "ack-on-wrong-connection",
    side: "client",
    flaw: "An ack goes out on whatever connection is live, not on the one that delivered.",
    breaks: "decision 10",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "Effect.ignore(live.send(",
        replace: "Effect.ignore((options.live.current() ?? live).send("
      }
    ]
  },
  {
    name: "handled-out-of-order",
    side: "client",
    flaw: "The handler is given the messages of a batch in reverse order.",
    breaks: "decision 20",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "messages.push(message.success)",
        replace: "messages.unshift(message.success)"
      }
    ]
  },
  {
    name: "death-of-handler-ignored",
    side: "client",
    flaw: "A handler that dies counts as one that has handled its messages.",
    breaks: "decision 20",
    patches: [
      {
        file: "Handler.ts",
        find: "Effect.as(onDefect(exit.cause), detail)",
        replace: "handled"
      }
    ]
  },
  {
    name: "only-first-tried-again",
    side: "client",
    flaw: "When a batch fails, only its first message is tried again; the others count as handled.",
    breaks: "decision 20",
    patches: [
      {
        file: "Handler.ts",
        find: "const outcome = yield* retry(handling, message, detail)",
        replace: "const outcome = message === batch[0] ? yield* retry(handling, message, detail) : undefined"
      }
    ]
  },
  {
    name: "holds-up-without-end",
    side: "client",
    flaw: "A handler that stands still holds up the reading for as long as it does, though the device waits for an answer.",
    breaks: "decision 15",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "Effect.andThen(stalled, fallBehind)",
        replace: "Effect.andThen(Effect.andThen(stalled, Effect.never), fallBehind)"
      }
    ]
  },
  {
    name: "passes-over-too-soon",
    side: "client",
    flaw: "Messages are passed over when their handler has stood still for a second.",
    breaks: "decision 15",
    patches: [
      { file: "ReflectedQueue.ts", find: "Effect.sleep(options.stall)", replace: "Effect.sleep(options.stall / 10)" }
    ]
  },
  {
    name: "passes-over-at-leisure",
    side: "client",
    flaw: "Messages are passed over when their handler stands still, though the device waits for nothing.",
    breaks: "decision 15",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "finished === before && options.isAwaiting()",
        replace: "finished === before"
      }
    ]
  },
  {
    name: "malformed-handled",
    side: "client",
    flaw: "A message that opens and cannot be read is handed to the handler, as one without a content.",
    breaks: "decision 20",
    patches: [
      {
        file: "Envelope.ts",
        find: `if (Result.isFailure(envelope)) return Result.fail({ reason: "Malformed", detail: envelope.failure.message })
  return Result.succeed({`,
        replace: `if (Result.isFailure(envelope)) {
    return Result.succeed({
      content: undefined,
      sender: 0n as DeviceId,
      timestamp: frame.timestamp,
      reflectedId: frame.reflectedId,
      ephemeral: isEphemeral(frame.flags),
      protocolVersion: 0
    })
  }
  return Result.succeed({`
      }
    ]
  },
  {
    name: "malformed-not-kept",
    side: "client",
    flaw: "A message that opens and cannot be read is acked, and kept nowhere.",
    breaks: "decision 20",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: "if (Result.isFailure(message)) return quarantine(",
        replace: `if (Result.isFailure(message) && message.failure.reason === "Malformed") return Effect.succeed(opened)
    if (Result.isFailure(message)) return quarantine(`
      }
    ]
  },
  {
    name: "quarantine-not-told",
    side: "client",
    flaw: "A message that could not be handled is put into quarantine, and nobody is told.",
    breaks: "decision 20",
    patches: [
      {
        file: "ReflectedQueue.ts",
        find: `events.emit({ _tag: "Quarantined", id, reflectedId, reason, detail })`,
        replace: "void id"
      }
    ]
  }
]
