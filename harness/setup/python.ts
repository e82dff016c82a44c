import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { execa } from "execa";
import { cacheDirectory } from "./cache.ts";
import { withLock } from "./lock.ts";

/** A Python interpreter of a usable version. */
export interface Python {
  readonly command: string;
  /** `3.11.7` */
  readonly version: string;
}

/** A Python environment that a lock of requirement files defines. */
export interface PythonEnvironment {
  readonly python: string;
  readonly ready: boolean;
  readonly folder: string;
}

/** The error that says why the Python reference can't be had: what was looked for and what to do. */
export class PythonUnavailable extends Error {
  override readonly name = "PythonUnavailable";
}

/**
 * `LOCKSTEP_PYTHON` where it is set, else the first of python3.11, 3.12, 3.13, python3 and python, that is version 3.11
 * or newer; null when there is none.
 */
export function findPython(): Promise<Python | null> {
  const key = `${process.env["LOCKSTEP_PYTHON"]}\0${process.env["PATH"]}`;
  const known = looks.get(key) ?? lookForPython();
  looks.set(key, known);
  return known;
}

/** A look takes a process or two; what it finds does not change while this process runs. */
const looks = new Map<string, Promise<Python | null>>();

async function lookForPython(): Promise<Python | null> {
  const configured = process.env["LOCKSTEP_PYTHON"];
  const candidates =
    configured !== undefined ? [configured] : ["python3.11", "python3.12", "python3.13", "python3", "python"];
  for (const command of candidates) {
    const probe = await execa(command, ["-c", "import sys, venv; print('%d.%d.%d' % sys.version_info[:3])"], {
      reject: false,
    });
    const version = typeof probe.stdout === "string" ? probe.stdout.trim() : "";
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (probe.exitCode === 0 && (major > 3 || (major === 3 && minor >= 11))) return { command, version };
  }
  return null;
}

/**
 * The environment for these requirement files: where it is or would be, and whether it is complete.
 * `LOCKSTEP_REFERENCE_PYTHON` names an interpreter that has the packages already and is used as it is.
 */
export async function locateEnvironment(requirements: readonly string[]): Promise<PythonEnvironment> {
  const own = process.env["LOCKSTEP_REFERENCE_PYTHON"];
  if (own) return { python: own, folder: own, ready: true };
  const python = await findPython();
  if (!python)
    throw new PythonUnavailable(
      "no Python 3.11 or newer with the venv module was found; install one, or name it in LOCKSTEP_PYTHON",
    );
  const hash = createHash("sha256").update(python.version);
  for (const file of requirements) hash.update(readFileSync(file));
  const folder = join(cacheDirectory(), "python", hash.digest("hex").slice(0, 16));
  return { python: join(folder, "bin", "python"), folder, ready: existsSync(join(folder, "complete")) };
}

/**
 * The environment for these requirement files, made on first use. A file whose lines carry `--hash` is installed with
 * hash checking. One process at a time makes it; others wait for it. `report` is told each step.
 * @throws PythonUnavailable when there is no Python or an install fails.
 */
export async function ensureEnvironment(
  requirements: readonly string[],
  report: (line: string) => void,
): Promise<PythonEnvironment> {
  const environment = await locateEnvironment(requirements);
  if (environment.ready) return environment;
  const waiting = (holder: number | null): void =>
    report(`setup  process ${holder ?? "?"} is making the reference's environment: waiting for it`);
  return withLock(`${environment.folder}.lock`, waiting, async () => {
    const made = await locateEnvironment(requirements); // by the one that was waited for
    return made.ready ? made : makeEnvironment(made, requirements, report);
  });
}

/** Makes an environment from nothing: what a process that was ended has left of it is removed. */
async function makeEnvironment(
  environment: PythonEnvironment,
  requirements: readonly string[],
  report: (line: string) => void,
): Promise<PythonEnvironment> {
  const python = (await findPython())!;
  rmSync(environment.folder, { recursive: true, force: true });
  report(`setup  Python ${python.version}: making the reference's environment once (1 to 3 minutes)`);
  await step(python.command, ["-m", "venv", environment.folder]);
  const index = await cpuIndex();
  for (const file of requirements) await install(environment.python, file, { index, report });
  if (!(await imports(environment.python))) {
    // A registry may hold only a CUDA build of torch, which needs its libraries to be imported at all.
    report("setup  this build of torch needs its CUDA libraries: installing them (several GB)");
    for (const file of requirements.filter((name) => !isHashed(name))) await pip(environment.python, ["-r", file]);
    if (!(await imports(environment.python)))
      throw new PythonUnavailable(`torch can't be imported in ${environment.folder}`);
  }
  writeFileSync(join(environment.folder, "complete"), `${new Date().toISOString()}\n`);
  return { ...environment, ready: true };
}

/** The CPU builds of torch, when their index answers soon. */
const torchCpuIndex = "https://download.pytorch.org/whl/cpu";

async function cpuIndex(): Promise<string | null> {
  try {
    const answer = await fetch(`${torchCpuIndex}/torch/`, { method: "HEAD", signal: AbortSignal.timeout(3000) });
    return answer.ok ? torchCpuIndex : null;
  } catch {
    return null;
  }
}

function isHashed(file: string): boolean {
  return readFileSync(file, "utf8").includes("--hash=");
}

async function install(
  python: string,
  file: string,
  { index, report }: { index: string | null; report: (line: string) => void },
): Promise<void> {
  report(`setup  pip install -r ${basename(file)}`);
  if (isHashed(file)) return pip(python, ["--no-deps", "--require-hashes", "-r", file]);
  return pip(python, ["--no-deps", ...(index ? ["--index-url", index] : []), "-r", file]);
}

async function pip(python: string, args: string[]): Promise<void> {
  await step(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...args]);
}

async function imports(python: string): Promise<boolean> {
  return (await execa(python, ["-c", "import torch, transformers"], { reject: false })).exitCode === 0;
}

async function step(command: string, args: string[]): Promise<void> {
  const result = await execa(command, args, { reject: false, all: true, stdin: "ignore" });
  if (result.exitCode === 0) return;
  const tail = (result.all ?? result.shortMessage ?? "").split("\n").slice(-6).join("\n");
  throw new PythonUnavailable(`${command} ${args.slice(0, 4).join(" ")} failed:\n${tail}`);
}
