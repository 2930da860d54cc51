/**
 * The path of a file or folder, as an option or argument names it.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/** An empty one, of a variable that is not set, would be the folder that we are in. */
export const FilePath = Schema.String.check(Schema.isNonEmpty({ expected: "the path of a file or folder" }))
