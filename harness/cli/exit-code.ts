import type { Verdict } from "../verdict/schema.ts";
import { exitCodes } from "../trace/errors.ts";

/**
 * 4 when an engine broke, else 3 for what the machine lacks, else 2 for what the caller must mend, else 1 when an
 * expectation was not met, else 0.
 */
export function exitCodeFor(verdicts: readonly Verdict[]): number {
  const kinds = verdicts.filter(({ status }) => status === "error").map(({ error }) => error?.kind ?? "engine");
  for (const kind of ["engine", "environment", "usage"] as const) if (kinds.includes(kind)) return exitCodes[kind];
  return verdicts.length > 0 && verdicts.every(({ met }) => met) ? exitCodes.pass : exitCodes.mismatch;
}
