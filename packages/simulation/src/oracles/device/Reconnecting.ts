/**
 * When a device says that it connects again, and when it must not (decision 26).
 *
 * Owns: the failures that it counts and the time for which it says to wait, which is as long as a server asks for that refuses
 * the upgrade if that is longer, the user's question after 30 in a row, the fresh
 * start after 30 s of a good connection, that nothing but the user or a restart leads out of a question, and that a
 * close-error of the chat server decides alone, in the place of the mediator's close code. Times are measured in kernel time;
 * how the device keeps time itself is not asked. What it does on the wire, whatever it says, is judged by `Backoff`.
 *
 * @since 0.1.0
 */
import type { ConnectionState } from "@d2m/client"
import type { OracleMaker, Report } from "../../Oracle.ts"
import { longest, mostFailures, rounding, settledAfter, shortest } from "./BackoffNumbers.ts"
import { Tracks } from "./Tracks.ts"
import { only } from "../../WorldEvent.ts"

/** The range of codes after which only the user can decide (PROTOCOL A7). */
const needsUser = (code: number): boolean => code >= 4100 && code <= 4199

/** Ends for which the device itself closes with 41xx. */
const refusals: ReadonlySet<string> = new Set(["UnsupportedVersion", "SlotContradiction"])

/** How long a chat handler is waited for at the end of its connection (decision 26). */
const chatPatience = 5_000

/** The reasons for a question that a close code alone gives: a close-error that permits to come back takes their place. */
const closeReasons: ReadonlySet<string> = new Set(["SlotsExhausted", "DuplicateDevice", "Dropped", "QueueLimit"])

/** What is known of one device in its present life. */
interface Track {
  isPaused: boolean
  /** Failures in a row, as the device should count them; two numbers where a connection lived for just about 30 s. */
  failures: ReadonlyArray<number>
  liveSince: number | undefined
  /** When the device first said that the latest connection is over. */
  endedAt: number | undefined
  /** Since when, for how long at least and at most, and until when by its own word the device has to wait. */
  waiting: { readonly since: number; atLeast: number; atMost: number; readonly nextTryAt: number } | undefined
  /** The question that the user has not answered. */
  question: string | undefined
  /** Whether the latest state was the question. */
  isAsking: boolean
  /** The code with which the latest connection was closed, if only the user can lead out of it. */
  refused: number | undefined
  /** Whether the device itself closed with it: no chat server has a say in that. */
  isOwnRefusal: boolean
  /** When the latest connection was seen to be over. */
  lostAt: number | undefined
  /** For how long the server wants to be left alone that has refused the latest dial, in ms; 0 once the device waits for it. */
  asked: number
  /** When `retryNow` was last called: it may have been heard before the device says that it waits. */
  hurriedAt: number | undefined
  /** What the chat server has said of coming back, where the device must have heard of it in time. */
  canReconnect: boolean | undefined
}

const fresh = (): Track => ({
  isPaused: false,
  failures: [0],
  liveSince: undefined,
  endedAt: undefined,
  waiting: undefined,
  question: undefined,
  isAsking: false,
  refused: undefined,
  isOwnRefusal: false,
  lostAt: undefined,
  asked: 0,
  hurriedAt: undefined,
  canReconnect: undefined
})

type Waiting = Extract<ConnectionState, { readonly _tag: "Waiting" }>

/** Ends that a device brings about itself, to start over: no failures of anybody's. */
const startsOver = (end: Waiting["because"]): boolean => end._tag === "TransactionAborted" || end._tag === "FellBehind"

const failuresAfter = (track: Track, at: number, because: Waiting["because"]): ReadonlyArray<number> => {
  const held = track.liveSince === undefined ? undefined : at - track.liveSince
  const counted = track.failures.flatMap((failures) => {
    const failed: Array<number> = []
    // Between the last sign of life and the device's notice of the end lies the way of the news.
    if (held === undefined || held < settledAfter + 5_000) failed.push(failures + 1)
    if (held !== undefined && held >= settledAfter - rounding) failed.push(1)
    return startsOver(because) ? failed.map((after) => Math.min(failures, after - 1)) : failed
  })
  return [...new Set(counted)]
}

const wait = (report: Report, track: Track, device: string, at: number, state: Waiting): void => {
  track.endedAt ??= at
  // The chat handler is still asked: there is no verdict yet.
  if (state.nextTryAt === undefined) return
  // Told again because another number has changed.
  if (state.nextTryAt === track.waiting?.nextTryAt) return
  const expected = failuresAfter(track, track.endedAt, state.because)
  if (!expected.includes(state.failures)) {
    report({
      rule: "failures in a row are counted one by one, and start over after a good connection",
      device,
      found: `${state.failures} failures in a row`,
      expected: expected.join(" or ")
    })
  }
  if (state.failures >= mostFailures) {
    report({
      rule: "after 30 failures in a row the user is asked",
      device,
      found: `waiting after ${state.failures} failures`,
      expected: "NeedsUser"
    })
  }
  const { because } = state
  if (because._tag === "Closed" && because.by === "server" && needsUser(because.code) && track.canReconnect !== true) {
    report({
      rule: "a close that needs the user is not answered with another connection",
      device,
      found: `waiting after ${because.code}`,
      expected: "NeedsUser"
    })
  }
  track.failures = [state.failures]
  track.waiting = {
    since: at,
    atLeast: track.hurriedAt === at ? 0 : shortest(state.failures, track.asked),
    // A program that gives a transaction up has a device that is paused say so.
    atMost: track.isPaused ? Infinity : longest(state.failures, track.asked),
    nextTryAt: state.nextTryAt
  }
  // A message that halts the device before it dials makes it wait anew: by then the server has been left alone.
  track.asked = 0
}

