/** Recording goldens: all that are named, or only those that are new or stale. */
import { hashConfig, writeGolden } from "../golden/format.ts";
import type { GoldenFile } from "../golden/files.ts";
import { obsoleteGoldens } from "../golden/files.ts";
import { writeShapesGolden } from "../golden/shapes.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "./case.ts";
import { selectCases } from "./discover.ts";
import type { EnginePool } from "./engines.ts";
import { recordGolden } from "./golden-record.ts";
import { whyRecord } from "./golden-stale.ts";
import { recordShapes } from "./shapes.ts";

/** The cases that patterns name; of all cases, those that a golden can be of: it draws the weights, so they have none of their own. */
export function goldenCases(all: readonly Case[], patterns: readonly string[]): Case[] {
  const chosen = selectCases(all, patterns);
  return patterns.length > 0 ? chosen : chosen.filter(({ checkpoint }) => checkpoint === undefined);
}

/** Records the golden of a case. Returns the file. */
export async function recordCase(pool: EnginePool, found: Case, folder: string): Promise<string> {
  return found.kind === "shapes"
    ? writeShapesGolden(folder, await recordShapes(pool, found))
    : writeGolden(folder, await recordGolden(pool, found));
}

/** A golden that was recorded, and why. */
export interface Updated {
  readonly case: string;
  readonly file: string;
  readonly why: string;
}

/** Records what is new or stale of the cases' goldens. Nothing is started, no Python needed, where all are as they should be. */
export async function* updateGoldens(
  pool: EnginePool,
  cases: readonly Case[],
  folder: string,
): AsyncGenerator<Updated> {
  for (const found of cases) {
    const why = whyRecord(folder, found);
    if (why !== null) yield { case: found.name, why, file: await recordCase(pool, found, folder) };
  }
}

/** The goldens that no case has. @throws UsageError where there are no cases at all: that is a wrong folder, not a reason to remove everything. */
export function findObsolete(folder: string, cases: readonly Case[]): GoldenFile[] {
  if (cases.length === 0)
    throw new UsageError(`expected cases beside ${folder}, found none: no golden can be judged obsolete`);
  return obsoleteGoldens(folder, {
    runs: new Set(cases.filter(({ kind }) => kind === "run").map(({ name }) => name)),
    configs: new Set(cases.filter(({ kind }) => kind === "shapes").map(({ config }) => hashConfig(config))),
  });
}
