import { existsSync, globSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { loadFaults, selectFaults } from "../engine/faults.ts";
import { codeRoot, packageRoot } from "../engine/registry.ts";
import { UsageError } from "../trace/errors.ts";
import { readUserFile } from "../trace/user-file.ts";
import type { Case, CaseDefinition } from "./case.ts";
import { defineCase } from "./case.ts";

/** The folder of the user's cases: `cases/` where they stand if it holds any, else this package's own. */
export function casesFolder(): string {
  const own = resolve("cases");
  return existsSync(own) && caseFiles(own).length > 0 ? own : join(codeRoot, "cases");
}

/** Goldens lie beside the cases. */
export function goldenFolder(): string {
  const cases = casesFolder();
  return join(cases === join(codeRoot, "cases") ? packageRoot : dirname(cases), "golden");
}

/** The cases and goldens that come with lockstep, wherever it is called. */
export const standardFolders = { cases: join(codeRoot, "cases"), golden: join(packageRoot, "golden") } as const;

function caseFiles(folder: string): string[] {
  return globSync("**/*.case.{ts,js}", { cwd: folder })
    .filter((file) => !file.endsWith(".d.ts"))
    .toSorted()
    .map((file) => join(folder, file));
}

/**
 * Loads every `*.case.ts` of the folder; each exports `cases: Case[]`.
 * @throws UsageError for a file without that export, or two cases of one name.
 */
export async function loadCases(folder: string): Promise<Case[]> {
  const all: Case[] = [];
  for (const file of caseFiles(folder)) {
    for (const testCase of await loadCaseFile(file)) {
      if (all.some(({ name }) => name === testCase.name))
        throw new UsageError(`${file}: case ${testCase.name} is defined twice`);
      all.push(testCase);
    }
  }
  return all;
}

/**
 * The cases of one file. @throws UsageError when there is no such file, it can't be imported, or it does not export
 * cases.
 */
export async function loadCaseFile(file: string): Promise<Case[]> {
  readUserFile(file, "a case file, or the name of a case"); // a folder, a pipe or what can't be read is refused so
  const { cases, ...others } = (await importFile(file)) as { cases?: unknown };
  const expected = `${file}: expected an export \`cases\`, an array made with defineCase`;
  if (cases === undefined) throw new UsageError(`${expected}, found ${Object.keys(others).join(", ") || "no exports"}`);
  if (!Array.isArray(cases)) throw new UsageError(`${expected}, found ${typeof cases}`);
  if (cases.length === 0) throw new UsageError(`${expected}, found one that is empty: no case would be run`);
  return Promise.all(
    cases.map(async (one: CaseDefinition) => ({ ...(await withFault(checked(file, one))), file: resolve(file) })),
  );
}

/** Checks what a file exports as a case again: it may have been written without `defineCase`. */
function checked(file: string, definition: CaseDefinition): Case {
  try {
    return defineCase(definition);
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}

/** Imports a file of the user. @throws UsageError with what it throws, and the line where it does. */
async function importFile(file: string): Promise<object> {
  const { href } = pathToFileURL(resolve(file));
  try {
    return (await import(href)) as object;
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${file}: ${error.message}`);
    const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    const line = stack.split(href)[1]?.match(/^:(\d+)/)?.[1];
    throw new UsageError(
      `${file}${line === undefined ? "" : `, line ${line}`}: can't be imported, ${name}: ${message.split("\n")[0]}; expected a case file`,
    );
  }
}

/** A case with the fault that its `faultId` names. @throws UsageError where no engine has such a fault. */
async function withFault(testCase: Case): Promise<Case> {
  const { faultId, fault } = testCase;
  if (faultId === undefined || fault !== undefined) return testCase;
  const [known] = selectFaults(await loadFaults(), [faultId]);
  return { ...testCase, fault: known!.spec };
}

/**
 * A file relative to the repository that holds it (the nearest folder with `.git`), else to where this runs; with `/`.
 */
export function repositoryPath(file: string): string {
  const root = (folder: string): string =>
    existsSync(join(folder, ".git")) ? folder : dirname(folder) === folder ? process.cwd() : root(dirname(folder));
  return relative(root(dirname(resolve(file))), resolve(file))
    .split(sep)
    .join("/");
}

/**
 * Returns the cases that a command line names: those of files (`reports/minimised/x.case.ts`), and those of the folder
 * that match the other patterns; all of the folder when nothing is named.
 * @throws UsageError as `loadCaseFile` and `selectCases` do.
 */
export async function findCases(named: readonly string[], folder = casesFolder()): Promise<Case[]> {
  const [files, patterns] = [true, false].map((want) => named.filter((name) => /\.[tj]s$/.test(name) === want));
  const ofFiles = (await Promise.all(files!.map(loadCaseFile))).flat();
  if (patterns!.length === 0 && ofFiles.length > 0) return ofFiles;
  return [...ofFiles, ...selectCases(await loadCases(folder), patterns!)];
}

/**
 * The cases that match one of the patterns (`gemma4_unified`, `gemma4_unified/text`, `*\/audio`); all when there are
 * none.
 * @throws UsageError for a pattern that matches nothing, listing what there is.
 */
export function selectCases(all: readonly Case[], patterns: readonly string[]): Case[] {
  if (patterns.length === 0) return [...all];
  const chosen = new Set<Case>();
  for (const pattern of patterns) {
    const matching = all.filter(({ name }) => matches(name, pattern));
    if (matching.length === 0)
      throw new UsageError(
        `no case matches ${JSON.stringify(pattern)}; there are ${all.map(({ name }) => name).join(", ")}`,
      );
    for (const testCase of matching) chosen.add(testCase);
  }
  return all.filter((testCase) => chosen.has(testCase));
}

function matches(name: string, pattern: string): boolean {
  if (name === pattern || name.startsWith(`${pattern}/`)) return true;
  const expression = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${expression.join(".*")}$`).test(name);
}
