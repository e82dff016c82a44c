/** Standard cases, and what a healthy engine's verdict of one is. */
import { expect } from "vitest";
import type { Case } from "../../harness/case/case.ts";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import type { RunOptions } from "../../harness/run/live.ts";
import { defaultLimit, runCase } from "../../harness/run/live.ts";
import { livePool } from "./live.ts";

export const standardCases = await loadCases(standardFolders.cases);

/** The standard cases that compare values, and those of shapes alone. */
export const runs = standardCases.filter(({ kind }) => kind === "run");
export const shapes = standardCases.filter(({ kind }) => kind === "shapes");

/** Every site of a case is compared with the live reference, and green alone and in the run. */
export async function expectGreen(
  testCase: Case,
  seed: number,
  dtype: NonNullable<RunOptions["dtype"]> = "float32",
): Promise<void> {
  const verdict = await runCase(livePool!, testCase, { seed, dtype });
  expect(verdict.met, renderVerdict(verdict)).toBe(true);
  expect(verdict.coverage.compared).toBe(verdict.coverage.total);
  expect(verdict.coverage.total).toBeGreaterThan(20);
  expect(verdict.worst!.ratio).toBeLessThan(defaultLimit);
  expect(verdict.sites.every(({ local }) => local?.status === "pass")).toBe(true);
  // Nothing to explain, and no one was asked to: an explanation belongs to a culprit.
  expect([verdict.culprit, verdict.culprits]).toEqual([null, []]);
}
