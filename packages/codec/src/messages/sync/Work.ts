/**
 * What only members of a Work subscription have: availability and credentials.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"

/**
 * Whether a person can be reached for work (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const WorkAvailabilityStatusCategory = Protobuf.openEnum("d2d_sync.WorkAvailabilityStatusCategory", {
  /** Nothing is said about it. */
  NONE: 0,
  UNAVAILABLE: 1,
  BUSY: 2
})

/**
 * A number of {@link WorkAvailabilityStatusCategory}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type WorkAvailabilityStatusCategory = number

/**
 * Whether a person can be reached for work, and in their own words why not (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class WorkAvailabilityStatus extends Schema.Opaque<WorkAvailabilityStatus>()(
  Protobuf.message("d2d_sync.WorkAvailabilityStatus", "Whether a person can be reached for work", {
    category: Protobuf.enumeration(WorkAvailabilityStatusCategory, 1, "Kind of availability"),
    description: Protobuf.string(2, "What the person says about it")
  })
) {}

/**
 * The log-in of a Work subscription (PROTOCOL A5, sync). Secret.
 *
 * @category messages
 * @since 0.1.0
 */
export class ThreemaWorkCredentials extends Schema.Opaque<ThreemaWorkCredentials>()(
  Protobuf.message("d2d_sync.ThreemaWorkCredentials", "The log-in of a Work subscription", {
    username: Protobuf.string(1, "User name of the Work subscription"),
    password: Protobuf.string(2, "Password of the Work subscription; secret")
  })
) {}
