/**
 * What is on its way between mediator and devices, whatever it is: owed until it has arrived.
 *
 * Owns no rule, and knows of no workload: it only keeps a world from counting as settled. A device whose connection has
 * vanished does not know it yet, and takes everything for settled.
 *
 * @since 0.1.0
 */
import { isEphemeral } from "@d2m/codec"
import { mediatorName } from "../Names.ts"
import type { OracleMaker } from "../Oracle.ts"
import { only } from "../WorldEvent.ts"

/** A connection that its device has not let go of. */
interface Line {
  readonly device: string
  /** Messages that the mediator has sent on it, and that it has no acks of. */
  unacked: number
  /** Whether it has come to its end for the mediator. */
  isOver: boolean
}

const end = (line: Line | undefined): void => {
  if (line === undefined) return
  line.unacked = 0
  line.isOver = true
}

/**
 * What is on its way.
 *
 * @category oracles
 * @since 0.1.0
 */
export const arrivals: OracleMaker = {
  name: "arrivals",
  make: () => {
    const lines = new Map<number, Line>()
    return {
      see: only(
        [
          "Opened",
          "MediatorSent",
          "MediatorReceived",
          "MediatorClosed",
          "MediatorLost",
          "DeviceClosed",
          "DeviceLost",
          "Machine"
        ],
        (event) => {
          switch (event._tag) {
            case "Opened":
              lines.set(event.connection, { device: event.device, unacked: 0, isOver: false })
              return
            case "MediatorSent": {
              const line = lines.get(event.connection)
              if (line !== undefined && event.frame?._tag === "Reflected" && !isEphemeral(event.frame.flags))
                line.unacked++
              return
            }
            case "MediatorReceived": {
              const line = lines.get(event.connection)
              if (line !== undefined && event.frame?._tag === "ReflectedAck") line.unacked--
              return
            }
            case "MediatorClosed":
            case "MediatorLost":
              return end(lines.get(event.connection))
            case "DeviceClosed":
            case "DeviceLost":
              lines.delete(event.connection)
              return
            case "Machine":
              if (event.change !== "Crashed" && event.change !== "Stopped") return
              for (const [connection, line] of lines) {
                if (event.device === mediatorName) end(line)
                else if (line.device === event.device) lines.delete(connection)
              }
              return
          }
        }
      ),
      owes: () => {
        for (const { device, isOver, unacked } of lines.values()) {
          if (isOver) return `${device} does not know that its connection is over`
          if (unacked > 0) return `${device} has ${unacked} messages that it has not acked`
        }
        return undefined
      }
    }
  }
}
