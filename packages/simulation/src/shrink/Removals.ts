/**
 * What can be taken out of a schedule: operations, faults, devices with all that concerns them, and what comes too late.
 *
 * @since 0.1.0
 */
import { ownerOf } from "../Names.ts"
import type { Schedule } from "../Schedule.ts"
import type { Attempt } from "./Attempt.ts"

/** The operations and the faults of a schedule are one list here: operations first. */
const eventsOf = ({ faults, operations }: Schedule): number => operations.length + faults.length

/** Without so many events from an index on. */
const without = (schedule: Schedule, from: number, count: number): Schedule => {
  const { length } = schedule.operations
  const isOutside = (index: number): boolean => index < from || index >= from + count
  return {
    ...schedule,
    operations: schedule.operations.filter((_, index) => isOutside(index)),
    faults: schedule.faults.filter((_, index) => isOutside(index + length))
  }
}

/** Without a device, and without what it does and what is done to it. */
const withoutDevice = (schedule: Schedule, name: string): Schedule => ({
  ...schedule,
  devices: schedule.devices.filter((device) => device.name !== name),
  operations: schedule.operations.filter(
    ({ device, operation }) => device !== name && !(operation._tag === "Drop" && operation.target === name)
  ),
  faults: schedule.faults.filter(({ fault }) => !("device" in fault && ownerOf(fault.device) === name))
})

/** Without what is set for a time after the rule was broken, `elapsed` ms from the start, and who had not joined by then. */
export const cutAfter = (schedule: Schedule, elapsed: number, devices: boolean): Schedule => {
  const late = devices ? schedule.devices.filter(({ joinsAt }) => joinsAt > elapsed) : []
  return late.reduce<Schedule>((rest, { name }) => withoutDevice(rest, name), {
    ...schedule,
    duration: Math.min(schedule.duration, Math.ceil(elapsed) + 1),
    operations: schedule.operations.filter(({ at }) => at <= elapsed),
    faults: schedule.faults.filter(({ at }) => at <= elapsed)
  })
}

const removeDevices = (schedule: Schedule, attempt: Attempt, otherSeeds: number): Schedule => {
  let smallest = schedule
  for (const { name } of schedule.devices.toReversed()) {
    if (smallest.devices.length === 1) break
    smallest = attempt(withoutDevice(smallest, name), otherSeeds) ?? smallest
  }
  return smallest
}

/** Takes out runs of events of one length, wherever that goes. */
const removeChunks = (schedule: Schedule, attempt: Attempt, length: number, otherSeeds: number): Schedule => {
  let smallest = schedule
  // From the end: what comes last has the fewest consequences.
  for (let from = eventsOf(schedule) - length; from > -length; from -= length) {
    const start = Math.max(0, from)
    const candidate = without(smallest, start, length + Math.min(0, from))
    if (eventsOf(candidate) < eventsOf(smallest)) smallest = attempt(candidate, otherSeeds) ?? smallest
  }
  return smallest
}

/**
 * Takes out much at once: all faults, all operations, devices, then halves, quarters and so on of the events.
 *
 * @category shrinking
 * @since 0.1.0
 */
export const removeMuch = (schedule: Schedule, attempt: Attempt, devices: boolean): Schedule => {
  let smallest = schedule
  smallest = attempt({ ...smallest, faults: [] }, 2) ?? smallest
  smallest = attempt({ ...smallest, operations: [] }, 2) ?? smallest
  if (devices) smallest = removeDevices(smallest, attempt, 2)
  for (let length = eventsOf(smallest) >> 1; length > 1; length = Math.min(length, eventsOf(smallest)) >> 1) {
    smallest = removeChunks(smallest, attempt, length, 1)
  }
  return smallest
}

/**
 * Takes out one thing after the other, until none can go any more.
 *
 * @category shrinking
 * @since 0.1.0
 */
export const removeAlone = (schedule: Schedule, attempt: Attempt, devices: boolean): Schedule => {
  let smallest = schedule
  for (;;) {
    const before = smallest
    smallest = removeChunks(smallest, attempt, 1, 3)
    if (devices) smallest = removeDevices(smallest, attempt, 3)
    if (smallest === before) return smallest
  }
}
