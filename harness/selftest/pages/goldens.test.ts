import { describe, expect, it } from "vitest";
import type { Measured } from "./calibration.ts";
import type { GoldenRow } from "./goldens.ts";
import {
  countGolden,
  goldenSectionOf,
  isGoodEnough,
  liveFigures,
  renderGoldenSection,
  withGoldenSection,
} from "./goldens.ts";

const row = (id: string, located: GoldenRow["located"], where = ""): GoldenRow => ({
  ...{ id, title: `about ${id}`, category: "norm", at: "model.norm:out", located, where, worst: 2.5 },
});
const rows = [
  row("a", "exact", "model.norm:out in prefill"),
  row("b", "parent", "model:out in prefill"),
  row("c", "undetected"),
];
const run = (variant: string, alarm: string | null = null): Measured => ({
  ...{ variant, case: "tiny/text", dtype: "float32", seed: 0, alarm, sites: 10, unknown: 0, local: 0, where: "" },
  ...{ accumulated: 1.5, ratios: [] },
});
const live = "**9 of 10 detected (90.0 %), 8 at the exact site (80.0 %)**, 1 at its module, 0 elsewhere.";

describe("the section about goldens", () => {
  it("has both selftests' figures, what was not found where it is, and the right engines", () => {
    const section = renderGoldenSection(
      rows,
      [run("one"), run("one"), run("two", "norm: 5x noise")],
      liveFigures(live),
    );
    expect(section).toMatchInlineSnapshot(`
      "## With goldens, without Python

      Written by \`lockstep selftest --golden --write\`: the same faults, checked against the recorded references in float32.

      | | |
      |---|---|
      | goldens | **2 of 3 detected (66.7 %), 1 at the exact site (33.3 %)** |
      | live, above | 9 of 10 detected (90.0 %), 8 at the exact site (80.0 %) |
      | false alarms of goldens | **1** in 3 runs of engines that are right, 30 sites |

      Missed, or found elsewhere:

      - \`b\` (about b): parent, at \`model:out in prefill\`; it is at \`model.norm:out\`
      - \`c\` (about c): no site is above 2.50x noise; it is at \`model.norm:out\`

      Engines that are right, each rounding in its own way:

      | engine | cases | sites | worst ratio | alarms |
      |---|--:|--:|--:|--:|
      | one | 2 | 20 | 1.50x | 0 |
      | two | 1 | 10 | 1.50x | 1 |

      - false alarm: two, \`tiny/text\`: norm: 5x noise
      "
    `);
  });

  it("says so when there are no live figures", () => {
    expect(renderGoldenSection(rows, [], liveFigures("# Selftest"))).toContain("| live, above | not measured |");
  });

  it("replaces the old one and leaves the rest of the page; the live selftest leaves it", () => {
    const section = renderGoldenSection(rows, [], null);
    const page = withGoldenSection("# Selftest\n\nlive\n", section);
    expect(page).toBe(`# Selftest\n\nlive\n\n${section}`);
    expect(goldenSectionOf(page)).toBe(section);
    expect(withGoldenSection(page, section)).toBe(page);
    expect(withGoldenSection(page, null)).toBe("# Selftest\n\nlive\n");
    expect(goldenSectionOf("# Selftest\n")).toBeNull();
  });

  it("is not taken for the live figures", () => {
    expect(liveFigures(withGoldenSection(live, renderGoldenSection(rows, [], null)))).toEqual({
      detected: 9,
      total: 10,
      exact: 8,
    });
    expect(liveFigures(renderGoldenSection(rows, [], null))).toBeNull();
  });
});

describe("goldens are good enough", () => {
  const healthy = [run("one")];
  const figures = (detected: number, exact: number) => ({ total: 100, detected, exact });

  it("from 95 % detected and 80 % located on, without a false alarm", () => {
    expect(isGoodEnough(figures(95, 80), healthy)).toBe(true);
    expect(isGoodEnough(figures(94, 94), healthy)).toBe(false);
    expect(isGoodEnough(figures(100, 79), healthy)).toBe(false);
    expect(isGoodEnough(figures(100, 100), [...healthy, run("two", "norm: 5x noise")])).toBe(false);
  });

  it("never where nothing was measured", () => {
    expect(isGoodEnough(countGolden([]), healthy)).toBe(false);
    expect(isGoodEnough(figures(100, 100), [])).toBe(false);
  });
});
