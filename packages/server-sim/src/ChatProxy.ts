/**
 * The way through the mediator to the chat server.
 *
 * Owns when it may be used and how its end is told (decision 18; PROTOCOL D2, D31). Bytes pass unread, from the moment the
 * socket is open; connecting to a chat server is the shell's.
 *
 * @since 0.1.0
 */
import { CloseCode, Limits, type Proxy } from "@d2m/codec"
import { closeConnection } from "./Disconnect.ts"
import type { ChatGone, ChatReceived } from "./Input.ts"
import type { Connection } from "./State.ts"
import { send, type Turn } from "./Turn.ts"

export const toChat = (turn: Turn, connection: Connection, frame: Proxy): void => {
  turn.outputs.push({ _tag: "ToChat", connection: connection.id, data: frame.data })
}

export const fromChat = (turn: Turn, connection: Connection, input: ChatReceived): void => {
  if (input.data.length > Limits.payload) {
    return closeConnection(turn, connection, CloseCode.ChatInternal, "a chat message is too long for a frame")
  }
  send(turn, connection, { _tag: "Proxy", data: input.data })
}

export const chatIsGone = (turn: Turn, connection: Connection, input: ChatGone): void => {
  switch (input.how) {
    case "Ended":
      return closeConnection(turn, connection, CloseCode.ChatEnded, "the chat server ended the connection")
    case "Unreachable":
      return closeConnection(turn, connection, CloseCode.ChatUnreachable, "the chat server cannot be reached")
    case "Failed":
      return closeConnection(turn, connection, CloseCode.ChatInternal, "the way to the chat server failed")
  }
}
