/**
 * A mediator that does what a faithful one never does (PROTOCOL D34).
 *
 * Owns each `Misbehaviour`, carried out on frames between a real mediator and the network, so that the product code knows
 * nothing of it. What the client makes of it is for oracles to say.
 *
 * @since 0.1.0
 */
import { Box, type BoxUse, encodeServerFrame, Limits, type ServerFrame } from "@d2m/codec"
import type { Route } from "./Network.ts"
import { type Packet, type Sent, serverPacket } from "./Pipe.ts"
import { between, type Prng } from "./Prng.ts"
import type { Undo } from "./Reasons.ts"
import type { WorldFault } from "./WorldFault.ts"

type Misdeed = Pick<Extract<WorldFault, { readonly _tag: "Misbehave" }>, "how" | "count" | "frame">
type Reflected = Extract<ServerFrame, { readonly _tag: "Reflected" }>

const sent = (frame: ServerFrame): Sent => ({ packet: serverPacket(encodeServerFrame(frame)) })
const raw = (message: Uint8Array | string): Sent => ({ packet: { ...serverPacket(message), isMadeUp: true } })

/** How long something that is to be overtaken is held back, in ms. */
const heldBack = 250

/** A reflected frame whose header is four bytes longer than today's; receivers skip what they do not know (A3). */
const withLongHeader = (message: Uint8Array): Uint8Array => {
  const container = 4
  const header = 16
  const longer = new Uint8Array(message.length + 4)
  longer.set(message.subarray(0, container + header))
  longer.set(message.subarray(container + header), container + header + 4)
  longer[container] = header + 4
  return longer
}

const altered = <Use extends BoxUse>(use: Use, box: Box<Use>): Box<Use> => {
  const copy = new Uint8Array(box)
  if (copy.length > 0) copy[copy.length - 1]! ^= 0xff
  return Box.make(use, copy)
}

/** How often bytes are drawn anew that were not what was asked for. */
const tries = 16

/** What a broken peer or line makes of a message: cut short, with bits flipped, under another type, too long, or noise. */
const drawDamage = (prng: Prng, message: Uint8Array): Uint8Array => {
  switch (prng.below(5)) {
    case 0:
      return message.slice(0, prng.below(message.length))
    case 1: {
      const flipped = message.slice()
      // Near the start is what frames are told apart by.
      for (let left = between(prng, 1, 4); left > 0; left--) {
        flipped[prng.below(Math.min(flipped.length, 24))]! ^= 1 << prng.below(8)
      }
      return flipped
    }
    case 2: {
      const retyped = message.slice()
      retyped[0] = prng.below(256)
      return retyped
    }
    case 3: {
      const oversized = new Uint8Array(Limits.frame + between(prng, 1, 1_000))
      oversized.set(message)
      return oversized
    }
    default:
      return prng.bytes(prng.below(64))
  }
}

/** Bytes that are no frame: what damage leaves of a message, or a frame that is none when it stays one. */
const garbageOf = (prng: Prng, message: Uint8Array): Sent => {
  for (let left = tries; left > 0; left--) {
    const garbage = raw(drawDamage(prng, message))
    if (garbage.packet.frame === undefined) return garbage
  }
  return raw(Uint8Array.of(0x82, 0, 0, 0, 3, 0))
}

/** A frame of a type that nobody knows. */
const drawUnknown = (prng: Prng): Sent => {
  const payload = prng.bytes(prng.below(64))
  const frameOf = (type: number): Sent => {
    const message = new Uint8Array(Limits.containerHeader + payload.length)
    message[0] = type
    message.set(payload, Limits.containerHeader)
    return raw(message)
  }
  for (let left = tries; left > 0; left--) {
    const unknown = frameOf(prng.below(256))
    if (unknown.packet.frame?._tag === "Unknown") return unknown
  }
  return frameOf(0x5f)
}

/** What becomes of one packet, or nothing if it is no occasion. */
type Deed = (packet: Packet<ServerFrame>) => ReadonlyArray<Sent> | undefined

