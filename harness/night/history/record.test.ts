import { describe, expect, it } from "vitest";
import type { SiteVerdict } from "../../verdict/site.ts";
import type { Verdict } from "../../verdict/schema.ts";
import { pass, siteWith } from "../../verdict/test-sites.ts";
import { recordOf, seriesOf } from "./record.ts";
import { testResult } from "./test-lines.ts";

const judged = (site: string, phase: string, values: Partial<Record<"local" | "run", number>>): SiteVerdict =>
  siteWith({
    site,
    phase,
    run: values.run === undefined ? null : pass(values.run),
    local: values.local === undefined ? null : pass(values.local),
  });

function ratios(...sites: SiteVerdict[]) {
  const verdict = { sites, culprit: null, error: null, worst: null, coverage: { compared: 0, total: 0 }, seconds: 0 };
  return recordOf(testResult(), verdict as unknown as Verdict, 1).sites;
}

describe("the ratios of a line", () => {
  it("are the largest over phases, with three digits", () => {
    expect(ratios(judged("a", "p", { local: 1.23456 }), judged("a", "q", { local: 1.5 }))).toEqual({ a: 1.5 });
    expect(ratios(judged("a", "p", { local: 5021.4 }))).toEqual({ a: 5020 });
  });

  it("are local where a site was judged locally", () => {
    expect(ratios(judged("a", "p", { local: 1.1, run: 3 }), judged("b", "p", { run: 2 }))).toEqual({
      a: 1.1,
      b: 2,
    });
  });

  it("leave out what is within the noise, and what has no ratio", () => {
    expect(ratios(judged("a", "p", { local: 1 }), judged("b", "p", {}))).toEqual({});
  });
});

it("a series is one case, engine, dtype, seed and role", () => {
  const all = [{}, { case: "a/b" }, { engine: "torch:x.py:y" }, { dtype: "bfloat16" }, { seed: 1 }].map((one) =>
    seriesOf(testResult(one)),
  );
  expect(new Set([...all, seriesOf(testResult(), "newest")]).size).toBe(6);
  expect(seriesOf(testResult({ reference: { version: "9", roles: ["pinned"] } }))).toBe(all[0]);
});
