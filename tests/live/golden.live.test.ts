/** The goldens of this repository: complete, small, and able to tell where a fault is without Python. */
import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { GoldenDiff } from "../../harness/golden/diff.ts";
import { goldenFolder, loadCases, standardFolders } from "../../harness/case/discover.ts";
import { loadFaults } from "../../harness/engine/faults.ts";
import { plantAgainstGoldens } from "../../harness/selftest/goldens.ts";
import { compareGoldens, folderSource, freshSource } from "../../harness/golden/source.ts";
import { findObsolete, goldenCases, whyRecord } from "../../harness/golden/update.ts";
import { livePool, offlinePool } from "../support/live.ts";

const cases = await loadCases(standardFolders.cases);
const folder = goldenFolder();

/** Faults whose error is below the limit in the run as a whole: the live reference finds them by their direction. */
const belowNoise = new Set([
  "eps-rounded-to-fp16",
  "eps-one-percent-off",
  "rsqrt-approximate",
  "softmax-log2e-rounded",
]);

it("every case has a fresh golden, and every golden a case", () => {
  const outdated = goldenCases(cases, []).map((found) => `${found.name}: ${whyRecord(folder, found) ?? "fresh"}`);
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

it("one fault of each category is found at the exact site", async () => {
  const all = await loadFaults();
  const faults = [...Map.groupBy(all, ({ category }) => category).values()]
    .map((own) => own.find(({ id }) => !belowNoise.has(id))!)
    .filter((fault) => cases.some(({ name }) => name === fault.case));
  expect(faults.length).toBeGreaterThan(40);
  for await (const { id, found, where, at } of plantAgainstGoldens(offlinePool, { faults, cases }, { folder }))
    expect(`${id}: ${found}`, `${where}, expected ${at}`).toBe(`${id}: exact`);
});

it("what is below the noise of the run as a whole is not found: that needs the live reference", async () => {
  const faults = (await loadFaults()).filter(({ id }) => belowNoise.has(id));
  expect(faults).toHaveLength(belowNoise.size);
  for await (const { id, found } of plantAgainstGoldens(offlinePool, { faults, cases }, { folder }))
    expect(`${id}: ${found}`).toBe(`${id}: undetected`);
});

describe.skipIf(livePool === null)("a fresh recording", () => {
  // Padding, a router, an encoder-decoder, shapes.
  it.each(["gemma4_unified/left_padded", "deepseek_v3/chunked", "whisper/speech", "seed/gemma4_unified_12b"])(
    "of %s changes nothing",
    async (name) => {
      const found = cases.find((one) => one.name === name)!;
      const { diff } = (await compareGoldens(found, folderSource(folder), freshSource(livePool!))) as {
        diff: GoldenDiff;
      };
      expect(diff).toMatchObject({ added: [], removed: [], kinds: [], bits: [], moved: [] });
      expect(diff.compared).toBeGreaterThan(400);
    },
  );

  it("of another config says what is different", async () => {
    const found = cases.find(({ name }) => name === "llama/chunked")!;
    const other = { ...found, config: { ...found.config, rms_norm_eps: 0.5 } };
    const { diff } = (await compareGoldens(other, folderSource(folder), freshSource(livePool!))) as {
      diff: GoldenDiff;
    };
    const own = diff.head.filter(({ place }) => place !== "python" && place !== "torch"); // of this machine
    expect(own.map(({ place }) => place)).toEqual(["config"]);
    expect(diff.moved[0]).toMatchObject({ place: "model.layers.0.input_layernorm:out in chunk:0" });
    expect(diff.moved[0]!.ratio).toBeGreaterThan(1e5);
  });
});
