/** The standard cases in the narrower dtypes, and healthy engines that round in their own way in all of them. */
import { describe, expect, it } from "vitest";
import { measureHealthy } from "../../harness/selftest/calibrate.ts";
import { healthyFolders, loadHealthy, planHealthy } from "../../harness/selftest/healthy.ts";
import { expectGreen, runs, standardCases } from "../support/green.ts";
import { livePool } from "../support/live.ts";

const plan = planHealthy(await loadHealthy(healthyFolders()), standardCases);

describe.skipIf(livePool === null).each(["bfloat16", "float16"] as const)("%s", (dtype) => {
  it.each(runs.filter(({ expect: wanted }) => wanted === "pass"))("$name", (testCase) =>
    expectGreen(testCase, 0, dtype),
  );
});

describe.skipIf(livePool === null)("a healthy engine", () => {
  it.each(plan)("$variant.title is green on $found.name in $dtype, seed $seed", async (run) => {
    for await (const { alarm } of measureHealthy(livePool!, [run])) expect(alarm).toBeNull();
  });
});
