/**
 * That a transaction asks for its precondition under the lock when the device has caught up (decision 29).
 *
 * Owns: what the device had read on the connection before its BeginTransactionAck is handled, set aside or known to be a
 * duplicate by then, and the connection is dry. That it is asked on both sides of the lock is judged by `Preconditions`.
 *
 * @since 0.1.0
 */
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import { only, type WorldEvent } from "../../WorldEvent.ts"
import { Tracks } from "./Tracks.ts"

interface Track {
  connection: number
  isDry: boolean
  /** The ids of what was read on the connection, and is not known to be settled. */
  readonly unsettled: Set<number>
  /** Those of them that came ahead of the lock, while it is held. */
  aheadOfLock: ReadonlyArray<number> | undefined
  /** Which transactions have asked: what they ask while the lock is held they ask under it. */
  readonly askers: Set<number>
}

const fresh = (): Track => ({
  connection: 0,
  isDry: false,
  unsettled: new Set(),
  aheadOfLock: undefined,
  askers: new Set()
})

class CaughtUp implements Oracle {
  readonly #report: Report
  readonly #tracks = new Tracks(fresh)

  constructor(report: Report) {
    this.#report = report
  }

  readonly see = only(
    ["DeviceReceived", "DeviceSent", "Handled", "Happened", "Checked", "Opened", "Machine"],
    (event) => {
      switch (event._tag) {
        case "DeviceReceived":
          return this.#received(event)
        case "DeviceSent":
          return this.#sent(event)
        case "Handled":
          if (event.outcome !== "Done") return
          for (const { reflectedId } of event.messages) this.#tracks.of(event.device).unsettled.delete(reflectedId)
          return
        case "Happened": {
          const { event: told } = event
          if (told._tag !== "Quarantined" && told._tag !== "Duplicate") return
          this.#tracks.of(event.device).unsettled.delete(told.reflectedId)
          return
        }
        case "Checked":
          return this.#checked(event.device, event.call)
        case "Opened": {
          const track = this.#tracks.renew(event.device)
          track.connection = event.connection
          return
        }
        case "Machine":
          if (event.change === "Started" || event.change === "Crashed") this.#tracks.renew(event.device)
          return
      }
    },
    {
      DeviceSent: ["CommitTransaction", "ReflectedAck"],
      DeviceReceived: ["BeginTransactionAck", "Reflected", "ReflectionQueueDry"]
    }
  )

  #received({ connection, device, frame }: Extract<WorldEvent, { readonly _tag: "DeviceReceived" }>): void {
    const track = this.#tracks.of(device)
    if (track.connection !== connection) return
    switch (frame?._tag) {
      case "Reflected":
        track.unsettled.add(frame.reflectedId)
        return
      case "ReflectionQueueDry":
        track.isDry = true
        return
      case "BeginTransactionAck":
        track.aheadOfLock = [...track.unsettled]
        return
      default:
    }
  }

  #sent({ connection, device, frame }: Extract<WorldEvent, { readonly _tag: "DeviceSent" }>): void {
    const track = this.#tracks.of(device)
    if (track.connection !== connection) return
    switch (frame?._tag) {
      case "ReflectedAck":
        track.unsettled.delete(frame.reflectedId)
        return
      case "CommitTransaction":
        track.aheadOfLock = undefined
        return
      default:
    }
  }

  #checked(device: string, call: number): void {
    const track = this.#tracks.of(device)
    const { aheadOfLock, askers, isDry, unsettled } = track
    if (aheadOfLock === undefined || !askers.has(call)) {
      askers.add(call)
      return
    }
    askers.delete(call)
    const behind = aheadOfLock.filter((id) => unsettled.has(id))
    if (isDry && behind.length === 0) return
    this.#report({
      rule: "a precondition is asked under the lock when all that came ahead of the lock is handled",
      device,
      found: isDry ? `transaction ?${call} asks before reflected ${behind[0]} is handled` : `?${call} asks before Dry`,
      expected: "the question behind them"
    })
  }
}

/**
 * Judges what a device has handled when a transaction asks for its precondition under the lock.
 *
 * @category oracles
 * @since 0.1.0
 */
export const caughtUp: OracleMaker = {
  name: "caught up",
  make: (report) => new CaughtUp(report)
}
