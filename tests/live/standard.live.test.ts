/**
 * The standard cases against the live reference and against the goldens: every site compared, worst ratio below the
 * limit.
 */
import { describe, expect, it } from "vitest";
import { goldenFolder } from "../../harness/case/discover.ts";
import { checkGolden } from "../../harness/golden/check.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { runShapesCase } from "../../harness/run/shapes.ts";
import { expectGreen, runs, shapes } from "../support/green.ts";
import { livePool, offlinePool } from "../support/live.ts";

describe.skipIf(livePool === null)("live reference", () => {
  it.each(runs)("$name", (testCase) => expectGreen(testCase, 0));

  it.each(shapes)("$name", async (testCase) => {
    const verdict = await runShapesCase(livePool!, testCase);
    expect(verdict.met, renderVerdict(verdict)).toBe(true);
    expect(verdict.coverage.total).toBeGreaterThan(1000);
    if (testCase.expect === "pass") expect(verdict.coverage.compared).toBe(verdict.coverage.total);
  });
});

describe("goldens, without Python", () => {
  it.each(runs)("$name", async (testCase) => {
    const verdict = await checkGolden(offlinePool, testCase, { folder: goldenFolder() });
    expect(verdict.met, renderVerdict(verdict)).toBe(true);
    expect(verdict.coverage.compared).toBe(verdict.coverage.total);
  });
});
