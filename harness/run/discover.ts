import { existsSync, globSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { codeRoot, packageRoot } from "../engine/registry.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "./case.ts";

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
    const loaded = (await import(pathToFileURL(file).href)) as { cases?: Case[] };
    if (!Array.isArray(loaded.cases))
      throw new UsageError(`${file}: expected an export \`cases\`, an array made with defineCase`);
    for (const found of loaded.cases) {
      if (all.some(({ name }) => name === found.name))
        throw new UsageError(`${file}: case ${found.name} is defined twice`);
      all.push(found);
    }
  }
  return all;
}

/**
 * The cases that match one of the patterns (`gemma4_unified`, `gemma4_unified/text`, `*\/audio`); all when there are none.
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
    for (const found of matching) chosen.add(found);
  }
  return all.filter((found) => chosen.has(found));
}

function matches(name: string, pattern: string): boolean {
  if (name === pattern || name.startsWith(`${pattern}/`)) return true;
  const expression = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${expression.join(".*")}$`).test(name);
}
