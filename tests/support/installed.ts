/**
 * A repository that has this package installed as npm would install it: built, with its engines and nothing of the
 * sources.
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../harness/engine/registry.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";

/** A folder with `node_modules`, gone at the end of its scope. */
export interface Installed extends Disposable {
  readonly folder: string;
  /** Runs a JavaScript file below node_modules; standard output and error in the order in which they came. */
  run(script: string, args: readonly string[], environment?: Readonly<Record<string, string>>): Ended;
}

/** The result of a command. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** An environment in which no Python is found, by name or by path, and without this repository's settings. */
const withoutPython = { PATH: "/nonexistent", LOCKSTEP_PYTHON: "/nonexistent", LOCKSTEP_REFERENCE_PYTHON: "" };

/** The folder of the files that the build copies beside what it compiles. */
const kernels = "engines/typescript/kernels";

/** True for files of this package, false for what somebody installed in the example. */
const isOwn = (path: string): boolean =>
  !/node_modules|__pycache__|(python|transformers)\/tests/.test(path.slice(packageRoot.length));

/** The files that package.json publishes beside what is built, but for pages and goldens. */
function published(): string[] {
  const { files } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { files: string[] };
  const wanted = files.filter((pattern) => !/^(!.*|dist|docs|golden)$/.test(pattern));
  return globSync(wanted, { cwd: packageRoot });
}

/** Builds the package into a new folder and links what it depends on. */
export function installPackage(): Installed {
  const folder = testFolder();
  const modules = join(folder, "node_modules");
  const own = join(modules, "lockstep");
  mkdirSync(own, { recursive: true });
  for (const name of readdirSync(join(packageRoot, "node_modules")))
    if (!name.startsWith(".") && name !== "lockstep")
      symlinkSync(join(packageRoot, "node_modules", name), join(modules, name));
  for (const path of ["package.json", ...published()])
    cpSync(join(packageRoot, path), join(own, path), { recursive: true, filter: isOwn });
  const compiler = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
  const args = ["-p", join(packageRoot, "tsconfig.build.json"), "--outDir", join(own, "dist"), "--noCheck"];
  const { status, stdout } = spawnSync(process.execPath, [compiler, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the build failed: ${stdout}`);
  for (const name of ["kernels.wasm", "worker.mjs"])
    cpSync(join(packageRoot, kernels, name), join(own, "dist", kernels, name));
  return {
    folder,
    run(script, words, environment = {}) {
      const env = { ...process.env, ...withoutPython, NO_COLOR: "1", GITHUB_ACTIONS: "", ...environment };
      const ended = spawnSync(process.execPath, [join(modules, script), ...words], {
        ...{ cwd: folder, env, encoding: "utf8" },
      });
      return { code: ended.status, output: `${ended.stdout}${ended.stderr}` };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
