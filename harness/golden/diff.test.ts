import { describe, expect, it } from "vitest";
import { maxRatio } from "../verdict/numbers.ts";
import { diffGoldens, diffShapes, isSame } from "./diff.ts";
import { renderDiff } from "./diff-text.ts";
import type { Golden, GoldenSite } from "./format/schema.ts";
import type { ShapesGolden } from "./format/shapes.ts";

const numbers = (shift = 0): Float64Array => Float64Array.from({ length: 8 }, (_, index) => index + shift);
const sketched = (site: string, shift = 0, noise = 1e-3): GoldenSite => ({
  ...{ site, phase: "prefill", shape: [1, 4], dtype: "F32", rms: 1, max: 2, noise, projection: numbers(shift) },
});
const exact = (site: string, checksum = "00"): GoldenSite => ({
  ...{ site, phase: "prefill", shape: [1], dtype: "I64", checksum },
});

function golden(sites: readonly GoldenSite[], changes: Partial<Golden> = {}): Golden {
  return {
    ...{ golden: 2, case: "a/b", seed: 0, dtype: "float32", generator: 1, tensors: [["w", [2]]], sites },
    reference: { name: "transformers", version: "5.24.0", versions: { transformers: "5.24.0", torch: "2.13.0" } },
    checksums: { config: "c".repeat(64), weights: "w", inputs: "i", phases: "p" },
    ...changes,
  };
}

const before = golden([exact("ids"), sketched("model:in"), sketched("model:out"), sketched("gone")]);

describe("the difference of two goldens", () => {
  it("is none of a golden and itself, and of values that moved by less than what is stored", () => {
    expect(isSame(diffGoldens(before, before))).toBe(true);
    const close = golden(before.sites.map((site) => (site.projection ? { ...site, projection: numbers(2e-4) } : site)));
    expect(isSame(diffGoldens(before, close))).toBe(true);
  });

  it("names what was recorded, places, kinds, bits, and how far values moved in the old noise", () => {
    const after = golden(
      [
        exact("ids", "01"),
        { ...sketched("model:in"), shape: [1, 5] },
        sketched("model:out", 0.05, 2e-3),
        sketched("new"),
      ],
      {
        tensors: [["w", [3]]],
        reference: { name: "transformers", version: "5.25.0", versions: { transformers: "5.25.0", torch: "2.13.0" } },
        checksums: { config: "d".repeat(64), weights: "w", inputs: "i", phases: "p" },
      },
    );
    expect(renderDiff(diffGoldens(before, after))).toMatchInlineSnapshot(`
      " changed  a/b   3 in both
         transformers 5.24.0 -> 5.25.0
         config cccccccccccc -> dddddddddddd
         removed gone in prefill
         added   new in prefill
         kind    tensor w   [2] -> [3]
         kind    model:in in prefill   F32 [1,4] -> F32 [1,5]
         bits    ids in prefill   other values, which must be exact
         moved   1 of 3, the farthest by 50.0x noise: model:out in prefill
                 model:out in prefill   50.0x noise
         noise   model:out in prefill   2.00 times what it was"
    `);
  });

  it("lists a few places, or all", () => {
    const sites = Array.from({ length: 9 }, (_, layer) => sketched(`model.layers.${layer}:out`));
    const moved = sites.map((site, layer) => ({ ...site, projection: numbers(layer) }));
    const diff = diffGoldens(golden(sites), golden(moved));
    expect(diff.moved).toHaveLength(8);
    expect(renderDiff(diff)).toContain("and 4 more");
    expect(renderDiff(diff).split("\n")).toHaveLength(7);
    expect(renderDiff(diff, { all: true }).split("\n")).toHaveLength(10);
  });

  it("sees values that are no numbers any more", () => {
    const after = golden([...before.sites.slice(0, 3), { ...sketched("gone"), projection: numbers(Number.NaN) }]);
    expect(diffGoldens(before, after).moved).toEqual([{ place: "gone in prefill", ratio: maxRatio }]);
  });

  it("compares sketches of other sizes by the numbers that both have", () => {
    const after = golden(before.sites.map((site) => ({ ...site, ...(site.projection && { projection: numbers().slice(0, 3) }) })));
    expect(isSame(diffGoldens(before, after))).toBe(true);
  });
});

describe("the difference of two recordings of shapes", () => {
  const shapes: ShapesGolden = {
    golden: 2,
    config: "c",
    reference: { name: "transformers", version: "5.24.0", versions: {} },
    sites: [["model:in", "I64", [1, 19], [1, 27]]],
    tensors: [{ name: "w", shape: [2], dtype: "F32" }],
    reads: [["model", "head_dim"]],
  };

  it("is none of a recording and itself", () => {
    expect(isSame(diffShapes("a/b", shapes, shapes))).toBe(true);
  });

  it("names sites, tensors and config fields", () => {
    const after: ShapesGolden = {
      ...shapes,
      sites: [["model:in", "I64", [1, 19], [1, 28]]],
      tensors: [{ name: "v", shape: [2], dtype: "F32" }],
      reads: [["model", "global_head_dim"]],
    };
    expect(renderDiff(diffShapes("a/b", shapes, after))).toMatchInlineSnapshot(`
      " changed  a/b   1 in both
         removed tensor w
         removed head_dim read in model
         added   tensor v
         added   global_head_dim read in model
         kind    model:in   I64 [1,19] [1,27] -> I64 [1,19] [1,28]"
    `);
  });
});
