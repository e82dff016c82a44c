/** Sources of the goldens of a comparison: a folder, what git has of it at a revision, or a fresh recording. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, relative, resolve, sep } from "node:path";
import type { GoldenDiff } from "./diff.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { kindOf } from "./kinds.ts";

/** Goldens of one origin. */
export interface GoldenSource {
  readonly title: string;
  /** The golden of a case, null where there is none. @throws UsageError for one that can't be read. */
  read(testCase: Case): Promise<object | null>;
}

/** The outcome of comparing the two goldens of a case. */
export type Compared =
  | { readonly case: string; readonly state: "only before" | "only after" | "in neither" }
  | { readonly case: string; readonly state: "unreadable"; readonly reason: string }
  | { readonly case: string; readonly state: "compared"; readonly diff: GoldenDiff };

/** The goldens of a folder. */
export function folderSource(folder: string): GoldenSource {
  return fileSource(folder, folder, (file) => (existsSync(file) ? readFileSync(file) : null));
}

/**
 * The goldens that `--against` names: a folder, else a git revision, of which the files of `folder` are read.
 * @throws UsageError for what is neither.
 */
export function sourceAgainst(against: string, folder: string): GoldenSource {
  if (existsSync(against) && statSync(against).isDirectory()) return folderSource(against);
  const git = (...words: string[]): Buffer | null => {
    try {
      return execFileSync("git", words, {
        cwd: dirname(resolve(folder)),
        stdio: ["ignore", "pipe", "ignore"],
        maxBuffer: 2 ** 30,
      });
    } catch {
      return null;
    }
  };
  const commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", `${against}^{commit}`)?.toString().trim();
  if (!commit)
    throw new UsageError(
      `--against ${against}: expected a folder of goldens or a git revision, found neither in ${dirname(resolve(folder))}`,
    );
  return fileSource(against, folder, (file) => {
    const path = relative(folder, file).split(sep).join("/");
    return git("show", `${commit}:./${basename(resolve(folder))}/${path}`);
  });
}

/** Recordings made now. */
export function freshSource(pool: EnginePool): GoldenSource {
  return {
    title: "a fresh recording",
    read: async (testCase) => (await kindOf(testCase).golden.record(pool, testCase)) as object,
  };
}

/** Compares what two sources have of a case. */
export async function compareGoldens(testCase: Case, before: GoldenSource, after: GoldenSource): Promise<Compared> {
  const { name } = testCase;
  try {
    const [old, fresh] = [await before.read(testCase), await after.read(testCase)];
    if (!old || !fresh) return { case: name, state: old ? "only before" : fresh ? "only after" : "in neither" };
    const diff = kindOf(testCase).golden.diff(testCase, old, fresh);
    return { case: name, state: "compared", diff };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { case: name, state: "unreadable", reason: error.message };
  }
}

function fileSource(title: string, folder: string, bytesOf: (file: string) => Uint8Array | null): GoldenSource {
  return {
    title,
    read: async (testCase) => {
      const { golden } = kindOf(testCase);
      const file = golden.path(folder, testCase);
      const bytes = bytesOf(file);
      return bytes && (golden.parse(bytes, file, testCase) as object);
    },
  };
}
