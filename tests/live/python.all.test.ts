/** The Python packages' own tests, run with the interpreter of the reference's locked environment. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { packageRoot, referenceEngine } from "../../harness/engine/registry.ts";
import { requirementFiles } from "../../harness/engine/pool.ts";
import { locateEnvironment } from "../../harness/setup/python.ts";
import { livePool } from "../support/live.ts";

const suites = globSync("engines/*/tests", { cwd: packageRoot }).toSorted();

describe.skipIf(livePool === null)("the Python packages", () => {
  it("have tests", () => {
    expect(suites).toEqual(["engines/python/tests", "engines/transformers/tests"]);
  });

  it.each(suites)("pass those in %s", async (suite) => {
    const { python } = await locateEnvironment(requirementFiles(referenceEngine()));
    const tests = join(packageRoot, suite);
    const result = await execa(python, ["-m", "unittest", "discover", "-s", tests], { reject: false, all: true });
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toMatch(/Ran (\d{2,}) tests/);
  });
});
