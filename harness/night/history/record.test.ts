import { describe, expect, it } from "vitest";
import type { SiteVerdict, Verdict } from "../../verdict/schema.ts";
import { recordOf, seriesOf } from "./record.ts";
import { testResult } from "./test-lines.ts";

const distance = (ratio: number) => ({
  ratio,
  worst_row: null,
  worst_column: null,
  error: 1,
  noise: 1,
  rms: 1,
  max_error: 1,
});
const judged = (
  site: string,
  phase: string,
  values: Partial<Record<"local" | "accumulated", number>>,
): SiteVerdict => ({
  ...{ site, phase, order: 0, status: "pass" },
  ...(values.local !== undefined && { local: distance(values.local) }),
  ...(values.accumulated !== undefined && { accumulated: distance(values.accumulated) }),
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
    expect(ratios(judged("a", "p", { local: 1.1, accumulated: 3 }), judged("b", "p", { accumulated: 2 }))).toEqual({
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
