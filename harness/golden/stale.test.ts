import { describe, expect, it } from "vitest";
import { generatorVersion } from "../trace/draw.ts";
import type { Golden } from "./format/schema.ts";
import { describeStale, findOldReference, findStale } from "./stale.ts";

const golden: Golden = {
  ...{ golden: 2, case: "a/b", seed: 0, dtype: "float32", generator: generatorVersion, tensors: [], sites: [] },
  reference: { name: "transformers", version: "5.24.0", versions: {} },
  checksums: { config: "c", weights: "w", inputs: "i", phases: "p" },
};
const wanted = { config: "c", inputs: "i", phases: "p", reference: "5.31.2" };

describe("a golden", () => {
  it("of the same case and another release of the same major version is fresh", () => {
    expect(findStale(golden, wanted)).toBeNull();
    expect(findStale(golden, { ...wanted, reference: null })).toBeNull();
  });

  it.each([
    ["config", { config: "x" }],
    ["inputs", { inputs: "x" }],
    ["phases", { phases: "x" }],
    ["reference", { reference: "6.0.0" }],
  ])("of another %s is stale", (what, change) => {
    expect(findStale(golden, { ...wanted, ...change })?.what).toBe(what);
  });

  it("of another generator is stale, and says so", () => {
    const stale = findStale({ ...golden, generator: 7 }, wanted);
    expect(describeStale(stale!)).toBe(`its generator is 7, the case has ${generatorVersion}`);
  });
});

describe("the major version", () => {
  it("is a whole number, not a first letter", () => {
    expect(findOldReference("5.0", "50.0")).toEqual({ what: "reference", expected: "5.0", found: "50.0" });
    expect(findOldReference("4.57.1", "5.0.0")?.what).toBe("reference");
  });
});
