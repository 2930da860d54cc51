import { inMemory } from "./InMemoryTarget.ts"
import { memory } from "./KeptStore.ts"
import { runScenarios } from "./runScenarios.ts"

runScenarios(inMemory(memory), "in-memory")
