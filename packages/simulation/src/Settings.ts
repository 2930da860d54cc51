/**
 * What is out of the ordinary in a world from its start, in lines.
 *
 * Owns which settings of devices and conditions are worth telling. What goes wrong at a time of its own is a `WorldFault`.
 *
 * @since 0.1.0
 */
import { timeText } from "./Lanes.ts"
import { calm, type DeviceSpec, plainDevice, type Schedule } from "./Schedule.ts"
import { clockWords } from "./Wording.ts"

/** What sets a device apart from a plain one. */
const traitsOf = ({ chats, exhausted, expiration, group, joinsAt, name, skew }: DeviceSpec): ReadonlyArray<string> => {
  const plain = plainDevice(name)
  return [
    ...(skew === plain.skew ? [] : [clockWords(skew)]),
    ...(joinsAt === plain.joinsAt ? [] : [`joins at ${timeText(joinsAt)}`]),
    ...(group === plain.group ? [] : [`group ${group}`]),
    ...(expiration === plain.expiration ? [] : [expiration]),
    ...(exhausted === plain.exhausted ? [] : [exhausted]),
    ...(chats === plain.chats ? [] : ["chats"])
  ]
}

/**
 * Devices that are not plain and conditions that are not calm, with what is different about them, as lines of what is told
 * of a failure; none when nothing is out of the ordinary.
 *
 * @category rendering
 * @since 0.1.0
 */
export const settingsText = ({
  conditions,
  devices
}: Pick<Schedule, "conditions" | "devices">): ReadonlyArray<string> => {
  const odd = devices.flatMap((device) => {
    const traits = traitsOf(device)
    return traits.length === 0 ? [] : [`    ${device.name}: ${traits.join(", ")}`]
  })
  const ordinary = new Map(Object.entries(calm).map(([name, value]) => [name, JSON.stringify(value)]))
  const changed = Object.entries(conditions)
    .map(([name, value]) => [name, JSON.stringify(value)] as const)
    .filter(([name, value]) => value !== ordinary.get(name))
  return [
    ...(odd.length === 0 ? [] : ["  devices", ...odd]),
    ...(changed.length === 0 ? [] : ["  conditions", ...changed.map(([name, value]) => `    ${name} ${value}`)])
  ]
}
