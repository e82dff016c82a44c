/** A failing case minimised with live engines: how small it gets, and that the written file fails in the same way. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeCaseFile } from "../../harness/case/case-file.ts";
import { loadCaseFile, loadCases, standardFolders } from "../../harness/case/discover.ts";
import { plant } from "../../harness/selftest/faults.ts";
import { loadFaults, selectFaults } from "../../harness/engine/faults.ts";
import { runCase } from "../../harness/run/live.ts";
import { minimiseCase } from "../../harness/minimise/minimise.ts";
import { UsageError } from "../../harness/trace/errors.ts";
import { livePool } from "../support/live.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";

const cases = await loadCases(standardFolders.cases);
const [fault] = selectFaults(await loadFaults(), ["candle-mpt-cache-after-repeat"]);
const testCase = plant(fault!, cases);

const folder = testFolder();

describe.skipIf(livePool === null)("a decode step that is not stored in the cache", () => {
  const request = { testCase, engine: "typescript", seconds: 3600, progress: () => undefined };

  it("needs two phases, two tokens and one layer, and the file says so too", async () => {
    const verdict = await runCase(livePool!, testCase, { explain: 0 });
    expect(verdict.culprit).toMatchObject({ site: "cache.0.key", phase: "decode:1" });
    const {
      testCase: smallest,
      inputs,
      before,
      after,
      ...rest
    } = await minimiseCase(livePool!, { ...request, verdict });
    expect(before).toMatchObject({ phases: 10, tokens: 14, layers: 9 });
    expect(after).toMatchObject({ phases: 2, tokens: 2, layers: 1 });
    expect(after.parameters).toBeLessThan(1000);
    expect(rest).toMatchObject({ seed: 0, done: true });

    const file = join(folder, "small.case.ts");
    writeCaseFile(file, { testCase: { ...smallest, name: "minimised/small" }, inputs, comment: ["small"] });
    const [loaded] = await loadCaseFile(file);
    const again = await runCase(livePool!, loaded!, { explain: 0 });
    expect(again.culprit).toMatchObject({ site: "cache.0.key", why: { kind: "shape" } });
  });

  it("is not minimised when the verdict's failure is not there any more", async () => {
    const verdict = await runCase(livePool!, testCase, { explain: 0 });
    const { fault: _, faultId: __, ...healthy } = testCase;
    const mended = minimiseCase(livePool!, { ...request, testCase: healthy, verdict });
    await expect(mended).rejects.toThrow(UsageError);
    await expect(mended).rejects.toThrow(
      "gemma4_unified/decode run again ends in pass; expected the failure of the verdict: make the verdict again",
    );
  });
});
