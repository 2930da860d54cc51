/**
 * Functions of a user's in faults, called so that only the connection in question pays for what is wrong with them.
 *
 * Owns what they must return and how it is told that they did not. The close that follows, with 1011 and that text, is the
 * transport's.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import { type Fault, type FrameFault, InjectError, invalidFault } from "./Fault.ts"
import { closeReason } from "./Turn.ts"

/** What a value is, without its contents. */
const kindOf = (value: unknown): string => {
  if (value === undefined || value === null) return String(value)
  if (Array.isArray(value)) return "an array"
  if (value instanceof Promise) return "a promise"
  return typeof value === "object" ? "an object" : `a ${typeof value}`
}

const thrownText = (thrown: unknown): string => {
  if (typeof thrown === "string") return thrown
  return thrown instanceof Error ? thrown.message : kindOf(thrown)
}

/** Why a fault cannot happen, as the reason of a close frame. */
const reasonOf = (error: InjectError): string => closeReason(error.message)

/** Nobody waits for a promise that is refused: a rejection of it would be unhandled, which ends the process. */
const disown = (value: unknown): void => {
  if (value instanceof Promise) value.catch(() => {})
}

/** The array that a function returns, or what was wrong with it. */
const called = <A>(
  call: () => ReadonlyArray<A>,
  isOne: (element: unknown) => boolean,
  elements: string
): Result.Result<ReadonlyArray<A>, string> => {
  let returned: unknown
  try {
    returned = call()
  } catch (thrown) {
    return Result.fail(`has thrown ${thrownText(thrown)}`)
  }
  disown(returned)
  if (!Array.isArray(returned)) return Result.fail(`has returned ${kindOf(returned)}, and no array of ${elements}`)
  const odd = returned.findIndex((element) => !isOne(element))
  if (odd < 0) return Result.succeed(returned)
  returned.forEach(disown)
  return Result.fail(`has returned an array with ${kindOf(returned[odd])} in it`)
}

const isMessage = (value: unknown): boolean => typeof value === "string" || value instanceof Uint8Array

/** What a `Rewrite` makes of a message; fails with the reason to close with. */
export const rewritten = (
  { _tag: fault, with: replace }: Extract<FrameFault, { readonly _tag: "Rewrite" }>,
  message: Uint8Array
): Result.Result<ReadonlyArray<Uint8Array | string>, string> =>
  Result.mapError(
    called(() => replace(message), isMessage, "bytes and strings"),
    (what) => reasonOf(new InjectError({ reason: "Invalid", fault, detail: `with ${what}` }))
  )

const isTagged = (value: unknown): boolean => typeof value === "object" && value !== null && "_tag" in value

/** The faults that a function gives a connection, all of which can happen; fails with the reason to close with. */
export const faultsOf = (faults: () => ReadonlyArray<Fault>): Result.Result<ReadonlyArray<Fault>, string> => {
  const wanted = called(faults, isTagged, "faults")
  if (Result.isFailure(wanted)) {
    const detail = `the function ${wanted.failure}`
    return Result.fail(reasonOf(new InjectError({ reason: "Invalid", fault: "faults", detail })))
  }
  const error = wanted.success.map(invalidFault).find((error) => error !== undefined)
  return error === undefined ? wanted : Result.fail(reasonOf(error))
}
