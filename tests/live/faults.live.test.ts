/** Known porting bugs, planted in the TypeScript engine: each must fail, and be located where it is. */
import { describe, expect, it } from "vitest";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import { locate, plant } from "../../harness/selftest/faults.ts";
import { loadFaults } from "../../harness/engine/faults.ts";
import { runCase } from "../../harness/run/live.ts";
import { runShapesCase } from "../../harness/run/shapes.ts";
import { livePool } from "../support/live.ts";

const cases = await loadCases(standardFolders.cases);
const everyFault = await loadFaults();
/** One of each category: `lockstep selftest` runs them all and writes docs/selftest.md. */
const faults = [...Map.groupBy(everyFault, ({ category }) => category).values()].map(([first]) => first!);

it("there are at least 60 faults of 15 categories", () => {
  expect(everyFault.length).toBeGreaterThanOrEqual(60);
  expect(faults.length).toBeGreaterThanOrEqual(15);
});

describe.skipIf(livePool === null)("a planted fault is located:", () => {
  it.each(faults)("$category, $id", async (fault) => {
    const found = plant(fault, cases);
    const verdict = found.kind === "shapes" ? await runShapesCase(livePool!, found) : await runCase(livePool!, found);
    expect(verdict.status).not.toBe("pass");
    const where = `${verdict.culprit?.site} in ${verdict.culprit?.phase}, expected ${fault.at}`;
    expect(["exact", "parent"], where).toContain(locate(fault, verdict));
  });
});
