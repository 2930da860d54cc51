/**
 * Measures one thing in a process that does nothing else, and sends what came of it to the one that asked.
 */
import { measure, measurements } from "./measurements.ts"

const [name, rounds] = process.argv.slice(2)
const measurement = measurements.find((one) => one.name === name)
if (measurement === undefined) throw new Error(`there is no measurement ${name}`)
process.send!(measure(measurement, Number(rounds)))