const deedOf = ({ frame: acked = "ReflectAck", how }: Misdeed, prng: Prng): Deed => {
  const only =
    <Tag extends ServerFrame["_tag"]>(
      tag: Tag,
      deed: (
        frame: Extract<ServerFrame, { readonly _tag: Tag }>,
        packet: Packet<ServerFrame>
      ) => ReadonlyArray<Sent> | undefined
    ): Deed =>
    (packet) =>
      packet.frame?._tag === tag
        ? deed(packet.frame as Extract<ServerFrame, { readonly _tag: Tag }>, packet)
        : undefined

  switch (how) {
    case "LoseAcks":
      return only(acked, () => [])
    case "DuplicateAcks":
      return only(acked, (_, packet) => [{ packet }, { packet }])
    case "ReorderAcks":
      return only(acked, (_, packet) => [{ packet, delay: heldBack, holdsUp: false }])
    case "LoseReflected":
      return only("Reflected", () => [])
    case "DuplicateReflected":
      return only("Reflected", (_, packet) => [{ packet }, { packet }])
    case "AlteredReflected":
      return only("Reflected", (frame) => [sent({ ...frame, envelope: altered("dgrk", frame.envelope) })])
    case "ReplayNonces": {
      let earlier: Reflected | undefined
      return only("Reflected", (frame, packet) => {
        const replayed = earlier
        earlier = { ...frame, envelope: Box.make("dgrk", new Uint8Array(frame.envelope)) }
        return replayed === undefined
          ? undefined
          : [
              { packet },
              sent({ ...replayed, reflectedId: ((frame.reflectedId + 1000) >>> 0) as Reflected["reflectedId"] })
            ]
      })
    }
    case "AlteredBlobs":
      return (packet) => {
        const { frame } = packet
        if (frame?._tag === "DevicesInfo") {
          const augmentedDeviceInfo = new Map(
            Array.from(frame.augmentedDeviceInfo, ([id, info]) => [
              id,
              { ...info, encryptedDeviceInfo: altered("dgdik", info.encryptedDeviceInfo) }
            ])
          )
          return [sent({ ...frame, augmentedDeviceInfo })]
        }
        if (frame?._tag !== "ServerInfo" || frame.encryptedSharedDeviceData.length === 0) return undefined
        return [sent({ ...frame, encryptedSharedDeviceData: altered("dgsddk", frame.encryptedSharedDeviceData) })]
      }
    case "EndedBeforeRejected":
      return only("TransactionRejected", (frame, packet) => [
        sent({ _tag: "TransactionEnded", deviceId: frame.deviceId, encryptedScope: frame.encryptedScope }),
        { packet }
      ])
    case "LeaderBeforeDry":
      return only("ReflectionQueueDry", (_, packet) => [sent({ _tag: "RolePromotedToLeader" }), { packet }])
    case "SecondDry":
      return only("ReflectionQueueDry", (_, packet) => [{ packet }, { packet }])
    case "LongHeaders":
      return only("Reflected", (_, { message }) =>
        typeof message === "string" ? undefined : [{ packet: serverPacket(withLongHeader(message)) }]
      )
    case "UnknownTypes":
      return (packet) => [drawUnknown(prng), { packet }]
    case "WrongSlotState":
      return only("ServerInfo", (frame) => [sent({ ...frame, deviceSlotState: frame.deviceSlotState === 0 ? 1 : 0 })])
    case "Garbage":
      return (packet) =>
        typeof packet.message === "string" ? undefined : [{ packet }, garbageOf(prng, packet.message)]
    case "StrayAnswers":
      return only("ReflectAck", (frame, packet) => [
        { packet },
        sent({ ...frame, reflectId: ((frame.reflectId + 77_777) >>> 0) as typeof frame.reflectId })
      ])
    case "TextMessages":
      return (packet) => [{ packet }, raw("this is no frame")]
  }
}

/**
 * Lets the mediator misbehave towards one device, as often as the misdeed says and there is an occasion; `prng` draws the bytes
 * that it makes up.
 *
 * @category combinators
 * @since 0.1.0
 */
export const misbehave = (route: Route, misdeed: Misdeed, prng: Prng, fired: () => void): Undo => {
  const deed = deedOf(misdeed, prng)
  let left = misdeed.count
  return route.tamper((packet) => {
    if (left === 0) return undefined
    const done = deed(packet)
    if (done === undefined) return undefined
    left--
    fired()
    return done
  })
}
