/**
 * One raw connection as a scenario sees it: what it sends, and what comes back in which order.
 *
 * Owns the checks that hold for every frame of every scenario: known type, canonical bytes, zero reserved bytes (decision
 * 3, PROTOCOL A3). Waiting is for events; the deadline on it is real time and only ends a test that has failed.
 */
import { assert } from "@effect/vitest"
import {
  type ClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  Limits,
  type ServerFrame
} from "@d2m/codec"
import { Effect, Queue, Result, Schema } from "effect"
import { TestClock } from "effect/testing"

/** What a connection tells its scenario. */
export type WireEvent =
  | { readonly _tag: "Message"; readonly message: Uint8Array | string }
  | { readonly _tag: "Closed"; readonly code: number; readonly reason: string }

/** Something else came than was waited for, or nothing at all. */
export class WireError extends Schema.TaggedError<WireError>()("WireError", {
  expected: Schema.String,
  found: Schema.String
}) {
  override get message(): string {
    return `expected ${this.expected}, found ${this.found}`
  }
}

/** How a connection was closed. */
export interface Close {
  readonly code: number
  readonly reason: string
}

/** What carries the messages of one connection. */
export interface RawConnection {
  readonly events: Queue.Dequeue<WireEvent>
  readonly send: (message: Uint8Array | string) => Effect.Effect<void>
  /** Starts the closing handshake. */
  readonly close: (code: number) => Effect.Effect<void>
  /** The network is gone, without a word. */
  readonly cut: Effect.Effect<void>
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

type Tagged<Tag extends ServerFrame["_tag"]> = Extract<ServerFrame, { readonly _tag: Tag }>

/** One raw connection. */
export interface Wire {
  readonly send: (...frames: ReadonlyArray<ClientFrame>) => Effect.Effect<void>
  readonly sendBytes: (bytes: Uint8Array) => Effect.Effect<void>
  readonly sendText: (text: string) => Effect.Effect<void>
  /** The next frame as it is on the wire. */
  readonly receiveBytes: Effect.Effect<Uint8Array, WireError>
  readonly receive: Effect.Effect<ServerFrame, WireError>
  /** The next frame, which is of this kind. */
  readonly next: <Tag extends ServerFrame["_tag"]>(tag: Tag) => Effect.Effect<Tagged<Tag>, WireError>
  /** Frames up to and with the first of this kind. */
  readonly until: (tag: ServerFrame["_tag"]) => Effect.Effect<ReadonlyArray<ServerFrame>, WireError>
  /** Nothing comes but a close with this code. */
  readonly closes: (code: number) => Effect.Effect<Close, WireError>
  /** Everything that still comes until the connection ends. */
  readonly remains: Effect.Effect<readonly [ReadonlyArray<ServerFrame>, Close], WireError>
  /** Puts frames back, as if they had not been received. */
  readonly putBack: (frames: ReadonlyArray<ServerFrame>) => Effect.Effect<void>
  /** Closes with a code and completes the closing handshake; what comes meanwhile is lost. */
  readonly close: (code: number) => Effect.Effect<Close, WireError>
  /** Closes with 1000. */
  readonly hangUp: Effect.Effect<Close, WireError>
  readonly cut: Effect.Effect<void>
  /** Stops reading, as a device does that is busy. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

const show = (event: WireEvent): string => {
  if (event._tag === "Closed") return `a close with ${event.code} "${event.reason}"`
  if (typeof event.message === "string") return `the text message "${event.message}"`
  const frame = decodeServerFrame(event.message)
  return Result.isSuccess(frame) ? `a ${frame.success._tag}` : `bytes that are no frame: ${frame.failure.message}`
}

/** As `deepStrictEqual` would, without a comparison of each byte that a long frame notices. */
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const decoded = (bytes: Uint8Array): ServerFrame => {
  const frame = Result.getOrThrow(decodeServerFrame(bytes))
  assert.notStrictEqual(frame._tag, "Unknown", "shipped clients get known types only")
  assert.isAtMost(bytes.length, Limits.frame)
  assert.isTrue(sameBytes(encodeServerFrame(frame), bytes), `${frame._tag} is written in the one canonical way`)
  return frame
}

/** Real time after which a scenario that still waits has failed. */
const patience = "10 seconds"

/** A wire over what carries it. */
export const makeWire = (raw: RawConnection): Wire => {
  const back: Array<WireEvent> = []

  const take = (expected: string): Effect.Effect<WireEvent, WireError> =>
    Effect.suspend(() => {
      const event = back.shift()
      if (event !== undefined) return Effect.succeed(event)
      return TestClock.withLive(
        Effect.timeoutOrElse(Queue.take(raw.events), {
          duration: patience,
          orElse: () => Effect.fail(new WireError({ expected, found: `nothing for ${patience}` }))
        })
      )
    })

  const message = (expected: string): Effect.Effect<Uint8Array, WireError> =>
    Effect.flatMap(take(expected), (event) =>
      event._tag === "Message" && typeof event.message !== "string"
        ? Effect.succeed(event.message)
        : Effect.fail(new WireError({ expected, found: show(event) }))
    )

  const frame = (expected: string): Effect.Effect<ServerFrame, WireError> => Effect.map(message(expected), decoded)

  const next: Wire["next"] = (tag) =>
    Effect.flatMap(frame(`a ${tag}`), (found) =>
      found._tag === tag
        ? Effect.succeed(found as never)
        : Effect.fail(new WireError({ expected: `a ${tag}`, found: `a ${found._tag}` }))
    )

  const remains = Effect.gen(function* () {
    const frames: Array<ServerFrame> = []
    for (;;) {
      const event = yield* take("a close")
      if (event._tag === "Closed") return [frames, { code: event.code, reason: event.reason }] as const
      if (typeof event.message === "string") return yield* new WireError({ expected: "a frame", found: show(event) })
      frames.push(decoded(event.message))
    }
  })

  const close = (code: number) =>
    Effect.andThen(
      raw.close(code),
      Effect.map(remains, ([, close]) => close)
    )

  return {
    send: (...frames) => Effect.forEach(frames, (each) => raw.send(encodeClientFrame(each)), { discard: true }),
    sendBytes: raw.send,
    sendText: raw.send,
    receiveBytes: message("a frame"),
    receive: frame("a frame"),
    next,
    until: (tag) =>
      Effect.gen(function* () {
        const frames: Array<ServerFrame> = []
        for (;;) {
          const found = yield* frame(`a ${tag} after [${frames.map(({ _tag }) => _tag).join(", ")}]`)
          frames.push(found)
          if (found._tag === tag) return frames
        }
      }),
    closes: (code) =>
      Effect.flatMap(take(`a close with ${code}`), (event) =>
        event._tag === "Closed" && event.code === code
          ? Effect.succeed({ code, reason: event.reason })
          : Effect.fail(new WireError({ expected: `a close with ${code}`, found: show(event) }))
      ),
    remains,
    putBack: (frames) =>
      Effect.sync(() => {
        back.unshift(...frames.map((each): WireEvent => ({ _tag: "Message", message: encodeServerFrame(each) })))
      }),
    close,
    hangUp: close(1000),
    cut: raw.cut,
    pause: raw.pause,
    resume: raw.resume
  }
}
