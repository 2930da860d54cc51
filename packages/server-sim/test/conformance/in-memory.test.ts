import { inMemory } from "./InMemoryTarget.ts"
import { runScenarios } from "./runScenarios.ts"

runScenarios(inMemory, "in-memory")
