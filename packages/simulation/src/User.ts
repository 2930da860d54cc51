/**
 * The people in front of the devices, who are asked when a device cannot decide by itself.
 *
 * Owns what they answer: always something that makes sense, so that a world never stands still for their sake.
 *
 * @since 0.1.0
 */
import { answersTo, connectAnyway, continueAsIs, registerAgain, type Resume, type UserReason } from "@d2m/client"

const resumeOf = (choice: Resume["_tag"]): Resume => {
  switch (choice) {
    case "Continue":
      return continueAsIs
    case "ConnectAnyway":
      return connectAnyway("1 hour")
    case "RegisterAgain":
      return registerAgain
  }
}

/**
 * Why a user lets a device stay away once there are no more faults: it has no place in the group, or was put out of it.
 *
 * @category getters
 * @since 0.1.0
 */
export const staysAway = (reason: UserReason): boolean =>
  reason._tag === "SlotsExhausted" || reason._tag === "Dropped" || reason._tag === "QueueLimit"

/**
 * What the user answers, or nothing when the device may stay away.
 *
 * @category getters
 * @since 0.1.0
 */
export const resumeFor = (reason: UserReason, isLiveness: boolean): Resume | undefined =>
  isLiveness && staysAway(reason) ? undefined : resumeOf(answersTo(reason)[0] ?? "Continue")
