/**
 * How many bytes a store command is.
 *
 * Owns one number for two uses: the room that a batch for the store's thread needs, to the byte, and how much waits for the
 * store.
 *
 * @since 0.1.0
 */
import type { StoreCommand } from "./StoreCommand.ts"

/** The bytes of a command with everything in it, one field behind the other. */
export const sizeOf = (command: StoreCommand): number => {
  switch (command._tag) {
    case "RegisterSlot":
      return 32 + command.encryptedDeviceInfo.length
    case "DropSlot":
      return 12
    case "DisconnectSlot":
    case "IssueId":
    case "Ack":
      return 20
    case "Append":
      return 32 + command.envelope.length + 16 * command.to.length
    case "SetSharedData":
      return 8 + command.encryptedSharedDeviceData.length
  }
}
