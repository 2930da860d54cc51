/**
 * That what passes through the mediator to the chat server and back is not touched (decision 18).
 *
 * Owns one rule: the chat server of a world says again what it is told, and each message of it comes to the client in a frame
 * of its own, as it was said and in the order in which it was. A close-error is the chat server's own word. What is lost with
 * a connection is nobody's fault.
 *
 * @since 0.1.0
 */
import type { OracleMaker } from "../Oracle.ts"
import { canReconnectBy } from "../VirtualChat.ts"
import { only } from "../WorldEvent.ts"

export const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])

/**
 * Judges what comes back from the chat server.
 *
 * @category oracles
 * @since 0.1.0
 */
export const chat: OracleMaker = {
  name: "chat",
  make: (report) => {
    /** By connection, what was said and has not come back, oldest first. */
    const said = new Map<number, Array<Uint8Array>>()
    return {
      see: only(
        ["MediatorReceived", "MediatorSent", "MediatorClosed", "MediatorLost"],
        (event) => {
          switch (event._tag) {
            case "MediatorReceived": {
              const pieces = said.get(event.connection)
              if (pieces === undefined) said.set(event.connection, [event.frame.data])
              else pieces.push(event.frame.data)
              return
            }
            case "MediatorSent": {
              const { data } = event.frame
              if (canReconnectBy(data) !== undefined) return
              const expected = said.get(event.connection)?.shift()
              if (expected !== undefined && isSame(data, expected)) return
              report({
                rule: "the words of the chat server come as they were said",
                device: event.device,
                found: `${data.length} bytes that it has not said at this point`,
                expected: expected === undefined ? "nothing" : `${expected.length} bytes that the client has said`
              })
              return
            }
            case "MediatorClosed":
            case "MediatorLost":
              said.delete(event.connection)
              return
          }
        },
        { MediatorReceived: ["Proxy"], MediatorSent: ["Proxy"] }
      )
    }
  }
}
