/**
 * That a device asks its user when it must, and only then (decisions 24, 25, 26).
 *
 * Owns: the reason of a question is true, a device remembers that it has a slot, and one whose clock is wrong asks before it
 * goes live. What follows from an answer is `Reconnecting`'s.
 *
 * @since 0.1.0
 */
import type { ConnectionState, UserReason } from "@d2m/client"
import { DeviceSlotState } from "@d2m/codec"
import type { OracleMaker } from "../../Oracle.ts"
import { mostFailures } from "./BackoffNumbers.ts"
import { Tracks } from "./Tracks.ts"
import { only } from "../../WorldEvent.ts"

/** How far the mediator's clock may be off, in ms. */
const tolerance = 20 * 60_000
/** The clock is looked at a moment before the device is Live; from ServerInfo to there takes no longer than this, in ms. */
const moment = 10_000

/** The close code that a reason stands for. */
const codes: Partial<Record<UserReason["_tag"], number>> = {
  SlotsExhausted: 4111,
  DuplicateDevice: 4112,
  Dropped: 4113,
  QueueLimit: 4114
}

interface Track {
  /** What the latest connection was closed with. */
  code: number | undefined
  /** The mediator's time in the latest ServerInfo. */
  currentTime: number | undefined
  /** Whether the chat server has said that one must not come back. */
  isSentAway: boolean
  isLive: boolean
  /** Whether it has written down that it has a slot, and its user has not told it to register again. */
  hasSlot: boolean
  /** Whether its user puts up with any clock, for a while. */
  isAnyClockGood: boolean
  /** When its clock was set. */
  jumpedAt: number
}

const fresh = (): Track => ({
  code: undefined,
  currentTime: undefined,
  isSentAway: false,
  isLive: false,
  hasSlot: false,
  isAnyClockGood: false,
  jumpedAt: -Infinity
})

/** Whether a device has this reason to ask. */
const isTrue = (reason: UserReason, { code, isSentAway }: Track): boolean => {
  switch (reason._tag) {
    case "SlotsExhausted":
    case "DuplicateDevice":
    case "Dropped":
    case "QueueLimit":
      return code === codes[reason._tag]
    case "SlotMismatch":
      return reason.because._tag === "SlotContradiction" || code === 4115
    case "UnsupportedVersion":
      return reason.because._tag === "UnsupportedVersion" || code === 4110
    case "Refused":
      return reason.because._tag !== "Closed" || (code !== undefined && code >= 4110 && code <= 4199)
    case "ClockSkew":
      return Math.abs(reason.skew) > tolerance
    case "ChatRefused":
      return isSentAway
    case "TooManyFailures":
      return reason.failures >= mostFailures
    default:
      return true
  }
}

/**
 * Judges what devices ask their users.
 *
 * @category oracles
 * @since 0.1.0
 */
export const questions: OracleMaker = {
  name: "questions",
  make: (report) => {
    const tracks = new Tracks(fresh)

    const live = (device: string, at: number, { since }: Extract<ConnectionState, { readonly _tag: "Live" }>): void => {
      const track = tracks.of(device)
      if (track.isLive) return
      track.isLive = track.hasSlot = true
      const { currentTime } = track
      if (currentTime === undefined || track.isAnyClockGood || at - track.jumpedAt < moment) return
      const skew = Math.abs(since - currentTime)
      if (skew <= tolerance + moment) return
      report({
        rule: "a device whose clock is wrong asks before it goes live",
        device,
        found: `Live with a clock that is ${skew} ms off`,
        expected: "NeedsUser, for ClockSkew"
      })
    }

    const changed = (device: string, at: number, state: ConnectionState): void => {
      if (state._tag === "Live") return live(device, at, state)
      const track = tracks.of(device)
      track.isLive = false
      if (state._tag !== "NeedsUser" || isTrue(state.reason, track)) return
      report({
        rule: "the user is asked only for a reason that is true",
        device,
        found: `NeedsUser for ${state.reason._tag}${track.code === undefined ? "" : ` after ${track.code}`}`,
        expected: "no question"
      })
    }

    return {
      see: only(
        [
          "DeviceReceived",
          "DeviceSent",
          "DeviceLost",
          "ChatClosed",
          "Opened",
          "Dialed",
          "StateChanged",
          "UserAnswered",
          "Machine",
          "Fault"
        ],
        (event) => {
          switch (event._tag) {
            case "DeviceReceived":
              tracks.of(event.device).currentTime = Number(event.frame.currentTime)
              return
            case "DeviceSent":
              if (event.frame.expectedDeviceSlotState === DeviceSlotState.NEW && tracks.of(event.device).hasSlot) {
                report({
                  rule: "a device remembers that it has a slot",
                  device: event.device,
                  found: "ClientHello: NEW",
                  expected: "EXISTING, as it was live before"
                })
              }
              return
            case "DeviceLost":
              tracks.of(event.device).code = event.code
              return
            case "ChatClosed":
              tracks.of(event.device).isSentAway = !event.canReconnect
              return
            case "Opened":
            case "Dialed": {
              const track = tracks.of(event.device)
              track.code = undefined
              track.isSentAway = false
              return
            }
            case "StateChanged":
              return changed(event.device, event.at, event.state)
            case "UserAnswered": {
              const track = tracks.of(event.device)
              if (event.answer === "RegisterAgain") track.hasSlot = false
              if (event.answer === "ConnectAnyway") track.isAnyClockGood = true
              return
            }
            case "Machine": {
              const { hasSlot } = tracks.of(event.device)
              // One that is stopped says once more what it asks, when what waits for it is given up.
              if (event.change !== "Started" && event.change !== "Crashed") return
              tracks.renew(event.device).hasSlot = hasSlot && event.withoutStorage !== true
              return
            }
            case "Fault":
              if (event.kind === "ClockJump" && event.device !== undefined) tracks.of(event.device).jumpedAt = event.at
              return
          }
        },
        { DeviceSent: ["ClientHello"], DeviceReceived: ["ServerInfo"] }
      )
    }
  }
}
