import { describe, expect, it } from "vitest";
import { noisy, normal } from "../compare/test-tensors.ts";
import { distanceOf, whyOf } from "../verdict/deciding.ts";
import { maxRatio } from "../verdict/numbers.ts";
import type { Golden, GoldenSite } from "./format/schema.ts";
import { judgeAgainstGolden } from "./judge.ts";
import { sketchSite } from "./format/sketch-site.ts";

const shape = [1, 12, 16];
const draw = normal("golden");
const oracle = Float64Array.from({ length: 12 * 16 }, draw);
const reference = noisy(oracle, draw);
const engine = noisy(oracle, draw);

const sketched = sketchSite({
  site: "model.layers.0:out",
  phase: "prefill",
  shape,
  dtype: "F32",
  reference,
  oracle,
  size: 64,
  relativeNoise: 0,
});
const exact = sketchSite({
  site: "model.embed_tokens:out",
  phase: "prefill",
  shape,
  dtype: "F32",
  reference,
  oracle: Float64Array.from(reference),
  size: 64,
  relativeNoise: 0,
});

function goldenOf(...sites: GoldenSite[]): Golden {
  return {
    golden: 2,
    case: "a/b",
    seed: 0,
    dtype: "float32",
    reference: { name: "reference", version: "1", versions: {} },
    generator: 1,
    checksums: { config: "", weights: "", inputs: "", phases: "" },
    tensors: [],
    sites,
  };
}

function judge(values: Float32Array, { site = sketched, limit = 4, dtype = "F32", found = shape } = {}) {
  return judgeAgainstGolden(goldenOf(site), 0, { shape: found, dtype, values }, { limit });
}

describe("against a sketch", () => {
  it("a healthy engine passes, at about the ratio it has in a live run", () => {
    expect(judge(engine)).toMatchObject({ status: "pass", run: { distance: { ratio: expect.closeTo(1, 0) } } });
  });

  it("can't tell rows and columns", () => {
    expect(distanceOf(judge(engine).run)).toMatchObject({ worst_row: null, worst_column: null, max_error: null });
  });

  it("a factor of 10 ulp fails", () => {
    const wrong = judge(engine.map((value) => value * (1 + 10 * 2 ** -23)));
    const why = { kind: "noise", at: { part: "tensor" }, ratio: expect.closeTo(10, 0) };
    expect(wrong).toMatchObject({ status: "fail", run: { why } });
  });

  it("one wrong element fails", () => {
    expect(judge(engine.with(77, engine[77]! + 0.01) as Float32Array).status).toBe("fail");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("%s fails, with numbers that JSON can hold", (value) => {
    const { status, run } = judge(engine.with(5, value) as Float32Array);
    expect({ status, run }).toMatchObject({ status: "fail", run: { why: { kind: "not finite", count: null } } });
    expect(distanceOf(run)).toMatchObject({ ratio: maxRatio, error: Number.MAX_VALUE });
  });

  it("by a part of its numbers, the ratio is another estimate of the same distance", () => {
    const part = judgeAgainstGolden(goldenOf(sketched), 0, { shape, dtype: "F32", values: engine }, { limit: 4, size: 8 });
    expect(distanceOf(part.run)?.ratio).not.toBe(distanceOf(judge(engine).run)?.ratio);
    expect(distanceOf(part.run)?.ratio).toBeCloseTo(1, -1);
  });

  it("without a projection nothing passes", () => {
    const { projection: _, ...without } = sketched;
    expect(judge(engine, { site: without }).status).toBe("fail");
  });

  it("a limit that is not a number passes nothing", () => {
    expect(judge(engine, { limit: Number.NaN }).status).toBe("fail");
  });
});

describe("a wrong tensor is named before its values are looked at", () => {
  it("by its shape, also when it holds the same numbers", () => {
    expect(whyOf(judge(engine, { found: [1, 16, 12] }))).toEqual({
      kind: "shape",
      expected: [1, 12, 16],
      found: [1, 16, 12],
    });
  });

  it("by its dtype", () => {
    expect(whyOf(judge(engine, { dtype: "BF16" }))).toEqual({ kind: "dtype", expected: "F32", found: "BF16" });
  });
});

describe("against a checksum", () => {
  it("a bit-equal engine passes", () => {
    expect(judge(reference, { site: exact }).status).toBe("pass");
  });

  it("a last bit fails", () => {
    const wrong = reference.slice();
    new Uint32Array(wrong.buffer)[3]! ^= 1;
    expect(whyOf(judge(wrong, { site: exact }))).toMatchObject({ kind: "not exact", first: null, count: null });
  });
});

describe("sketchSite", () => {
  it("takes a checksum of whole numbers", () => {
    const ids = Float64Array.of(1, 2);
    const recorded = { site: "ids", phase: "prefill", shape: [2], reference: ids, oracle: ids, size: 8, relativeNoise: 0 };
    expect(sketchSite({ ...recorded, dtype: "I64" })).toMatchObject({ checksum: expect.stringMatching(/^[\da-f]{16}$/) });
  });
});
