/**
 * Hot frames: the codec beside loops written by hand, over the same frames, all fields read.
 */
import {
  Box,
  type ClientFrame,
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeReflectInPlace,
  encodeServerFrame,
  Reflect,
  ReflectAck,
  Reflected,
  ReflectedAck,
  ReflectedId,
  reflectEnvelopeAt,
  ReflectId,
  type ServerFrame,
  Timestamp
} from "@d2m/codec"
import * as Assert from "node:assert/strict"
import type { Comparison } from "../Rounds.ts"
import * as ByHand from "./by-hand.ts"

const count = 64
const mask = count - 1

/** What the loops add up, so that no engine may leave out what they do. */
export const sink = { total: 0 }

/** Where the decoded objects go: whoever decodes hands them on, so nobody may get by without making them. */
const kept: Array<unknown> = Array.from({ length: count }, () => null)

const id = (at: number): number => Math.imul(at + 1, 0x9e37_79b1) >>> 0
const bytes = (length: number, at: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 31 + at)
const many = <A>(make: (at: number) => A): ReadonlyArray<A> => Array.from({ length: count }, (_, at) => make(at))
const timestamp = (at: number) => Timestamp.make(1_800_000_000_000n + BigInt(at))

const same = <A, B>(
  all: ReadonlyArray<A>,
  ours: (one: A) => B,
  ...others: ReadonlyArray<(one: A) => unknown>
): void => {
  for (const one of all) {
    const expected = ours(one)
    for (const other of others) Assert.deepEqual(other(one), expected)
  }
}

const serverFrame = (frame: Uint8Array): ServerFrame => {
  const result = decodeServerFrame(frame)
  if (result._tag === "Failure") throw result.failure
  return result.success
}

const clientFrame = (frame: Uint8Array): ClientFrame => {
  const result = decodeClientFrame(frame)
  if (result._tag === "Failure") throw result.failure
  return result.success
}

const decodeReflected = (size: number): Comparison => {
  const frames = many((at) =>
    encodeServerFrame(
      Reflected.make({
        flags: at & 1,
        reflectedId: ReflectedId.make(id(at)),
        timestamp: timestamp(at),
        envelope: Box.make("dgrk", bytes(size, at))
      })
    )
  )
  same(frames, serverFrame, ByHand.readReflected, ByHand.readReflectedWithView)
  return {
    name: `decode reflected, envelope ${size}`,
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const frame = ByHand.readReflected(frames[i & mask]!)
            kept[i & mask] = frame
            total += frame.flags + frame.reflectedId + frame.envelope.length + (frame.timestamp > 1n ? 1 : 0)
          }
          sink.total += total
        }
      },
      {
        name: "by hand, a DataView a frame",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const frame = ByHand.readReflectedWithView(frames[i & mask]!)
            kept[i & mask] = frame
            total += frame.flags + frame.reflectedId + frame.envelope.length + (frame.timestamp > 1n ? 1 : 0)
          }
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const result = decodeServerFrame(frames[i & mask]!)
            if (result._tag === "Failure" || result.success._tag !== "Reflected") throw new TypeError("not reflected")
            const frame = result.success
            kept[i & mask] = frame
            total += frame.flags + frame.reflectedId + frame.envelope.length + (frame.timestamp > 1n ? 1 : 0)
          }
          sink.total += total
        }
      }
    ]
  }
}

const decodeReflect = (size: number): Comparison => {
  const frames = many((at) =>
    encodeClientFrame(
      Reflect.make({ flags: at & 1, reflectId: ReflectId.make(id(at)), envelope: Box.make("dgrk", bytes(size, at)) })
    )
  )
  same(frames, clientFrame, ByHand.readReflect)
  return {
    name: `decode reflect, envelope ${size}`,
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const frame = ByHand.readReflect(frames[i & mask]!)
            kept[i & mask] = frame
            total += frame.flags + frame.reflectId + frame.envelope.length
          }
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const result = decodeClientFrame(frames[i & mask]!)
            if (result._tag === "Failure" || result.success._tag !== "Reflect") throw new TypeError("not reflect")
            const frame = result.success
            kept[i & mask] = frame
            total += frame.flags + frame.reflectId + frame.envelope.length
          }
          sink.total += total
        }
      }
    ]
  }
}

const decodeReflectAck = (): Comparison => {
  const frames = many((at) =>
    encodeServerFrame(ReflectAck.make({ reflectId: ReflectId.make(id(at)), timestamp: timestamp(at) }))
  )
  same(frames, serverFrame, ByHand.readReflectAck)
  return {
    name: "decode reflect-ack",
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const frame = ByHand.readReflectAck(frames[i & mask]!)
            kept[i & mask] = frame
            total += frame.reflectId + (frame.timestamp > 1n ? 1 : 0)
          }
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const result = decodeServerFrame(frames[i & mask]!)
            if (result._tag === "Failure" || result.success._tag !== "ReflectAck") throw new TypeError("no ack")
            const frame = result.success
            kept[i & mask] = frame
            total += frame.reflectId + (frame.timestamp > 1n ? 1 : 0)
          }
          sink.total += total
        }
      }
    ]
  }
}

