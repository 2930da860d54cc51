/**
 * What devices tell each other in boxes that the mediator cannot open: package `d2d`, one file a concept.
 *
 * Names of nested messages and enums are joined: `TransactionScope.Scope` is `TransactionScopeScope`.
 *
 * @since 0.1.0
 */
export * from "./d2d/DataSync.ts"
export * from "./d2d/DeviceBlobs.ts"
export * from "./d2d/Envelope.ts"
export * from "./d2d/GroupSync.ts"
export * from "./d2d/Messages.ts"
