/** The goldens of this repository tell where a fault is, without Python. */
import { expect, it } from "vitest";
import { goldenFolder, loadCases, standardFolders } from "../../harness/case/discover.ts";
import { loadFaults } from "../../harness/engine/faults.ts";
import { plantAgainstGoldens } from "../../harness/selftest/goldens.ts";
import { offlinePool } from "../support/live.ts";

const [cases, faults] = await Promise.all([loadCases(standardFolders.cases), loadFaults()]);
const setting = { folder: goldenFolder() };

/** Faults whose error is below the limit in the run as a whole: the live reference finds them by their direction. */
const belowNoise = new Set([
  "eps-rounded-to-fp16",
  "eps-one-percent-off",
  "rsqrt-approximate",
  "softmax-log2e-rounded",
]);

it.each(faults.filter(({ id }) => !belowNoise.has(id)))("$category, $id is found at the exact site", async (fault) => {
  for await (const { located, where, at } of plantAgainstGoldens(offlinePool, { faults: [fault], cases }, setting))
    expect(located, `${where}, expected ${at}`).toBe("exact");
});

it("what is below the noise of the run as a whole is not found: that needs the live reference", async () => {
  const weak = faults.filter(({ id }) => belowNoise.has(id));
  expect(weak).toHaveLength(belowNoise.size);
  for await (const { id, located } of plantAgainstGoldens(offlinePool, { faults: weak, cases }, setting))
    expect(`${id}: ${located}`).toBe(`${id}: undetected`);
});
