/**
 * Healthy engines that round in their own way are green: what `lockstep calibrate` measures at length, here for three
 * of them.
 */
import { describe, expect, it } from "vitest";
import { measureHealthy } from "../../harness/selftest/calibrate.ts";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import { healthyFolders, loadHealthy, planHealthy } from "../../harness/selftest/healthy.ts";
import { livePool } from "../support/live.ts";

const [cases, variants] = [await loadCases(standardFolders.cases), await loadHealthy(healthyFolders())];
const plan = planHealthy(variants, cases);

it("there are at least 40 runs of the tiny cases alone", () => {
  expect(plan.filter(({ testCase }) => testCase.name.startsWith("gemma4_unified/")).length).toBeGreaterThanOrEqual(40);
});

describe.skipIf(livePool === null)("a healthy engine", () => {
  it.each([
    ["PyTorch, scaled_dot_product_attention", "float32"],
    ["sums over K one by one", "float32"],
    ["one token at a time", "bfloat16"],
  ])("with %s is green in %s", async (title, dtype) => {
    const run = plan.find((one) => one.variant.title === title && one.dtype === dtype);
    for await (const { alarm, sites, unknown, local } of measureHealthy(livePool!, [run!])) {
      expect(alarm).toBeNull();
      expect(sites).toBeGreaterThan(1000);
      expect(unknown > 0).toBe(title.includes("scaled_dot_product"));
      expect(local).toBeGreaterThan(0.5);
      expect(local).toBeLessThan(4);
    }
  });
});
