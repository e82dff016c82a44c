/** The standard cases against the live reference and against the goldens: every site compared, worst ratio below the limit, on three seeds. */
import { describe, expect, it } from "vitest";
import { goldenFolder, loadCases, standardFolders } from "../../harness/case/discover.ts";
import { checkGolden } from "../../harness/golden/check.ts";
import { defaultLimit, runCase } from "../../harness/run/live.ts";
import { runShapesCase } from "../../harness/run/shapes.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { livePool, offlinePool } from "../support/live.ts";

const all = await loadCases(standardFolders.cases);
const runs = all.filter(({ kind }) => kind === "run");
const shapes = all.filter(({ kind }) => kind === "shapes");

describe.skipIf(livePool === null)("live reference", () => {
  describe.each([0, 1, 2])("seed %i", (seed) => {
    it.each(runs)("$name", async (found) => {
      const verdict = await runCase(livePool!, found, { seed });
      expect(verdict.met, renderVerdict(verdict)).toBe(true);
      expect(verdict.coverage.compared).toBe(verdict.coverage.total);
      expect(verdict.coverage.total).toBeGreaterThan(20);
      expect(verdict.worst!.ratio).toBeLessThan(defaultLimit);
      expect(verdict.sites.every(({ local }) => local?.status === "pass")).toBe(true);
      // Nothing to explain, and no one was asked to: an explanation belongs to a culprit.
      expect([verdict.culprit, verdict.culprits]).toEqual([null, []]);
    });
  });

  it.each(shapes)("$name", async (found) => {
    const verdict = await runShapesCase(livePool!, found);
    expect(verdict.met, renderVerdict(verdict)).toBe(true);
    expect(verdict.coverage.total).toBeGreaterThan(1000);
    if (found.expect === "pass") expect(verdict.coverage.compared).toBe(verdict.coverage.total);
  });
});

describe("goldens, without Python", () => {
  it.each(runs)("$name", async (found) => {
    const verdict = await checkGolden(offlinePool, found, { folder: goldenFolder() });
    expect(verdict.met, renderVerdict(verdict)).toBe(true);
    expect(verdict.coverage.compared).toBe(verdict.coverage.total);
  });
});
