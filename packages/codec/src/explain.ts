/**
 * Explains the wire: what every byte of a frame or message is, and where the declarations put it.
 *
 * An entry of its own, so that nobody who only speaks the protocol carries the explanations.
 *
 * @since 0.1.0
 */
export { type Opener, openWith } from "./explain/BoxMap.ts"
export * from "./explain/ByteMap.ts"
export { enums, type FrameDeclaration, frames, messages } from "./explain/Declarations.ts"
export * from "./explain/Fields.ts"
export { directionOf, explainClientFrame, explainServerFrame } from "./explain/FrameMap.ts"
export { layoutOf, type LayoutRow, type MessageRow, messageRows, typeOf } from "./explain/Layout.ts"
export { type ExplainOptions, explainMessage } from "./explain/MessageMap.ts"
export { quoted, words } from "./explain/Words.ts"
