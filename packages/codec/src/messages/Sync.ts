/**
 * What the devices of a group keep in step: package `d2d_sync`, one file a concept.
 *
 * Names of nested messages and enums are joined: `Contact.VerificationLevel` is `ContactVerificationLevel`.
 *
 * @since 0.1.0
 */
export * from "./sync/Contact.ts"
export * from "./sync/ContactOverrides.ts"
export * from "./sync/Conversation.ts"
export * from "./sync/DistributionList.ts"
export * from "./sync/Group.ts"
export * from "./sync/MdmParameters.ts"
export * from "./sync/MessagePolicies.ts"
export * from "./sync/Settings.ts"
export * from "./sync/UserProfile.ts"
export * from "./sync/Work.ts"
