/**
 * Builds what is published: compiles every package from nothing, packs it as a registry would get it, lets publint and attw
 * look at each tarball, and sees to it that no link of its README leads nowhere. Leaves `dist` in the packages and the
 * tarballs in `.tmp/pack`.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const packed = Path.join(root, ".tmp", "pack")

interface Manifest {
  readonly private?: boolean
  readonly repository?: unknown
  readonly publishConfig?: { readonly provenance?: boolean }
}

const manifestOf = (name: string): Manifest =>
  JSON.parse(Fs.readFileSync(Path.join(root, "packages", name, "package.json"), "utf8")) as Manifest
const isPublished = (name: string): boolean => manifestOf(name).private !== true
const names = Fs.readdirSync(Path.join(root, "packages")).filter(isPublished)

/** Runs a tool of the workspace and gives what it printed, which is shown when it fails; then the build ends. */
const run = (command: string, args: ReadonlyArray<string>, cwd = root): string => {
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
  return stdout
}

/** What is wrong with the README of a package for who has nothing but its tarball, and with what a registry is told of it. */
const publishedFaults = (name: string, tarball: string): ReadonlyArray<string> => {
  const files = new Set(run("tar", ["-tzf", tarball]).split("\n"))
  const readme = run("tar", ["-xzOf", tarball, "package/README.md"])
  const links = Array.from(readme.matchAll(/\]\((?!\w+:|#)([^)\s#]+)/g), ([, link]) => link!)
  const { publishConfig, repository } = manifestOf(name)
  return [
    ...links
      .filter((link) => !files.has(Path.posix.join("package", link)))
      .map((link) => `its README links to ${link}, which is not in the tarball`),
    // A registry takes a provenance only of a package that names the repository it was built from.
    ...(publishConfig?.provenance === true && repository === undefined ? ["provenance without a repository"] : [])
  ]
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
  const faults = publishedFaults(name, tarball)
  for (const fault of faults) console.error(`build: @d2m/${name}: ${fault}`)
  if (faults.length > 0) process.exit(1)
  console.log(`built and packed: @d2m/${name}`)
}
