/**
 * What the demo's devices say to each other, as contents of an envelope, and as text again for people to read.
 *
 * @since 0.1.0
 */
import { Common, D2d, Sync } from "@d2m/codec"
import type { Content } from "@d2m/client"

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const peer = "ECHOECHO"

/** A chat message that the user has sent from the reflecting device. */
export const chat = (id: bigint, text: string): Content => ({
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({
    conversation: D2d.ConversationId.make({ id: { _tag: "contact", value: peer } }),
    messageId: id,
    type: Common.CspE2eMessageType.TEXT,
    body: encoder.encode(text)
  })
})

/** Somebody begins to type. */
export const typing: Content = {
  _tag: "incomingMessage",
  value: D2d.IncomingMessage.make({
    senderIdentity: peer,
    type: Common.CspE2eMessageType.TYPING_INDICATOR,
    body: Uint8Array.of(1)
  })
}

/** A contact gets another nickname. */
export const nickname = (identity: string, name: string): Content => ({
  _tag: "contactSync",
  value: D2d.ContactSync.make({
    action: {
      _tag: "update",
      value: D2d.ContactSyncUpdate.make({ contact: Sync.Contact.make({ identity, nickname: name }) })
    }
  })
})

/** The name under which the tally knows a content; none for what nobody promises to deliver. */
export const keyOf = (content: Content): string | undefined => {
  switch (content._tag) {
    case "outgoingMessage":
      return `chat ${content.value.messageId}`
    case "contactSync": {
      const { action } = content.value
      return action?._tag === "update" ? `contact ${action.value.contact?.identity}` : undefined
    }
    default:
      return undefined
  }
}

/** A content for people to read. */
export const textOf = (content: Content): string => {
  switch (content._tag) {
    case "outgoingMessage":
      return decoder.decode(content.value.body)
    case "incomingMessage":
      return `${content.value.senderIdentity} is typing`
    case "contactSync": {
      const { action } = content.value
      const contact = action?._tag === "update" ? action.value.contact : undefined
      return `contact ${contact?.identity} is now called “${contact?.nickname}”`
    }
    default:
      return content._tag
  }
}
