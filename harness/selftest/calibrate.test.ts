import { describe, expect, it } from "vitest";
import type { Judgement, SiteVerdict } from "../verdict/site.ts";
import { distance, fail, notOffered, pass, siteWith } from "../verdict/test-sites.ts";
import { measure, sampleFaults } from "./calibrate.ts";
import { defineCase } from "../case/case.ts";
import type { KnownFault } from "../engine/faults.ts";
import { defineHealthy, planHealthy } from "./healthy.ts";
import { buildVerdict, openFrame } from "../run/verdict-builder.ts";

const testCase = defineCase({
  name: "tiny/text",
  title: "",
  config: {},
  inputs: () => new Map(),
  phases: [{ name: "prefill", start: 0, end: 3, cache: true }],
});
const [variant] = defineHealthy([{ title: "sdpa", cases: ["tiny"], dtypes: ["float32"], lacks: ["*.self_attn#*"] }]);
const local = (ratio: number, row = 0): Judgement => ({
  status: "pass",
  distance: distance(ratio, { worst_row: { index: 0, ratio: row } }),
});
const site = (name: string, judged: Judgement | null = pass()): SiteVerdict =>
  siteWith({ site: name, run: judged && pass(1), local: judged });

function measured(sites: readonly SiteVerdict[]) {
  const verdict = buildVerdict(openFrame(testCase, { mode: "live", engine: "e", limit: 4 }), {
    ...{ sites, missing: [], unexpected: [] },
  });
  return measure({ variant: variant!, testCase, dtype: "float32", seed: 0 }, verdict);
}

describe("what a healthy run measured", () => {
  it("is the largest local ratio of rows, columns and tensors, and where it is", () => {
    const run = measured([site("a:out", local(1, 2.5)), site("b:out", local(2))]);
    expect(run).toMatchObject({ local: 2.5, where: "a:out in prefill", sites: 2, alarm: null, ratios: [2.5, 2] });
  });

  it("may lack what the variant says that it lacks", () => {
    const run = measured([site("a:out", local(1)), site("l.0.self_attn#scores", notOffered)]);
    expect(run).toMatchObject({ sites: 1, unknown: 1, alarm: null });
  });

  it("is a false alarm when anything else could not be judged", () => {
    expect(measured([site("a:out"), site("b:out", notOffered)]).alarm).toMatch(/1 sites could not .* b:out/);
  });

  it("is a false alarm when a site fails", () => {
    expect(measured([site("a:out", fail(5))]).alarm).toBe("a:out in prefill: 5.00x noise");
  });

  it("is a false alarm when nothing was judged", () => {
    expect(measured([site("l.0.self_attn#scores", notOffered)]).alarm).toMatch(/ends in/);
  });
});

describe("the plan", () => {
  it("runs every case in every dtype and seed, and leaves out what can't be run", () => {
    const variants = defineHealthy([
      { title: "one", cases: ["tiny"], dtypes: ["float32", "bfloat16"], seeds: [0, 1] },
      { title: "two", cases: ["nowhere"], dtypes: ["float32"], missing: "no weights" },
      { title: "three", cases: [testCase], dtypes: ["float16"] },
    ]);
    const runs = planHealthy(variants, [testCase]).map((run) => `${run.variant.title} ${run.dtype} ${run.seed}`);
    expect(runs).toEqual(["one float32 0", "one float32 1", "one bfloat16 0", "one bfloat16 1", "three float16 0"]);
  });

  it("refuses a variant with a field of another name, naming it", () => {
    const wrong = { title: "one", cases: ["tiny"], dtypes: ["float32"] as const, sites: [] };
    expect(() => defineHealthy([{ ...wrong, dtypes: ["float32"] }])).toThrow(/healthy variant "one": .*sites/);
  });

  it("plants so many faults of each category, the same ones each time", () => {
    const fault = (id: string, category: string): KnownFault => ({
      ...{ id, title: "", category, case: "tiny/text", at: "a:out", spec: { module: "m", name: "n" } },
    });
    const all = [fault("a", "x"), fault("b", "x"), fault("c", "x"), fault("d", "x"), fault("e", "y")];
    expect(sampleFaults(all, 2).map(({ id }) => id)).toEqual(["a", "c", "e"]);
  });
});
