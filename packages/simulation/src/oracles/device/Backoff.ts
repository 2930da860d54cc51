/**
 * How long a device stays away between two connections, as the wire shows it (decision 26).
 *
 * Owns the time from the end of a connection, or of a dial, to the next dial: n × 2 s, at most 60 s, ±20 %, for a number of
 * failures that is counted here, or for as long as a server that refuses the upgrade asks for, if that is longer; and that nobody
 * dials after 30 of them. What a device says of its waiting is not asked: its
 * `Disconnected` counts only for ends that nobody else sees, and for why a device ended a connection itself. Whether what it
 * says is true as well is judged by `Reconnecting`.
 *
 * @since 0.1.0
 */
import type { ConnectionEnd } from "@d2m/client"
import type { OracleMaker, Report } from "../../Oracle.ts"
import { longest, mostFailures, rounding, settledAfter, shortest } from "./BackoffNumbers.ts"
import { backlogKinds } from "./ChatBacklog.ts"
import { betweenTries, HeldUp } from "./HeldUp.ts"
import { Tracks } from "./Tracks.ts"
import { only } from "../../WorldEvent.ts"

/** How long a chat handler is waited for at the end of its connection, and a broken connection to say why it broke. */
const verdictPatience = 5_000 + 1_000

/** Between the last sign of life and the device's notice of the end lies the way of the news. */
const wayOfNews = 5_000

/** A dial and what became of it, or a try that did not get as far as to dial. */
interface Attempt {
  readonly dialedAt: number
  /** When ServerInfo was read. */
  infoAt?: number
  /** When it was seen to be over. */
  endedAt?: number
  /** Whether the device itself has ended it. */
  isOwnEnd?: boolean
  /** When and why it was over by the device's word. */
  told?: { readonly at: number; readonly because: ConnectionEnd["_tag"] }
  /** For how long the server wants to be left alone that has refused it, in ms. */
  asked?: number
  /** Whether the device was paused meanwhile. */
  wasPaused?: boolean
}

/** What is known of one device in its present life. */
interface Track {
  /** Failures in a row before the latest attempt: all numbers that fit what was seen. */
  failures: ReadonlyArray<number>
  /** Absent before the first one, and when the user has answered. */
  attempt: Attempt | undefined
  /** Calls of `retryNow` that are not over. */
  retries: number
  /** Whether one was made since the end of the attempt. */
  isHurried: boolean
  isPaused: boolean
}

const fresh = (): Track => ({
  failures: [0],
  attempt: undefined,
  retries: 0,
  isHurried: false,
  isPaused: false
})

/** Ends that a device brings about itself, to start over: no failures of anybody's. */
const startsOver = (because: string): boolean => because === "TransactionAborted" || because === "FellBehind"

const unique = (numbers: ReadonlyArray<number>): ReadonlyArray<number> => [...new Set(numbers)]

/** All numbers of failures that the device may count once an attempt is over, which it has noticed by `noticed`. */
const failuresAfter = (track: Track, attempt: Attempt, noticed: number, slack: number): ReadonlyArray<number> => {
  const { dialedAt, endedAt = dialedAt, infoAt, isOwnEnd = false, told, wasPaused = false } = attempt
  const mayBeShort = infoAt === undefined || wasPaused || endedAt - infoAt < settledAfter + wayOfNews + slack
  const mayBeGood = infoAt !== undefined && noticed - infoAt >= settledAfter - rounding
  const mayStartOver = told === undefined ? isOwnEnd : startsOver(told.because)
  const mayFail = told === undefined || !mayStartOver
  return unique(
    track.failures.flatMap((failures) => {
      const counted = [...(mayBeShort ? [failures + 1] : []), ...(mayBeGood ? [1] : [])]
      return [
        ...(mayFail ? counted : []),
        ...(mayStartOver ? counted.map((after) => Math.min(failures, after - 1)) : [])
      ]
    })
  )
}

/**
 * A device dials at this time. It may not do so too soon after its own latest word on the end, nor too late after the end
 * itself.
 */
