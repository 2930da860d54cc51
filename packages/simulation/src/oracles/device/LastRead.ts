/**
 * What a device has read last.
 *
 * Owns when it may not have taken that in: in the moment of the read itself, and for as long as it reads nothing else where
 * messages were among it, or the chat server's that found no room: they hold up what came with them.
 *
 * @since 0.1.0
 */
import type { ServerFrame } from "@d2m/codec"

/** Updated in place by `noteRead`. */
export interface LastRead {
  at: number
  hasMessages: boolean
}

export const nothingRead = (): LastRead => ({ at: -Infinity, hasMessages: false })

/** Notes a frame, and whether what the chat server has said `hasNoRoom`; says whether it is the first of another read. */
export const noteRead = (last: LastRead, frame: ServerFrame | undefined, at: number, hasNoRoom: boolean): boolean => {
  const isAnother = last.at !== at
  if (isAnother) {
    last.at = at
    last.hasMessages = false
  }
  if (frame?._tag === "Reflected" || hasNoRoom) last.hasMessages = true
  return isAnother
}

/** Whether what was read last may not have been taken in by now. */
export const mayBeUntaken = (last: LastRead, at: number): boolean => last.at === at || last.hasMessages
