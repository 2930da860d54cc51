/**
 * A frame of a type that this version does not know.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { constructing } from "../Constructor.ts"

/**
 * A frame of a type that this version does not know, kept as it came.
 *
 * @category frames
 * @since 0.1.0
 */
export class Unknown extends Schema.Opaque<Unknown>()(
  constructing(
    "container",
    Schema.TaggedStruct("Unknown", {
      /** The type byte. */
      type: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xff }, { expected: "a byte" })),
      /** Everything behind the 4-byte container header, as a view of the frame. */
      payload: Schema.Uint8Array
    })
  )
) {}