const judge = (report: Report, track: Track, device: string, at: number, slack: number, heldUntil: number): void => {
  const { attempt } = track
  if (attempt === undefined) return
  const { asked = 0, dialedAt, endedAt = dialedAt, told, wasPaused = false } = attempt
  const counted = failuresAfter(track, attempt, told?.at ?? at, slack)
  const possible = counted.filter((failures) => failures < mostFailures)
  track.failures = possible.length === 0 ? counted : possible
  if (possible.length === 0) {
    return report({
      rule: "nobody dials after 30 failures in a row",
      device,
      found: `a dial after ${Math.min(...counted)} failures`,
      expected: "no dial before the user's answer"
    })
  }
  const waited = at - Math.max(endedAt, told?.at ?? 0)
  // Who does not read learns late that there is nothing more to read: of that only the device itself can tell.
  const isLate = told !== undefined && heldUntil >= endedAt - betweenTries
  const sinceEnd = isLate ? waited : at - endedAt
  const isTimely = (failures: number) =>
    (track.isHurried || waited >= shortest(failures, asked)) &&
    (wasPaused || sinceEnd <= longest(failures, asked) + verdictPatience + slack)
  const timely = possible.filter(isTimely)
  if (timely.length > 0) {
    track.failures = timely
    return
  }
  const early = Math.min(...possible.map((failures) => shortest(failures, asked)))
  const late = Math.max(...possible.map((failures) => longest(failures, asked)))
  const found = `a dial ${Math.round(waited)} ms after the end, with ${possible.join(" or ")} failures in a row`
  const expected = `${Math.round(early)} to ${Math.round(late)} ms`
  if (waited < early) report({ rule: "nobody dials before it is time", device, found, expected })
  else report({ rule: "whoever has lost a connection dials when it is time", device, found, expected })
}

/**
 * Judges the time between connections.
 *
 * @category oracles
 * @since 0.1.0
 */
export const backoff: OracleMaker = {
  name: "backoff",
  make: (report, { conditions }) => {
    const tracks = new Tracks(fresh)
    const heldUp = new HeldUp(conditions)
    const slack = 4 * conditions.diskLatency + 100

    const ended = (device: string, at: number, isOwnEnd: boolean) => {
      const track = tracks.of(device)
      const { attempt } = track
      if (attempt === undefined || attempt.endedAt !== undefined) return
      attempt.endedAt = at
      attempt.isOwnEnd = isOwnEnd
      attempt.wasPaused ||= track.isPaused
      track.isHurried = track.retries > 0
    }
    const retries = (device: string, change: 1 | -1) => {
      const track = tracks.of(device)
      track.retries += change
      track.isHurried = true
    }

    /** An end that the world has seen as well, or one of its own: an open that took too long, a store that failed. */
    const told = (device: string, at: number, because: ConnectionEnd["_tag"]) => {
      const track = tracks.of(device)
      if (track.attempt === undefined || track.attempt.told !== undefined) {
        if (track.attempt !== undefined) {
          track.failures = failuresAfter(track, track.attempt, track.attempt.told?.at ?? at, slack)
        }
        track.attempt = { dialedAt: at }
      }
      ended(device, at, true)
      track.attempt.told = { at, because }
    }

    return {
      see: only(
        [
          ...backlogKinds,
          "Happened",
          "Asked",
          "Answered",
          "UserAnswered",
          "DialFailed",
          "DeviceLost",
          "Dialed",
          "Fault",
          "Handling",
          "Handled"
        ],
        (event) => {
          heldUp.see(event)
          switch (event._tag) {
            case "Machine": {
              if (event.change === "Started") return void tracks.renew(event.device)
              const track = tracks.of(event.device)
              track.isPaused = event.change === "Paused"
              if (track.attempt !== undefined) track.attempt.wasPaused = true
              return
            }
            case "Asked":
              if (event.operation._tag === "RetryNow") retries(event.device, 1)
              return
            case "Answered":
              if (event.operation._tag === "RetryNow") retries(event.device, -1)
              return
            case "UserAnswered": {
              const track = tracks.of(event.device)
              track.attempt = undefined
              track.failures = [0]
              return
            }
            case "DeviceReceived": {
              if (event.frame?._tag !== "ServerInfo") return
              const { attempt } = tracks.of(event.device)
              if (attempt !== undefined) attempt.infoAt ??= event.at
              return
            }
            case "DialFailed": {
              const { attempt } = tracks.of(event.device)
              if (attempt !== undefined) attempt.asked = event.refusal?.retryAfter ?? 0
              return ended(event.device, event.at, false)
            }
            case "DeviceLost":
              return ended(event.device, event.at, false)
            case "DeviceClosed":
              return ended(event.device, event.at, true)
            case "Happened":
              if (event.event._tag === "Disconnected") told(event.device, event.at, event.event.because._tag)
              return
            case "Dialed": {
              const track = tracks.of(event.device)
              judge(report, track, event.device, event.at, slack, heldUp.until(event.device))
              track.attempt = { dialedAt: event.at }
              track.isHurried = false
              return
            }
          }
        },
        { DeviceReceived: ["Proxy", "Reflected", "ServerInfo"] }
      )
    }
  }
}
