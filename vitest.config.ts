import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    // Every core: most of a run is loading modules and waiting for processes.
    maxWorkers: "100%",
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 15_000,
    hookTimeout: 15_000,
    teardownTimeout: 5_000,
    // The file is what .ci/run counts from.
    reporters: process.env["CI"] === undefined ? ["default"] : ["default", ["json", { outputFile: ".tmp/vitest.json" }]]
  }
})
