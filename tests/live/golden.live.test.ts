/** The goldens of this repository: complete, small, and what the reference gives today. */
import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { GoldenDiff } from "../../harness/golden/diff.ts";
import { goldenFolder, loadCases, standardFolders } from "../../harness/case/discover.ts";
import { compareGoldens, folderSource, freshSource } from "../../harness/golden/source.ts";
import { findObsolete, goldenCases, whyRecord } from "../../harness/golden/update.ts";
import { livePool } from "../support/live.ts";

const cases = await loadCases(standardFolders.cases);
const folder = goldenFolder();

it("every case has a fresh golden, and every golden a case", () => {
  const outdated = goldenCases(cases, []).map(
    (testCase) => `${testCase.name}: ${whyRecord(folder, testCase) ?? "fresh"}`,
  );
  expect(outdated.filter((line) => !line.endsWith(": fresh"))).toEqual([]);
  expect(findObsolete(folder, cases)).toEqual([]);
});

it("each is below 100 KB, all together below 5 MB", () => {
  const sizes = globSync("**/*.{golden,json}", { cwd: folder }).map((file) => ({
    file,
    bytes: statSync(join(folder, file)).size,
  }));
  expect(sizes.filter(({ bytes }) => bytes >= 100_000)).toEqual([]);
  expect(sizes.reduce((total, { bytes }) => total + bytes, 0)).toBeLessThan(5_000_000);
});

describe.skipIf(livePool === null)("a fresh recording", () => {
  // Padding, a router, an encoder-decoder, shapes.
  it.each(["gemma4_unified/left_padded", "deepseek_v3/chunked", "whisper/speech", "seed/gemma4_unified_12b"])(
    "of %s changes nothing",
    async (name) => {
      const testCase = cases.find((one) => one.name === name)!;
      const { diff } = (await compareGoldens(testCase, folderSource(folder), freshSource(livePool!))) as {
        diff: GoldenDiff;
      };
      expect(diff).toMatchObject({ added: [], removed: [], kinds: [], bits: [], moved: [] });
      expect(diff.compared).toBeGreaterThan(400);
    },
  );

  it("of another config says what is different", async () => {
    const testCase = cases.find(({ name }) => name === "llama/chunked")!;
    const other = { ...testCase, config: { ...testCase.config, rms_norm_eps: 0.5 } };
    const { diff } = (await compareGoldens(other, folderSource(folder), freshSource(livePool!))) as {
      diff: GoldenDiff;
    };
    const own = diff.head.filter(({ place }) => place !== "python" && place !== "torch"); // of this machine
    expect(own.map(({ place }) => place)).toEqual(["config"]);
    expect(diff.moved[0]).toMatchObject({ place: "model.layers.0.input_layernorm:out in chunk:0" });
    expect(diff.moved[0]!.ratio).toBeGreaterThan(1e5);
  });
});
