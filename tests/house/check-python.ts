/**
 * The part of `npm run check` that is about the Python packages: ruff (format and rules) and pyright (types). Ruff is
 * installed into the cache on first use; pyright reads the packages that the reference's environment has. What can't be
 * checked on this machine is said in one line and fails nothing.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { execa } from "execa";
import { requirementFiles } from "../../harness/engine/pool.ts";
import { packageRoot, referenceEngine } from "../../harness/engine/registry.ts";
import { cacheDirectory, cacheFolder } from "../../harness/setup/cache.ts";
import type { Python } from "../../harness/setup/python.ts";
import { findPython, locateEnvironment } from "../../harness/setup/python.ts";

const folder = join(packageRoot, "engines");
const skipped = (what: string, why: string): void => console.error(`python  ${what} skipped: ${why}`);

const python = await findPython();
if (python === null) skipped("checks", "there is no Python 3.11 or newer here");
else {
  const ruff = await ruffOf(python);
  if (ruff !== null && !(await ruffPasses(ruff))) process.exitCode = 1;
  if (!(await typesPass())) process.exitCode = 1;
}

/** The ruff that engines/checks.txt pins, installed on first use; null, said aloud, where it can't be had. */
async function ruffOf({ command, version }: Python): Promise<string | null> {
  const requirements = join(folder, "checks.txt");
  const key = hashOf(version, readFileSync(requirements, "utf8"));
  const home = join(cacheDirectory(), "python-checks", key);
  if (!existsSync(join(home, "complete"))) {
    rmSync(home, { recursive: true, force: true });
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--require-hashes",
      "-r",
      requirements,
    ];
    for (const [program, args] of [
      [command, ["-m", "venv", home]],
      [join(home, "bin", "python"), pip],
    ] as const) {
      const { exitCode, stderr } = await execa(program, args, { reject: false });
      if (exitCode === 0) continue;
      skipped("format and rules", `ruff can't be installed: ${String(stderr).trim().split("\n").at(-1)}`);
      return null;
    }
    writeFileSync(join(home, "complete"), "");
  }
  return join(home, "bin", "ruff");
}

async function ruffPasses(ruff: string): Promise<boolean> {
  const results = [
    await execa(ruff, ["format", "--quiet", "--diff", "."], { cwd: folder, reject: false, stdio: "inherit" }),
    await execa(ruff, ["check", "--quiet", "."], { cwd: folder, reject: false, stdio: "inherit" }),
  ];
  return results.every(({ exitCode }) => exitCode === 0);
}

/** True when pyright finds nothing. Unchanged sources that have passed are not read again: that takes a minute. */
async function typesPass(): Promise<boolean> {
  const environment = await locateEnvironment(requirementFiles(referenceEngine()));
  if (!environment.ready) {
    skipped("types", "the reference's environment is not there yet; npm start makes it");
    return true;
  }
  const require = createRequire(import.meta.url);
  const sources = globSync("**/*.{py,json,toml}", { cwd: folder }).toSorted();
  const contents = sources.flatMap((name) => [name, readFileSync(join(folder, name), "utf8")]);
  const key = hashOf(environment.folder, readFileSync(require.resolve("pyright/package.json"), "utf8"), ...contents);
  const passed = join(cacheFolder("python-checks"), "types-passed");
  if (existsSync(passed) && readFileSync(passed, "utf8") === key) return true;
  const args = [
    require.resolve("pyright"),
    "--project",
    join(folder, "pyright.json"),
    "--pythonpath",
    environment.python,
  ];
  const { exitCode } = await execa(process.execPath, args, { reject: false, stdio: "inherit" });
  if (exitCode === 0) writeFileSync(passed, key);
  return exitCode === 0;
}

function hashOf(...parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 16);
}
