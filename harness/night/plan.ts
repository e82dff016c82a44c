/** Plans the jobs of a night: cases x engines x dtypes x versions of the reference. Pure but for the cases' inputs. */
import type { Asked } from "./history/record.ts";
import { hashConfig } from "../case/config-hash.ts";
import type { Case } from "../case/case.ts";
import type { RunOptions } from "../run/live.ts";
import { kindOf } from "../golden/kinds.ts";

/** The text that stands for a version that could not be found out. */
export const unknownVersion = "?";

/** A version of the reference and the roles that it plays. */
export interface ReferenceChoice {
  /** `5.24.0`, or `unknownVersion`. */
  readonly version: string;
  readonly roles: readonly string[];
}

/** One comparison of a night. Without its case it travels between machines. */
export interface Job {
  readonly testCase: Case;
  /** The engine as `--engine` takes it. */
  readonly engine: string;
  readonly dtype: NonNullable<RunOptions["dtype"]> | "shapes";
  readonly seed: number;
  readonly limit: number;
  readonly reference: ReferenceChoice;
}

/**
 * All jobs of a night, those of one reference together. Cases of shapes have no dtype and come once. A case's own
 * engine is used where none is asked for; a case with a planted fault is one of its own engine alone, and is left out
 * for others.
 */
export function planJobs(
  cases: readonly Case[],
  { engines, dtypes, seed, limit }: Pick<Asked, "engines" | "dtypes" | "seed" | "limit">,
  references: readonly ReferenceChoice[],
): Job[] {
  const jobs: Job[] = [];
  for (const reference of references)
    for (const testCase of cases)
      for (const engine of enginesOf(testCase, engines))
        for (const dtype of kindOf(testCase).dtypes(dtypes))
          jobs.push({ ...{ testCase, engine, seed, limit, reference }, dtype: dtype as Job["dtype"] });
  return jobs;
}

function enginesOf(testCase: Case, asked: readonly string[]): readonly string[] {
  if (asked.length === 0) return [testCase.engine];
  return testCase.fault === undefined ? asked : asked.filter((engine) => engine === testCase.engine);
}

/** Roles that stand for the same version, as one; in the order in which they were asked for. */
export function mergeRoles(resolved: readonly { role: string; version: string }[]): ReferenceChoice[] {
  const choices = new Map<string, string[]>();
  for (const { role, version } of resolved) {
    const key = version === unknownVersion ? `${unknownVersion}${role}` : version; // what is not known may not be the same
    choices.set(key, [...new Set([...(choices.get(key) ?? []), role])]);
  }
  return [...choices].map(([key, roles]) => ({
    version: key.startsWith(unknownVersion) ? unknownVersion : key,
    roles,
  }));
}

/** Names what is asked for: nights are compared with those of the same scope. */
export function scopeOf(asked: Asked): string {
  return hashConfig(asked).slice(0, 12);
}

/** The title of a job in lines for people. */
export function jobTitle({ testCase, engine, dtype, reference }: Job): string {
  return `${testCase.name}  ${engine}  ${dtype}  transformers ${reference.version}`;
}
