/** The suite claims every row of table D and every decision, or says why it cannot. */
import { assert, describe, it } from "@effect/vitest"
import type { Claim } from "./Scenario.ts"
import { notAtTheWire, themes } from "./scenarios/index.ts"

const scenarios = Object.values(themes).flat()
const claimed = new Set<Claim>(scenarios.flatMap(({ shows }) => shows))
const claims: ReadonlyArray<Claim> = [
  ...Array.from({ length: 34 }, (_, index): Claim => `D${index + 1}`),
  ...Array.from({ length: 28 }, (_, index): Claim => `0.${index + 1}`)
]

describe("coverage of PROTOCOL", () => {
  it("every row and decision is shown by a scenario or listed with a reason", () => {
    assert.deepStrictEqual(
      claims.filter((claim) => !claimed.has(claim) && notAtTheWire[claim] === undefined),
      []
    )
  })

  it("nothing is both shown and listed, and nothing is claimed that does not exist", () => {
    assert.deepStrictEqual(
      [...claimed].filter((claim) => notAtTheWire[claim] !== undefined),
      []
    )
    assert.deepStrictEqual(
      [...claimed].filter((claim) => !claims.includes(claim)),
      []
    )
  })

  it("a row that both targets can show is not shown on WebSockets only", () => {
    const everywhere = new Set<Claim>(scenarios.flatMap(({ only, shows }) => (only === undefined ? shows : [])))
    assert.deepStrictEqual(
      [...claimed].filter((claim) => !everywhere.has(claim)),
      []
    )
  })

  it("titles tell scenarios apart", () => {
    const titles = scenarios.map(({ title }) => title)
    assert.deepStrictEqual(
      titles.filter((title, index) => titles.indexOf(title) !== index),
      []
    )
  })
})
