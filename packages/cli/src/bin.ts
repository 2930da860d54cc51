#!/usr/bin/env node
/**
 * The `d2m` program.
 *
 * @since 0.1.0
 */
import packageJson from "../package.json" with { type: "json" }
import { d2m } from "./index.ts"
import { runMain } from "./Run.ts"

runMain(d2m, packageJson.version)
