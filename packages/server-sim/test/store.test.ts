import { MediatorStore } from "@d2m/server-sim"
import { storeSuite } from "./store-suite.ts"

storeSuite("in memory", MediatorStore.layerMemory)
