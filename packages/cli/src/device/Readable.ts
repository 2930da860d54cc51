/**
 * The lines of a session for people: who, when and what, safe for any terminal.
 *
 * @since 0.1.0
 */
import { quoted } from "@d2m/codec/explain"
import type { LineOf, SessionLine } from "./SessionLine.ts"

/** Time of day, UTC; a mediator may claim a time that no calendar has. */
const clock = (millis: string): string =>
  Number(millis) <= 8.64e15 ? `${new Date(Number(millis)).toISOString().slice(11, 23)}Z` : millis

const seconds = (millis: number): string => `${(Math.max(0, millis) / 1000).toFixed(1)} s`

/** What others wrote stays on its line and does nothing to the terminal. */
const plain = (text: string): string => quoted(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\")

const pendingText = (pending: number): string => (pending === 0 ? "" : `, ${pending} not promised yet`)

/** What comes of an answer. To continue overlooks nothing: what was refused is checked again. */
const consequences = {
  continue: "tries again",
  register: "joins as a new device",
  anyway: "connects despite the clock"
}

const stateText = (line: LineOf<"State">): string => {
  switch (line.state) {
    case "Connecting":
      return line.attempt === 1 ? "connecting" : `connecting, attempt ${line.attempt}`
    case "Handshaking":
      return "connected, shaking hands"
    case "Live": {
      const waiting =
        line.queued === 0 ? "nothing is waiting" : line.queued === 1 ? "1 was waiting" : `${line.queued} were waiting`
      return `live, ${waiting}${line.dry === true ? ", dry" : ""}${line.leader === true ? ", leader" : ""}`
    }
    case "Waiting": {
      const next = line.nextTryAt === undefined ? "a moment" : seconds(line.nextTryAt - line.at)
      return `not connected; next try in ${next}`
    }
    case "NeedsUser": {
      const help = (line.answers ?? []).map((answer) => `; resume ${answer} ${consequences[answer]}`).join("")
      return `needs you (${line.reason}): ${plain(line.because ?? "")}${help}`
    }
    case "Stopped":
      return line.died === true ? "died of a defect" : "stopped"
  }
}

const scopeOf = (line: { readonly scope?: string }): string => line.scope ?? "a scope that cannot be read"

const eventText = (line: LineOf<"Event">): string => {
  switch (line.event) {
    case "Dry":
      return "the queue is dry"
    case "PromotedToLeader":
      return "this device leads the group now"
    case "LockHeld":
      return `${line.deviceId} holds the lock (${scopeOf(line)}); waiting`
    case "TransactionEnded":
      return `${line.deviceId} has let go of the lock (${scopeOf(line)})`
    case "Disconnected":
      return `disconnected: ${plain(line.detail ?? "")}`
    default: {
      const about = [line.reflectedId === undefined ? "" : `#${line.reflectedId}`, line.deviceId ?? ""]
      return [line.event, ...about, plain(line.detail ?? "")].filter((part) => part !== "").join(" ")
    }
  }
}

const deviceText = (device: LineOf<"Devices">["devices"][number]): string => {
  const { appVersion, connected, label, own, persistent, platform, since } = device
  const info = label === undefined ? "info cannot be read" : `"${plain(label)}"  ${platform} ${plain(appVersion ?? "")}`
  const when = since === undefined ? "" : ` since ${clock(since)}`
  const link = connected === undefined ? "" : connected ? `  connected${when}` : `  away${when}`
  return `   ${device.deviceId}  ${info.trimEnd()}${link}${persistent ? "" : "  volatile"}${own ? "  (this one)" : ""}`
}

const receivedText = (line: LineOf<"Received">): string => {
  const what =
    line.text === undefined
      ? `${line.content}, ${line.bytes} bytes: ${line.hex}${line.bytes * 2 > (line.hex ?? "").length ? "…" : ""}`
      : plain(line.text)
  return `<- ${clock(line.time)} ${line.sender} #${line.reflectedId}${line.ephemeral ? " (ephemeral)" : ""}  ${what}`
}

/**
 * A line for people; lists take several.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (line: SessionLine): string => {
  switch (line._tag) {
    case "Device":
      return `-- device ${line.deviceId} "${plain(line.label)}" of group ${line.groupId.slice(0, 16)}… at ${plain(line.address)}`
    case "State":
      return `-- ${stateText(line)}${pendingText(line.pending)}`
    case "Event":
      return `-- ${eventText(line)}`
    case "Received":
      return receivedText(line)
    case "Promised":
      return `-> ${clock(line.time)} #${line.number} promised`
    case "Provisional":
      return `-> ${clock(line.time)} #${line.number} taken, until commit`
    case "Sent":
      return "-> sent to whoever is connected"
    case "Transaction":
      return `-> transaction ${line.phase} (${line.scope})`
    case "Devices":
      return [
        `-- ${line.devices.length} device${line.devices.length === 1 ? "" : "s"}`,
        ...line.devices.map(deviceText)
      ].join("\n")
    case "Dropped":
      return `-> ${line.deviceId} dropped`
    case "Resumed":
      return `-> answered: ${line.answer}`
    case "Retrying":
      return "-> connecting now"
    case "Help":
      return line.lines.map((text) => `   ${text}`).join("\n")
    case "Failed":
      return `!! ${plain(line.message)}`
    case "Refused":
      return `!! expected ${plain(line.expected)}, found ${plain(line.found)}`
    case "End":
      return `-- ended: ${line.promised} promised, ${line.unpromised} not, ${line.received} received`
  }
}
