/**
 * What an organisation's device management prescribes: parameters by name, from two sources.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"

/**
 * Which source of a parameter wins when both set it (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const MdmParametersParameterPrecedence = Protobuf.openEnum("d2d_sync.MdmParameters.ParameterPrecedence", {
  THREEMA: 0,
  EXTERNAL: 1
})

/**
 * A number of {@link MdmParametersParameterPrecedence}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type MdmParametersParameterPrecedence = number

/**
 * The value of one device management parameter (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParametersParameter extends Schema.Opaque<MdmParametersParameter>()(
  Protobuf.message("d2d_sync.MdmParameters.Parameter", "The value of one device management parameter", {
    value: Protobuf.oneof("The value, of the type the parameter has", {
      stringValue: Protobuf.string(1, "A text"),
      booleanValue: Protobuf.bool(2, "A yes or no"),
      integerValue: Protobuf.uint64(3, "A number")
    })
  })
) {}

/**
 * All device management parameters that apply to the user (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParameters extends Schema.Opaque<MdmParameters>()(
  Protobuf.message("d2d_sync.MdmParameters", "All device management parameters that apply to the user", {
    externalParameters: Protobuf.mapByString(
      Protobuf.embed(MdmParametersParameter, 1, "Parameters of an external device management, by name")
    ),
    threemaParameters: Protobuf.mapByString(
      Protobuf.embed(MdmParametersParameter, 2, "Parameters of Threema's own device management, by name")
    ),
    parameterPrecedence: Protobuf.enumeration(
      MdmParametersParameterPrecedence,
      3,
      "Which source wins when both set a parameter"
    )
  })
) {}
