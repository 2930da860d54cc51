/**
 * Builds what is published: compiles every package from nothing, packs it as a registry would get it and lets
 * publint and attw look at each tarball. Leaves `dist` in the packages and the tarballs in `.tmp/pack`.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const packed = Path.join(root, ".tmp", "pack")
const isPublished = (name: string): boolean => {
  const manifest: unknown = JSON.parse(Fs.readFileSync(Path.join(root, "packages", name, "package.json"), "utf8"))
  return !(typeof manifest === "object" && manifest !== null && "private" in manifest && manifest.private === true)
}
const names = Fs.readdirSync(Path.join(root, "packages")).filter(isPublished)

/** Runs a tool of the workspace; what it printed is shown, and the build ends, only when it fails. */
const run = (command: string, args: ReadonlyArray<string>, cwd = root): void => {
  const path = [Path.join(root, "node_modules", ".bin"), process.env["PATH"]].join(Path.delimiter)
  const { error, status, stdout, stderr } = ChildProcess.spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH: path }
  })
  if (error !== undefined) throw error
  if (status !== 0) {
    console.error(`${stdout}${stderr}build: ${command} ${args.join(" ")} failed`)
    process.exit(1)
  }
}

Fs.rmSync(packed, { recursive: true, force: true })
Fs.mkdirSync(packed, { recursive: true })
for (const name of names) {
  const folder = Path.join(root, "packages", name)
  Fs.rmSync(Path.join(folder, "dist"), { recursive: true, force: true })
  Fs.rmSync(Path.join(folder, "tsconfig.tsbuildinfo"), { force: true })
}
run("tsc", ["-b", ...names.map((name) => `packages/${name}`)])

for (const name of names) {
  const tarball = Path.join(packed, `${name}.tgz`)
  run("pnpm", ["pack", "--out", tarball], Path.join(root, "packages", name))
  run("publint", ["run", tarball, "--strict"])
  run("attw", [tarball, "--profile", "esm-only", "--no-emoji"])
  console.log(`built and packed: @d2m/${name}`)
}
