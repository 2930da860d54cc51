/**
 * The D2M mediator: a pure core, what it writes down, and a shell that runs it in memory.
 *
 * Imports nothing of a platform; the WebSocket server is `@d2m/server-sim/node`.
 *
 * @since 0.1.0
 */
export * from "./ChatUpstream.ts"
export * from "./Decision.ts"
export { Fault, type Direction, type FrameFault, type FrameMatch, InjectError } from "./Fault.ts"
export * from "./GuardEvent.ts"
export type { DeviceView, GroupView } from "./GroupView.ts"
export * from "./Hardships.ts"
export * from "./Input.ts"
export { InvariantViolation } from "./Invariant.ts"
export type { JournalConnection, JournalEntry, JournalPlace } from "./Journal.ts"
export type { Link } from "./Link.ts"
export type { LinkLatency, LinkOptions } from "./LinkOptions.ts"
export * from "./Mediator.ts"
export * from "./MediatorOptions.ts"
export * from "./MediatorStore.ts"
export * from "./Output.ts"
export { layerGuardWatch } from "./observe/GuardWatch.ts"
export { layerLog } from "./observe/MediatorLog.ts"
export { layerSpans } from "./observe/MediatorSpans.ts"
export type { EndedBy, Traffic } from "./observe/Meter.ts"
export type { Happening, ObservedConnection, Observer } from "./observe/Observer.ts"
export type { Position } from "./PositionQueue.ts"
export {
  type Connection,
  type DeviceSlot,
  type Environment,
  type Group,
  groupKeyOf,
  knowsGroup,
  makeState,
  positionOf,
  reflectedIdOf,
  type SealedMessage,
  type Session,
  type SilenceDeadline,
  type State,
  type TransactionLock,
  type WaitingEnded,
  type WaitingEphemeral
} from "./State.ts"
export { checkState } from "./StateInvariants.ts"
export { step } from "./Step.ts"
export type { Moment } from "./Moment.ts"
export * from "./StoreCommand.ts"
export type { Attachment, Transport } from "./Transport.ts"
