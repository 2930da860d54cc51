/**
 * The codec's benchmark: frames against hand-written loops, messages against other protobuf libraries, boxes against
 * the libraries that make them. Everybody's result is checked before anybody is timed.
 */
import type { Comparison } from "../Rounds.ts"
import { boxes } from "./boxes.ts"
import { frames } from "./frames.ts"
import { messages } from "./messages.ts"

export const suite = (): ReadonlyArray<Comparison> => [...frames(), ...messages(), ...boxes()]
