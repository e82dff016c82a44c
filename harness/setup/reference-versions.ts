/**
 * Other versions of transformers than the locked one, each in an environment of its own that shares the locked one's
 * torch.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { EnvironmentError, UsageError } from "../trace/errors.ts";
import { cacheDirectory } from "./cache.ts";
import { withLock } from "./lock.ts";
import { PythonUnavailable, ensureEnvironment } from "./python.ts";
import { makeFolder } from "../trace/make-folder.ts";

/** The roles by which a version of the reference may be asked for, in place of its number. */
export const referenceRoles = ["pinned", "newest", "previous"] as const;

/** True for the number of a release or a pre-release: `5.23.0`, `5.0.0rc1`, `5.1.0.dev0`. */
export function isVersion(text: string): boolean {
  return /^\d+(\.\d+)*([a-z]+\d+)?(\.(dev|post)\d+)?$/.test(text);
}

/** The version that requirement files pin. @throws EnvironmentError when none of them does. */
export function pinnedVersion(requirements: readonly string[]): string {
  for (const file of requirements) {
    const match = /^transformers==([\w.]+)/m.exec(readFileSync(file, "utf8"));
    if (match) return match[1]!;
  }
  throw new EnvironmentError(`none of ${requirements.join(", ")} pins transformers==<version>`);
}

/**
 * The version that a role or a number stands for: `newest` is the highest release that pip offers, `previous` the
 * highest below the pinned one.
 * @throws UsageError for what is neither, EnvironmentError when pip can't say
 */
export async function resolveVersion(
  role: string,
  { pinned, available }: { pinned: string; available: () => Promise<readonly string[]> },
): Promise<string> {
  if (role === "pinned") return pinned;
  if (/^\d+(\.\d+)+$/.test(role)) return role;
  if (role !== "newest" && role !== "previous")
    throw new UsageError(`expected ${referenceRoles.join(", ")} or a version such as 5.23.0, found ${role}`);
  const releases = (await available()).filter((version) => /^\d+(\.\d+)+$/.test(version));
  const wanted = role === "newest" ? releases : releases.filter((version) => compareVersions(version, pinned) < 0);
  const [highest] = wanted.toSorted((a, b) => compareVersions(b, a));
  if (highest === undefined)
    throw new EnvironmentError(`pip offers no ${role} version of transformers beside ${pinned}`);
  return highest;
}

/** Compares two versions: below 0 when `a` is the older one. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let place = 0; place < Math.max(left!.length, right!.length); place++) {
    const difference = (left![place] ?? 0) - (right![place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** All versions of transformers that pip offers to this interpreter. @throws EnvironmentError when it can't ask */
export async function availableVersions(python: string): Promise<string[]> {
  const args = ["-m", "pip", "index", "versions", "transformers", "--disable-pip-version-check"];
  const { exitCode, stdout, stderr, shortMessage } = await execa(python, args, { reject: false, timeout: 60_000 });
  const list = /^Available versions: (.+)$/m.exec(stdout ?? "")?.[1];
  if (exitCode !== 0 || !list)
    throw new EnvironmentError(
      `pip can't say which versions of transformers there are: ${(stderr || shortMessage || "no list").split("\n").at(-1)}; name versions (--reference pinned 5.23.0), or only pinned`,
    );
  return list.split(",").map((version) => version.trim());
}

/**
 * The interpreter of an environment with this version of transformers, made on first use: a venv that sees the packages
 * of the pinned environment behind its own, so that torch is there once. It can't be locked by hashes: pip chooses what
 * else the version needs. `report` is told each step.
 * @throws PythonUnavailable when pip can't install it or it can't be imported
 */
export async function ensureReference(
  version: string,
  requirements: readonly string[],
  report: (line: string) => void,
): Promise<string> {
  if (!isVersion(version))
    // it becomes a path and a word for pip, and may come out of a file
    throw new UsageError(
      `expected a version of transformers such as 5.23.0, found ${JSON.stringify(version.slice(0, 80))}`,
    );
  const { python: base, folder: baseFolder } = await ensureEnvironment(requirements, report);
  if ((await installedVersion(base)) === version) return base;
  const hash = createHash("sha256").update(`${baseFolder}\0${version}`).digest("hex").slice(0, 16);
  const folder = join(cacheDirectory(), "python", `transformers-${version}-${hash}`);
  const python = join(folder, "bin", "python");
  if (existsSync(join(folder, "complete"))) return python;
  const waiting = (holder: number | null): void =>
    report(`setup  process ${holder ?? "?"} is making the environment of transformers ${version}: waiting for it`);
  return withLock(`${folder}.lock`, waiting, async () => {
    if (existsSync(join(folder, "complete"))) return python; // by the one that was waited for
    report(`setup  transformers ${version}: making its environment once, beside the pinned one`);
    const fresh = `${folder}.tmp`;
    for (const left of [fresh, folder]) rmSync(left, { recursive: true, force: true });
    try {
      await make(fresh, base, version);
      renameSync(fresh, folder);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    return python;
  });
}

async function make(folder: string, base: string, version: string): Promise<void> {
  makeFolder(dirname(folder));
  await step(base, ["-m", "venv", folder]);
  const python = join(folder, "bin", "python");
  const shared = await purelib(base);
  writeFileSync(join(await purelib(python), "lockstep_shared.pth"), `${shared}\n`);
  await step(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `transformers==${version}`]);
  const found = await installedVersion(python);
  if (found !== version)
    throw new PythonUnavailable(`${folder}: expected transformers ${version}, found ${found ?? "none that imports"}`);
  writeFileSync(join(folder, "complete"), `${new Date().toISOString()}\n`);
}

async function purelib(python: string): Promise<string> {
  return step(python, ["-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]);
}

/** The version of transformers that an interpreter sees, without importing it; null where it has none. */
async function installedVersion(python: string): Promise<string | null> {
  const script = "import importlib.metadata as m; print(m.version('transformers'))";
  const { exitCode, stdout } = await execa(python, ["-c", script], { reject: false });
  return exitCode === 0 ? stdout.trim() : null;
}

/** Characters of a line of pip that are told: it lists every version that there is. */
const longestLine = 160;

async function step(command: string, args: readonly string[]): Promise<string> {
  const result = await execa(command, args, { reject: false, all: true, stdin: "ignore" });
  if (result.exitCode === 0) return result.stdout.trim();
  const lines = (result.all || result.shortMessage || "").trim().split("\n");
  const tail = lines
    .slice(-4)
    .map((line) => line.slice(0, longestLine))
    .join("\n");
  throw new PythonUnavailable(`${command} ${args.slice(0, 3).join(" ")} failed:\n${tail}`);
}
