import { describe, expect, it } from "vitest";
import type { Region, Unjudged, Why } from "../site.ts";
import { fail, notOffered, pass, siteWith } from "../test-sites.ts";
import { reasonOf, regionText, unjudgedText, whyText } from "./why.ts";

const first = { row: 3, found: [1, 5], expected: [1, 4], gap: 0.5 };

it.each<[Why, string]>([
  [{ kind: "shape", expected: [1, 8192], found: [1, 4096] }, "shape [1, 4096], expected [1, 8192]"],
  [{ kind: "dtype", expected: "F32", found: "BF16" }, "dtype BF16, expected F32"],
  [{ kind: "not finite", count: 1019 }, "1,019 values are not finite in one of engine and reference only"],
  [{ kind: "not finite", count: null }, "values that are not finite, where the reference's are"],
  [
    { kind: "not exact", first: { index: [0, 1], found: 2, expected: 1 }, count: 2, of: 4 },
    "2 of 4 elements differ, and the reference is exact here; first at [0, 1]: 2, expected 1",
  ],
  [
    { kind: "not exact", first: null, count: null, of: 4 },
    "the reference is exact here, and the engine is not bit-equal to it",
  ],
  [{ kind: "noise", at: { part: "tensor" }, ratio: 434.2 }, "434x noise"],
  [{ kind: "noise", at: { part: "row", index: 7 }, ratio: 5.5 }, "row 7: 5.50x noise"],
  [
    { kind: "direction", ratio: 2.78, direction: { kind: "scale", ulp: 2.13, z: 13.2 } },
    "2.78x noise, but every row is off by the same factor: 2.1 ulp, 13 standard errors from zero",
  ],
  [
    { kind: "direction", ratio: 2.78, direction: { kind: "offset", ulp: -4, z: -9.6 } },
    "2.78x noise, but every element is off by the same amount: 4.0 ulp, 10 standard errors from zero",
  ],
  [
    { kind: "choice", flips: { count: 2, rows: 9, first } },
    "2 of 9 rows choose other columns; row 3: [1, 5], expected [1, 4]; their logits differ by 0.50x noise",
  ],
])("%j", (why, text) => {
  expect(whyText(why)).toBe(text);
});

it.each<[Unjudged, string]>([
  [{ kind: "not offered" }, "the engine does not offer it"],
  [{ kind: "out of order" }, "it came too far out of order to be compared"],
  [{ kind: "stopped", at: "a:in" }, "the engine stopped at a:in"],
  [
    { kind: "no oracle", reference: [4, 8], oracle: [3, 8] },
    "the reference has shape [4, 8] there and its float64 run [3, 8]",
  ],
  [
    { kind: "phase impossible", lacks: "cache", before: null },
    "the engine keeps no cache between phases (capability cache)",
  ],
  [
    { kind: "phase impossible", lacks: "fork", before: "chunk:0" },
    "the engine can't go back to its cache after chunk:0 (capability fork)",
  ],
  [
    { kind: "phase impossible", lacks: "an earlier phase", before: "chunk:1" },
    "the engine can't run chunk:1, which comes before it",
  ],
])("%j", (why, text) => {
  expect(unjudgedText(why)).toBe(text);
});

describe("indices of an axis", () => {
  const of = (count: number, from: number, last: number, size: number, step: number | null = 1): Region => ({
    axis: "channel",
    ...{ size, count, first: from, last, step },
  });

  it.each([
    [of(1, 2, 2, 4), "channel 2 of 4"],
    [of(11, 8, 18, 19), "channels from 8 on, of 19"],
    [of(6, 0, 5, 14), "channels before 6, of 14"],
    [of(7, 7, 13, 14), "upper half of 14 channels"],
    [of(7, 0, 6, 14), "lower half of 14 channels"],
    [of(3, 4, 6, 14), "channels 4 to 6 of 14"],
    [of(4, 1, 7, 8, 2), "every 2nd channel of 8, from 1"],
    [of(3, 0, 5, 8, null), "3 of 8 channels"],
  ])("%j is %s", (region, text) => {
    expect(regionText(region)).toBe(text);
  });
});

describe("the reason of a site", () => {
  it("is that of the deciding judgement", () => {
    expect(reasonOf(siteWith({ run: fail(900), local: pass(0.8) }))).toBe("");
    expect(reasonOf(siteWith({ run: fail(900), local: fail(434) }))).toBe("434x noise");
    expect(reasonOf(siteWith({ run: notOffered }))).toBe("not judged: the engine does not offer it");
  });

  it("is a tie where a choice between equals fell otherwise", () => {
    const local = { status: "pass" as const, tie: { count: 1, rows: 9, first } };
    expect(reasonOf(siteWith({ run: pass(), local }))).toMatch(/^a tie: 1 of 9 rows choose other columns; row 3/);
  });
});
