/**
 * Why a file or folder could not be used, in the words of the system.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "effect"

/**
 * `EISDIR: illegal operation on a directory`: code and meaning as the system has them, without call and path, which stand
 * beside it. The kind of the error where it has no such words.
 */
export const fileReason = ({ reason }: PlatformError.PlatformError): string => {
  const { cause } = reason
  const said = cause instanceof Error ? /^E[A-Z0-9]+: [^,]+/.exec(cause.message)?.[0] : undefined
  return said ?? reason._tag
}