/** A close-error that permits to come back was there in time, and yet the user is asked for a close code. */
const checkQuestion = (report: Report, track: Track, device: string, at: number, reason: string): void => {
  if (track.isAsking || track.canReconnect !== true || track.isOwnRefusal || !closeReasons.has(reason)) return
  if (track.lostAt !== undefined && at - track.lostAt >= chatPatience - 1_000) return
  report({
    rule: "a close-error that permits to come back decides in the place of the close code",
    device,
    found: `NeedsUser for ${reason}`,
    expected: "another connection, after the usual time"
  })
}

/**
 * Judges when devices connect.
 *
 * @category oracles
 * @since 0.1.0
 */
export const reconnecting: OracleMaker = {
  name: "reconnecting",
  make: (report, { conditions }) => {
    const tracks = new Tracks(fresh)
    // What the user has answered and could not be written down yet is written ahead of the dial.
    const writing = conditions.diskLatency
    return {
      see: only(
        [
          "Machine",
          "Asked",
          "UserAnswered",
          "DialFailed",
          "DeviceLost",
          "DeviceClosed",
          "ChatClosed",
          "Happened",
          "Dialed",
          "StateChanged"
        ],
        (event) => {
          switch (event._tag) {
            case "Machine":
              if (event.change === "Started") tracks.renew(event.device)
              // Whoever is paused while it waits is late.
              else if (event.change === "Paused") {
                const track = tracks.of(event.device)
                track.isPaused = true
                if (track.waiting !== undefined) track.waiting.atMost = Infinity
              } else if (event.change === "Resumed") tracks.of(event.device).isPaused = false
              return
            case "Asked":
              if (event.operation._tag === "RetryNow") {
                const track = tracks.of(event.device)
                track.hurriedAt = event.at
                if (track.waiting !== undefined) track.waiting.atLeast = 0
              }
              return
            case "UserAnswered": {
              const track = tracks.of(event.device)
              track.question = track.refused = track.canReconnect = undefined
              track.failures = [0]
              return
            }
            case "DialFailed":
              tracks.of(event.device).asked = event.refusal?.retryAfter ?? 0
              return
            case "DeviceLost":
            case "DeviceClosed": {
              const track = tracks.of(event.device)
              track.lostAt ??= event.at
              if (!needsUser(event.code)) return
              track.refused = event.code
              track.isOwnRefusal = event._tag === "DeviceClosed"
              return
            }
            case "ChatClosed": {
              const track = tracks.of(event.device)
              // One that comes when the device has nearly stopped waiting for it may have come too late.
              const isInTime = track.lostAt === undefined || event.at - track.lostAt < chatPatience - 1_000
              if (event.canReconnect || isInTime) track.canReconnect = event.canReconnect
              return
            }
            case "Happened": {
              const { event: happened } = event
              // It may have given up the connection before it read the close, for a reason that it has to tell.
              if (happened._tag !== "Disconnected") return
              const { because } = happened
              const hasReadIt = because._tag === "Closed" ? because.code !== 1006 : refusals.has(because._tag)
              if (!hasReadIt) tracks.of(event.device).refused = undefined
              return
            }
            case "Dialed": {
              const track = tracks.of(event.device)
              const { canReconnect, isOwnRefusal, question, refused, waiting } = track
              if (canReconnect === false && question === undefined) {
                report({
                  rule: "after a close-error that forbids it nothing connects without the user",
                  device: event.device,
                  found: "a dial",
                  expected: "no dial before the user's answer"
                })
              }
              const isAllowed = canReconnect === true && !isOwnRefusal
              if (refused !== undefined && question === undefined && !isAllowed) {
                report({
                  rule: "after 41xx nothing connects without the user",
                  device: event.device,
                  found: `a dial after ${refused}`,
                  expected: "no dial before the user's answer"
                })
              }
              if (question !== undefined) {
                report({
                  rule: "while the user is asked, nothing connects",
                  device: event.device,
                  found: `a dial while the user is asked about ${question}`,
                  expected: "no dial before the answer"
                })
              }
              const waited = waiting === undefined ? 0 : event.at - waiting.since
              if (waiting !== undefined && (waited < waiting.atLeast || waited > waiting.atMost + writing)) {
                report({
                  rule: "the time between connections grows linearly",
                  device: event.device,
                  found: `${Math.round(waited)} ms`,
                  expected: `${Math.round(waiting.atLeast)} to ${Math.round(waiting.atMost + writing)} ms`
                })
              }
              track.waiting = track.lostAt = track.canReconnect = undefined
              track.asked = 0
              if (isAllowed) track.refused = undefined
              return
            }
            case "StateChanged": {
              const track = tracks.of(event.device)
              const { state } = event
              switch (state._tag) {
                case "Live":
                  track.liveSince ??= event.at
                  return
                case "Waiting":
                  wait(report, track, event.device, event.at, state)
                  if (state.nextTryAt !== undefined) track.liveSince = track.endedAt = undefined
                  return
                case "NeedsUser":
                  track.liveSince = track.endedAt = undefined
                  checkQuestion(report, track, event.device, event.at, state.reason._tag)
                  // Told again because another number has changed, an answered question is still answered.
                  if (!track.isAsking) track.question = state.reason._tag
                  track.isAsking = true
                  return
                default:
                  track.isAsking = false
              }
              return
            }
          }
        }
      )
    }
  }
}
