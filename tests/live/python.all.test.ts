/** The Python package's own tests, run with the interpreter of its locked environment. */
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { packageRoot, referenceEngine } from "../../harness/engine/registry.ts";
import { requirementFiles } from "../../harness/engine/pool.ts";
import { locateEnvironment } from "../../harness/setup/python.ts";
import { livePool } from "../support/live.ts";

describe.skipIf(livePool === null)("the Python reference", () => {
  it("passes its own tests", async () => {
    const { python } = await locateEnvironment(requirementFiles(referenceEngine()));
    const tests = join(packageRoot, "engines", "transformers", "tests");
    const result = await execa(python, ["-m", "unittest", "discover", "-s", tests], { reject: false, all: true });
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toMatch(/Ran (\d{2,}) tests/);
  });
});
