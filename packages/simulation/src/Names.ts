/**
 * What those who take part in a world are called.
 *
 * Owns which names a device may have, and the names of the mediator and of twins: they tell participants apart wherever
 * something is told or judged.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * The name under which the mediator's machine is seen.
 *
 * @category constants
 * @since 0.1.0
 */
export const mediatorName = "mediator"

/**
 * The device that a participant is: a twin is named after its device, with a `'` and a number.
 *
 * @category getters
 * @since 0.1.0
 */
export const ownerOf = (name: string): string => {
  const twin = name.indexOf("'")
  return twin < 0 ? name : name.slice(0, twin)
}

/** The name of a device that is no twin. */
export const deviceName = Schema.String.check(
  Schema.makeFilter((name) => {
    if (name === "") return "a device needs a name"
    if (name === mediatorName) return `"${mediatorName}" is the name of the mediator`
    return ownerOf(name) === name ? undefined : `a name with ' in it is that of a twin: ${name}`
  })
)

/** The first name that stands there a second time. */
export const takenTwice = (names: ReadonlyArray<string>): string | undefined => {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}
