/**
 * Constructors of frames, messages and scalars that say what is wrong with what they are given.
 *
 * Owns how the issue of a Schema becomes an `EncodeError`, in the words in which the encoders refuse the same value. What is
 * right goes the way of Effect's own `make`, and costs nothing more.
 *
 * @since 0.1.0
 */
import { type Schema, type SchemaAST, SchemaIssue, SchemaParser } from "effect"
import { EncodeError, kindOf } from "./EncodeError.ts"

/** Where a walk down an issue has got to. */
interface Place {
  readonly within: string
  readonly field: string | undefined
  /** The type of what should be there, where that is known. */
  readonly ast?: SchemaAST.AST
  readonly value: unknown
  /** The walk has not begun: `within` is its own name for what is there. */
  readonly isRoot: boolean
}

const annotation = (ast: SchemaAST.AST, key: "expected" | "identifier"): string | undefined => {
  const value = (ast.checks?.at(-1)?.annotations ?? ast.annotations)?.[key]
  return typeof value === "string" ? value : undefined
}

const propertyOf = (ast: SchemaAST.AST | undefined, key: PropertyKey): SchemaAST.AST | undefined =>
  ast?._tag === "Objects" ? ast.propertySignatures.find(({ name }) => name === key)?.type : undefined

const tagsOf = ({ types }: SchemaAST.Union): ReadonlyArray<string> =>
  types.flatMap((type) => {
    const tag = propertyOf(type, "_tag")
    return tag?._tag === "Literal" ? [String(tag.literal)] : []
  })

const tagOf = (value: unknown): string | undefined => {
  const tag = typeof value === "object" && value !== null && "_tag" in value ? value._tag : undefined
  return typeof tag === "string" ? tag : undefined
}

/** What a value of this type is, in the words of the encoders. */
const expectedOf = (ast: SchemaAST.AST | undefined): string => {
  switch (ast?._tag) {
    case "String":
      return annotation(ast, "expected") ?? "a string"
    case "Boolean":
      return "a boolean"
    case "Arrays":
      return "an array"
    case "Literal":
      return JSON.stringify(String(ast.literal))
    case "Objects":
      return `a ${annotation(ast, "identifier") ?? "struct"}`
    case "Union":
      return `one of ${tagsOf(ast).join(", ")}`
    case "Declaration": {
      const expected = annotation(ast, "expected")
      if (expected === "ReadonlyMap") return "a Map"
      return expected === "Uint8Array" ? "a Uint8Array" : (expected ?? "another value")
    }
    default:
      return (ast && annotation(ast, "expected")) ?? "another value"
  }
}

/** Elements of lists and maps, and the value of a oneof's member, belong to the field that they are in. */
const into = ({ ast, field, value, within }: Place, key: PropertyKey): Place => {
  const property = propertyOf(ast, key)
  let inside: unknown
  if (value instanceof Map && key === "entries") inside = [...value]
  else if (typeof value === "object" && value !== null) inside = Reflect.get(value, key)
  return { within, field: field ?? String(key), value: inside, isRoot: false, ...(property && { ast: property }) }
}

const refused = ({ field, within }: Place, expected: string, found: string): EncodeError =>
  new EncodeError({ within, ...(field === undefined ? {} : { field }), expected, found })

/** What is wrong first. */
const errorOf = (issue: SchemaIssue.Issue, place: Place): EncodeError => {
  switch (issue._tag) {
    case "Pointer":
      return errorOf(issue.issue, issue.path.reduce<Place>(into, place))
    case "Composite": {
      const isMessage = !place.isRoot && issue.ast._tag === "Objects"
      const name = isMessage ? annotation(issue.ast, "identifier") : undefined
      const inside = { ...place, ast: issue.ast }
      return errorOf(issue.issues[0], name === undefined ? inside : { ...inside, within: name, field: undefined })
    }
    case "AnyOf": {
      const [first] = issue.issues
      const tag = tagOf(place.value)
      if (first !== undefined) return errorOf(first, { ...place, field: tag })
      return refused(place, expectedOf(issue.ast), tag === undefined ? kindOf(place.value) : JSON.stringify(tag))
    }
    case "Filter":
    case "Encoding":
      return errorOf(issue.issue, place)
    case "InvalidType": {
      const isWhole = place.isRoot && issue.ast._tag === "Objects"
      return refused(place, isWhole ? "an object" : expectedOf(issue.ast), kindOf(place.value))
    }
    default:
      return refused(place, expectedOf(place.ast), kindOf(place.value))
  }
}

/**
 * The same schema, whose `make` throws an `EncodeError` about `within`, by its protocol name. Schemas that are derived from
 * it, other than by a class that extends it, have Effect's own `make` again.
 */
export const constructing = <S extends Schema.Top>(within: string, schema: S): S => {
  let construct: S["make"] | undefined
  const make: S["make"] = (input, options) => {
    construct ??= SchemaParser.make(schema)
    try {
      return construct(input, options)
    } catch (thrown) {
      const issue = thrown instanceof Error ? thrown.cause : undefined
      throw SchemaIssue.isIssue(issue)
        ? errorOf(issue, { within, field: undefined, value: input, isRoot: true })
        : thrown
    }
  }
  return Object.defineProperty(schema, "make", { value: make, enumerable: true })
}
