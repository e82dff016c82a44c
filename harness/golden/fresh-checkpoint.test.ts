import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { writeGolden } from "./format/file.ts";
import { hashConfig } from "../case/config-hash.ts";
import type { Golden } from "./format/schema.ts";
import { drawCheckpoint } from "./checkpoint.ts";
import { generatorVersion } from "../trace/draw.ts";
import { int64Tensor } from "../trace/tensor.ts";
import type { Case } from "../case/case.ts";
import { defineCase } from "../case/case.ts";
import { pinnedReference } from "./fresh-checkpoint.ts";
import { findObsolete, goldenCases, whyRecord } from "./update.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder: string;
beforeAll(() => {
  folder = testFolder();
  vi.stubEnv("LOCKSTEP_CACHE", join(folder, "cache"));
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const testCase = defineCase({
  name: "tiny/text",
  title: "nothing much",
  config: { architectures: ["Tiny"], hidden_size: 3 },
  inputs: () => new Map([["input_ids", int64Tensor([1, 2], [1, 2])]]),
  phases: [{ name: "prefill", start: 0, end: 2, cache: false }],
});

function golden(changes: Partial<Golden> = {}): Golden {
  const tensors = [["norm.weight", [3]]] as const;
  const plain: Golden = {
    ...{ golden: 2, case: testCase.name, seed: 0, dtype: "float32", generator: generatorVersion, tensors, sites: [] },
    reference: { name: "transformers", version: pinnedReference()!, versions: {} },
    checksums: {
      config: hashConfig(testCase.config),
      weights: "",
      inputs: writeInputs(testCase.inputs(0)).sha256,
      phases: hashConfig(testCase.phases),
    },
  };
  const { sha256: weights } = drawCheckpoint(testCase.config, plain);
  return { ...plain, checksums: { ...plain.checksums, weights }, ...changes };
}

const why = (changes: Partial<Golden>, one: Case = testCase): string | null => {
  writeGolden(folder, golden(changes));
  return whyRecord(folder, one);
};

describe("a golden has to be recorded", () => {
  it("where there is none", () => {
    expect(whyRecord(join(folder, "empty"), testCase)).toBe("new");
  });

  it("not where it is as it should be", () => {
    expect(why({})).toBeNull();
  });

  it("of another config, other inputs, phases, weights, generator or major version of the reference", () => {
    const longer = [{ name: "prefill", start: 0, end: 1, cache: false }];
    expect(why({}, { ...testCase, config: { ...testCase.config, hidden_size: 4 } })).toMatch(
      /^its config is \w{12}, the case/,
    );
    expect(why({}, { ...testCase, phases: longer })).toMatch(/^its phases is/);
    expect(why({}, { ...testCase, inputs: () => new Map([["input_ids", int64Tensor([1], [1, 1])]]) })).toMatch(
      /^its inputs/,
    );
    expect(why({ tensors: [["norm.weight", [4]]] })).toMatch(/^its weights/);
    expect(why({ generator: 0 })).toMatch(/^its generator is 0/);
    expect(why({ reference: { name: "transformers", version: "4.57.1", versions: {} } })).toMatch(
      /^its reference is 4\.57\.1/,
    );
  });

  it("that can't be read", () => {
    const file = writeGolden(folder, golden());
    writeFileSync(file, "rubbish\n");
    expect(whyRecord(folder, testCase)).toMatch(/tiny\/text\.golden: not a golden of version 2/);
  });
});

describe("which goldens there may be", () => {
  it("none of a case with weights of its own, unless it is named", () => {
    const trained = { ...testCase, name: "real/text", checkpoint: "/models/real" };
    expect(goldenCases([testCase, trained], [])).toEqual([testCase]);
    expect(goldenCases([testCase, trained], ["real/text"])).toEqual([trained]);
  });

  it("is not known without cases: that is a wrong folder", () => {
    expect(() => findObsolete(folder, [])).toThrow(/expected cases beside .*, found none/);
  });
});
