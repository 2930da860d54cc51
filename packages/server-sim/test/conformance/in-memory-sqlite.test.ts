import { inMemory } from "./InMemoryTarget.ts"
import { sqlite } from "./KeptStore.ts"
import { runScenarios } from "./runScenarios.ts"

runScenarios(inMemory(sqlite()), "in-memory")
