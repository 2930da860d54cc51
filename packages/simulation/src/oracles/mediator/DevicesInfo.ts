/**
 * What devices are told of each other.
 *
 * Owns the rules about GetDevicesInfo and DevicesInfo (PROTOCOL D23): the answer lists whoever has a slot when it is asked,
 * the asker included and nobody else, with what each has said of itself last, and since when it is connected or gone. All of it
 * is durable: whoever lists devices remembers what they have said.
 *
 * @since 0.1.0
 */
import { type AugmentedDeviceInfo, DeviceSlotExpirationPolicy, type ServerFrame } from "@d2m/codec"
import { sameBytes } from "../Envelopes.ts"
import { type Enrolled, isGone, isThere, mayBeOver, type Model, type Peer, type Roster, type Slot } from "./Model.ts"
import { pending } from "./Registration.ts"

type DevicesInfo = Extract<ServerFrame, { readonly _tag: "DevicesInfo" }>

const stateOf = (model: Model, { isLeftAtSure, leftAt, session }: Slot): Enrolled["state"] => {
  if (session === undefined) return isLeftAtSure ? { isConnected: false, since: Math.floor(leftAt) } : undefined
  return mayBeOver(model, session) ? undefined : { isConnected: true, since: Math.floor(session.hello!.at) }
}

const rosterOf = (model: Model, peer: Peer): Roster => {
  const { group } = peer
  const roster = new Map<bigint, Enrolled>()
  const newcomers = pending(group)
  for (const slot of group.slots.values()) {
    if (isGone(model, slot)) continue
    const state = stateOf(model, slot)
    // The grace of a volatile device may run though nobody outside has seen it go.
    const mayExpire = slot.isVolatile && state === undefined
    const isCertain =
      isThere(model, slot) &&
      !mayExpire &&
      !newcomers.some(({ deviceId, victim }) => deviceId === slot.deviceId || victim === "Unclear" || victim === slot)
    const { device, deviceId, deviceInfo, isVolatile } = slot
    const pending = newcomers.filter((hello) => hello.deviceId === deviceId)
    roster.set(deviceId, { device, isCertain, isVolatile, deviceInfo, state, pending })
  }
  for (const { deviceId, isVolatile } of newcomers) {
    if (roster.has(deviceId)) continue
    const pending = newcomers.filter((hello) => hello.deviceId === deviceId)
    const device = `device ${deviceId}`
    const deviceInfo = new Uint8Array(0)
    roster.set(deviceId, { device, isCertain: false, isVolatile, deviceInfo, state: undefined, pending })
  }
  return roster
}

/** The mediator was handed a GetDevicesInfo. */
export const devicesAsked = (model: Model, peer: Peer): void => {
  if (peer.hello !== undefined) peer.asks.push(rosterOf(model, peer))
}

const stateText = (isConnected: boolean, since: number | bigint): string =>
  `${isConnected ? "connected since" : "gone since"} ${since}`

const checkListed = (model: Model, peer: Peer, enrolled: Enrolled, listed: AugmentedDeviceInfo): void => {
  const { device, deviceInfo, isVolatile, state } = enrolled
  const say = (found: string, expected: string) =>
    model.report({
      rule: "DevicesInfo tells of each device what it has said last, and since when it is connected or gone",
      device: peer.device,
      found: `${device}: ${found}`,
      expected
    })
  const { connectionState, deviceSlotExpirationPolicy, encryptedDeviceInfo } = listed
  if ((deviceSlotExpirationPolicy === DeviceSlotExpirationPolicy.VOLATILE) !== isVolatile) {
    say(`expiration policy ${deviceSlotExpirationPolicy}`, isVolatile ? "VOLATILE" : "PERSISTENT")
  }
  if (deviceInfo !== undefined && !sameBytes(encryptedDeviceInfo, deviceInfo)) {
    say(
      `a device info of ${encryptedDeviceInfo.length} other bytes`,
      `the ${deviceInfo.length} bytes of its ClientHello`
    )
  }
  if (state === undefined) return
  const isConnected = connectionState?._tag === "connectedSince"
  if (
    connectionState === undefined ||
    isConnected !== state.isConnected ||
    Number(connectionState.value) !== state.since
  ) {
    say(
      connectionState === undefined ? "no state" : stateText(isConnected, connectionState.value),
      stateText(state.isConnected, state.since)
    )
  }
}

/** What is listed can only be of a ClientHello that the store has had no time for. */
const checkDurable = (model: Model, peer: Peer, enrolled: Enrolled, listed: AugmentedDeviceInfo): void => {
  const { device, deviceInfo, pending } = enrolled
  const { encryptedDeviceInfo } = listed
  if (deviceInfo === undefined || sameBytes(encryptedDeviceInfo, deviceInfo)) return
  const hello = pending.find((hello) => sameBytes(encryptedDeviceInfo, hello.deviceInfo))
  if (hello === undefined) return
  const taken = Math.floor(model.now) - Math.floor(hello.at)
  if (taken >= model.numbers.storeLatency) return
  model.report({
    rule: "nothing is promised before it is durable",
    device: peer.device,
    found: `${device}, listed ${taken} ms after its ClientHello`,
    expected: `at least the ${model.numbers.storeLatency} ms that the store takes`
  })
}

/** The mediator has sent a DevicesInfo. */
export const devicesInfoSent = (model: Model, peer: Peer, { augmentedDeviceInfo }: DevicesInfo): void => {
  const say = (rule: string, found: string, expected: string) =>
    model.report({ rule, device: peer.device, found, expected })
  const roster = peer.asks.shift()
  if (roster === undefined) {
    return say("DevicesInfo answers who has asked for it, once", "DevicesInfo", "nothing, as nothing was asked")
  }
  const rule = "DevicesInfo lists whoever has a slot, the asker included, and nobody else"
  for (const [deviceId, enrolled] of roster) {
    const listed = (augmentedDeviceInfo as ReadonlyMap<bigint, AugmentedDeviceInfo>).get(deviceId)
    if (listed !== undefined) {
      if (enrolled.isCertain) checkListed(model, peer, enrolled, listed)
      checkDurable(model, peer, enrolled, listed)
    } else if (enrolled.isCertain) say(rule, `a list without ${enrolled.device}`, "all that have a slot")
  }
  for (const deviceId of augmentedDeviceInfo.keys()) {
    if (!roster.has(deviceId)) say(rule, `device ${deviceId}`, "nobody who has no slot")
  }
}
