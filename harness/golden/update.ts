/** Recording goldens: all that are named, or only those that are new or stale. */
import { existsSync, readFileSync } from "node:fs";
import type { GoldenFile } from "./format/files.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "../case/case.ts";
import { selectCases } from "../case/discover.ts";
import type { EnginePool } from "../engine/pool.ts";
import { kindOf } from "./kinds.ts";
import { obsoleteGoldens } from "./format/files.ts";

/**
 * The cases that patterns name; of all cases, those that a golden can be of: it draws the weights, so they have none of
 * their own.
 */
export function goldenCases(all: readonly Case[], patterns: readonly string[]): Case[] {
  const chosen = selectCases(all, patterns);
  return patterns.length > 0 ? chosen : chosen.filter(({ checkpoint }) => checkpoint === undefined);
}

/** Records the golden of a case. Returns the file. */
export async function recordCase(pool: EnginePool, testCase: Case, folder: string): Promise<string> {
  const { golden } = kindOf(testCase);
  return golden.write(folder, await golden.record(pool, testCase));
}

/**
 * Says why the golden of a case has to be recorded (again): "new", what is stale, or that it can't be read; null when
 * it is as it should be.
 */
export function whyRecord(folder: string, testCase: Case): string | null {
  const { golden } = kindOf(testCase);
  const path = golden.path(folder, testCase);
  if (!existsSync(path)) return "new";
  try {
    return golden.stale(golden.parse(readFileSync(path), path, testCase), testCase);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.message.split("; record it")[0]!;
  }
}

/** A golden that was recorded, and why. */
export interface Updated {
  readonly case: string;
  readonly file: string;
  readonly why: string;
}

/**
 * Records what is new or stale of the cases' goldens. Nothing is started, no Python needed, where all are as they
 * should be.
 */
export async function* updateGoldens(
  pool: EnginePool,
  cases: readonly Case[],
  folder: string,
): AsyncGenerator<Updated> {
  for (const testCase of cases) {
    const why = whyRecord(folder, testCase);
    if (why !== null) yield { case: testCase.name, why, file: await recordCase(pool, testCase, folder) };
  }
}

/**
 * The goldens that no case has. @throws UsageError where there are no cases at all: that is a wrong folder, not a
 * reason to remove everything.
 */
export function findObsolete(folder: string, cases: readonly Case[]): GoldenFile[] {
  if (cases.length === 0)
    throw new UsageError(`expected cases beside ${folder}, found none: no golden can be judged obsolete`);
  return obsoleteGoldens(folder, {
    files: new Set(cases.map((testCase) => kindOf(testCase).golden.path(folder, testCase))),
    named: new Set(cases.filter((testCase) => kindOf(testCase).hasValues).map(({ name }) => name)),
  });
}
