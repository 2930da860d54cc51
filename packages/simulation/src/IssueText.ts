/**
 * What is wrong with something that a person wrote: what was expected, what was found in its place, and where.
 *
 * Owns the words for issues of a schema. Which schema it is, and what the error is called, is up to whoever checks.
 *
 * @since 0.1.0
 */
import { Formatter, Result, Schema, type SchemaAST, SchemaIssue } from "effect"

/** How a value is looked at: a key that means nothing would be something else misspelled. */
const strictly = { onExcessProperty: "error", reportInput: true } as const

/** So much of a value is told. */
const longest = 60

const valueText = (value: unknown): string => {
  const text = Formatter.format(value)
  return text.length <= longest ? text : `${text.slice(0, longest)}…`
}

type Path = ReadonlyArray<PropertyKey>

const told = (path: Path, expected: string, issue: SchemaIssue.Issue): string => {
  const found = SchemaIssue.hasInput(issue) ? `, found ${valueText(issue.input)}` : ""
  return said(path, `expected ${expected}${found}`)
}

const said = (path: Path, text: string): string =>
  path.length === 0 ? text : `${text}, at ${path.map(String).join(".")}`

/** What a schema expects, in a few words. */
const expectedBy = (ast: SchemaAST.AST): string =>
  SchemaIssue.defaultLeafHook(new SchemaIssue.InvalidType(ast)).replace(/^Expected /, "")

/** The `_tag` of each member of a tagged union; nothing where it is another one. */
const tagsOf = (ast: SchemaAST.AST): ReadonlyArray<string> | undefined => {
  if (ast._tag !== "Union") return undefined
  const tags = ast.types.flatMap((member) => {
    if (member._tag !== "Objects") return []
    const tag = member.propertySignatures.find(({ name }) => name === "_tag")?.type
    return tag?._tag === "Literal" ? [String(tag.literal)] : []
  })
  return tags.length > 0 && tags.length === ast.types.length ? tags : undefined
}

const untagged = (issue: SchemaIssue.Issue, tags: ReadonlyArray<string>, path: Path): string => {
  const input: unknown = SchemaIssue.hasInput(issue) ? issue.input : undefined
  const isTagged = typeof input === "object" && input !== null && "_tag" in input
  if (!isTagged) return told(path, `an object with the _tag ${tags.join(", ")}`, issue)
  return said([...path, "_tag"], `expected ${tags.join(", ")}, found ${valueText(input._tag)}`)
}

const keysOf = (ast: SchemaAST.AST): string =>
  ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => String(name)).join(", ") : ""

const linesOf = (issue: SchemaIssue.Issue, path: Path, expected?: string): ReadonlyArray<string> => {
  switch (issue._tag) {
    case "Filter": {
      const { annotations } = issue.filter
      return linesOf(issue.issue, path, typeof annotations?.expected === "string" ? annotations.expected : expected)
    }
    case "Encoding":
      return linesOf(issue.issue, path, expected)
    case "Pointer":
      return linesOf(issue.issue, [...path, ...issue.path])
    case "Composite":
      return issue.issues.flatMap((inner) => linesOf(inner, path, expected))
    case "AnyOf": {
      if (issue.issues.length > 0) return issue.issues.flatMap((inner) => linesOf(inner, path, expected))
      const tags = tagsOf(issue.ast)
      return [tags === undefined ? told(path, expectedBy(issue.ast), issue) : untagged(issue, tags, path)]
    }
    case "InvalidType":
      return [told(path, expectedBy(issue.ast), issue)]
    case "InvalidValue": {
      const message = issue.annotations?.["message"]
      return [typeof message === "string" ? said(path, message) : told(path, expected ?? "a valid value", issue)]
    }
    case "MissingKey":
      return [said(path, "expected a value, found none")]
    case "UnexpectedKey":
      return [said(path, `a key that means nothing: the keys are ${keysOf(issue.ast)}`)]
    default:
      return [said(path, SchemaIssue.defaultLeafHook(issue))]
  }
}

/** Checks that a value is what a schema describes, and fails with what is wrong with it. */
export const checkedBy = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S
): ((value: unknown) => Result.Result<S["Type"], string>) => {
  const decode = Schema.decodeUnknownResult(schema, strictly)
  return (value) => Result.mapError(decode(value), ({ issue }) => linesOf(issue, []).join("; "))
}
