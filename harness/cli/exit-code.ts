import type { Verdict } from "../compare/verdict.ts";
import { exitCodes } from "../trace/errors.ts";

/** 4 when an engine broke, 1 when an expectation was not met, else 0. */
export function exitCodeFor(verdicts: readonly Verdict[]): number {
  if (verdicts.some(({ status: own }) => own === "error")) return exitCodes.engine;
  return verdicts.length > 0 && verdicts.every(({ met }) => met) ? exitCodes.pass : exitCodes.mismatch;
}
