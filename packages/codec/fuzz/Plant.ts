/**
 * Bugs to put into the decoders on purpose, to see the fuzz find them: `--plant throws`.
 */
import { Result } from "effect"
import { DecodeError } from "../src/DecodeError.ts"
import type { Codec, Target, Targets } from "./Target.ts"

type Decode = Codec["decode"]

/** Only some inputs meet the bug, as it is with bugs. */
const rare = (bytes: Uint8Array): boolean => bytes.length > 20 && bytes[8] === 0xff

/** The rest of the memory that an input is in. */
const beyond = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset)

/** Each makes a decoder wrong in its own way. */
const bugs: Readonly<Record<string, (decode: Decode) => Decode>> = {
  throws: (decode) => (bytes) => {
    if (rare(bytes)) throw new RangeError("planted: offset is outside the bounds of the DataView")
    return decode(bytes)
  },
  "view-past-end": (decode) => (bytes) =>
    rare(bytes) ? Result.succeed({ _tag: "Proxy", data: beyond(bytes).subarray(4, bytes.length + 1) }) : decode(bytes),
  "read-past-end": (decode) => (bytes) =>
    rare(bytes) ? Result.succeed({ _tag: "Reflect", flags: beyond(bytes)[bytes.length] }) : decode(bytes),
  "error-outside": (decode) => (bytes) => {
    const decoded = decode(bytes)
    if (Result.isSuccess(decoded) || decoded.failure.kind !== "Truncated") return decoded
    return Result.fail(new DecodeError({ ...decoded.failure, offset: bytes.length + 1 }))
  },
  "writes-input": (decode) => (bytes) => {
    const decoded = decode(bytes)
    if (rare(bytes)) bytes[5] = 0
    return decoded
  },
  "off-by-one": (decode) => (bytes) => {
    const decoded = decode(bytes)
    if (Result.isFailure(decoded)) return decoded
    const frame = decoded.success as { readonly flags?: number }
    return frame.flags === undefined ? decoded : Result.succeed({ ...frame, flags: (frame.flags + 1) & 0xffff })
  }
}

/** The bugs that there are. */
export const bugNames: ReadonlyArray<string> = Object.keys(bugs)

/** A codec with a bug; `undefined` leaves it right. */
export const withBug = (codec: Codec, bug: string | undefined): Codec =>
  bug === undefined ? codec : { ...codec, decode: bugs[bug]!(codec.decode) }

/** The frames' decoders with a bug; `undefined` leaves them right. */
export const plant = ({ frames, messages }: Targets, bug: string | undefined): Targets => {
  const planted = (target: Target): Target => ({ ...target, codec: withBug(target.codec, bug) })
  return { frames: [planted(frames[0]), planted(frames[1])], messages }
}