const decodeReflectedAck = (): Comparison => {
  const frames = many((at) => encodeClientFrame(ReflectedAck.make({ reflectedId: ReflectedId.make(id(at)) })))
  same(frames, clientFrame, ByHand.readReflectedAck)
  return {
    name: "decode reflected-ack",
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const frame = ByHand.readReflectedAck(frames[i & mask]!)
            kept[i & mask] = frame
            total += frame.reflectedId
          }
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const result = decodeClientFrame(frames[i & mask]!)
            if (result._tag === "Failure" || result.success._tag !== "ReflectedAck") throw new TypeError("no ack")
            const frame = result.success
            kept[i & mask] = frame
            total += frame.reflectedId
          }
          sink.total += total
        }
      }
    ]
  }
}

const encodeReflect = (size: number): Comparison => {
  const values = many((at) =>
    Reflect.make({ flags: at & 1, reflectId: ReflectId.make(id(at)), envelope: Box.make("dgrk", bytes(size, at)) })
  )
  same(values, encodeClientFrame, ByHand.writeReflect)
  return {
    name: `encode reflect, envelope ${size} copied into the frame`,
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += ByHand.writeReflect(values[i & mask]!).length
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += encodeClientFrame(values[i & mask]!).length
          sink.total += total
        }
      }
    ]
  }
}

const encodeReflectAround = (size: number): Comparison => {
  const values = many((at) => ({ flags: at & 1, reflectId: ReflectId.make(id(at)) }))
  // Memory that is used again, as whoever seals into it would.
  const frames = many((at) => bytes(reflectEnvelopeAt + size, at))
  for (const [at, frame] of frames.entries()) {
    const { flags, reflectId } = values[at]!
    const expected = encodeClientFrame(
      Reflect.make({ flags, reflectId, envelope: Box.make("dgrk", frame.subarray(reflectEnvelopeAt)) })
    )
    ByHand.writeReflectAround(frame, flags, reflectId)
    Assert.deepEqual(frame, expected)
    frame.fill(0xff, 0, reflectEnvelopeAt)
    encodeReflectInPlace(frame, flags, reflectId)
    Assert.deepEqual(frame, expected)
  }
  return {
    name: `encode reflect around an envelope of ${size} in place`,
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const { flags, reflectId } = values[i & mask]!
            const frame = frames[i & mask]!
            ByHand.writeReflectAround(frame, flags, reflectId)
            total += frame[8]!
          }
          sink.total += total
        }
      },
      {
        name: "by hand, a DataView a frame",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const { flags, reflectId } = values[i & mask]!
            const frame = frames[i & mask]!
            ByHand.writeReflectAroundWithView(frame, flags, reflectId)
            total += frame[8]!
          }
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) {
            const { flags, reflectId } = values[i & mask]!
            const frame = frames[i & mask]!
            encodeReflectInPlace(frame, flags, reflectId)
            total += frame[8]!
          }
          sink.total += total
        }
      }
    ]
  }
}

const encodeReflected = (size: number): Comparison => {
  const values = many((at) =>
    Reflected.make({
      flags: at & 1,
      reflectedId: ReflectedId.make(id(at)),
      timestamp: timestamp(at),
      envelope: Box.make("dgrk", bytes(size, at))
    })
  )
  same(values, encodeServerFrame, ByHand.writeReflected)
  return {
    name: `encode reflected, envelope ${size} copied into the frame`,
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += ByHand.writeReflected(values[i & mask]!).length
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += encodeServerFrame(values[i & mask]!).length
          sink.total += total
        }
      }
    ]
  }
}

const encodeReflectAck = (): Comparison => {
  const values = many((at) => ReflectAck.make({ reflectId: ReflectId.make(id(at)), timestamp: timestamp(at) }))
  same(values, encodeServerFrame, ByHand.writeReflectAck)
  return {
    name: "encode reflect-ack",
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += ByHand.writeReflectAck(values[i & mask]!)[8]!
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += encodeServerFrame(values[i & mask]!)[8]!
          sink.total += total
        }
      }
    ]
  }
}

const encodeReflectedAck = (): Comparison => {
  const values = many((at) => ReflectedAck.make({ reflectedId: ReflectedId.make(id(at)) }))
  same(values, encodeClientFrame, ByHand.writeReflectedAck)
  return {
    name: "encode reflected-ack",
    contenders: [
      {
        name: "by hand",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += ByHand.writeReflectedAck(values[i & mask]!)[8]!
          sink.total += total
        }
      },
      {
        name: "@d2m/codec",
        run: (times) => {
          let total = 0
          for (let i = 0; i < times; i++) total += encodeClientFrame(values[i & mask]!)[8]!
          sink.total += total
        }
      }
    ]
  }
}

export const frames = (): ReadonlyArray<Comparison> => [
  ...[1024, 16_384].flatMap((size) => [
    decodeReflected(size),
    decodeReflect(size),
    encodeReflectAround(size),
    encodeReflect(size),
    encodeReflected(size)
  ]),
  decodeReflectAck(),
  decodeReflectedAck(),
  encodeReflectAck(),
  encodeReflectedAck()
]
