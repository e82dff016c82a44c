import { expect, test } from "vitest";
import { formatDate, formatNumber, formatRatio, formatSeconds, worseSite, blameOf, failsIn } from "./format.ts";

test("ratios", () => {
  expect([0.834, 9.994, 48.21, 1_283_183, 2.14e9, 1e30].map(formatRatio)).toEqual([
    "0.83×",
    "9.99×",
    "48.2×",
    "1,283,183×",
    "2.14 × 10⁹×",
    "not finite",
  ]);
});

test("numbers", () => {
  expect([0, 0.0123456, -1.234e-7, 123_456_789].map(formatNumber)).toEqual([
    "0",
    "0.01235",
    "-1.23 × 10⁻⁷",
    "1.23 × 10⁸",
  ]);
});

test("seconds", () => {
  expect([0.614, 3.42, 42.4, 200].map(formatSeconds)).toEqual(["0.61 s", "3.4 s", "42 s", "3 min 20 s"]);
});

test("dates, or the text as it is", () => {
  expect(formatDate("2026-11-24T19:08:25.000Z")).toBe("2026-11-24 19:08 UTC");
  expect(formatDate("yesterday")).toBe("yesterday");
});

test("a failing site is worse than a passing one with a higher ratio", () => {
  const distance = { ratio: 3, worst_row: null, worst_column: null, error: 3, noise: 1, rms: 1, max_error: null };
  const failing = { site: "a", phase: "full", order: 0, status: "fail" as const };
  const passing = { site: "a", phase: "chunk:1", order: 1, status: "pass" as const, accumulated: distance };
  expect(worseSite(passing, failing, "accumulated")).toBe(failing);
  expect(worseSite(failing, passing, "accumulated")).toBe(failing);
});

test("a site that only inherits an error fails accumulated and agrees locally", () => {
  const distance = { worst_row: null, worst_column: null, error: 3, noise: 1, rms: 1, max_error: null };
  const site = { site: "a", phase: "full", order: 0, status: "fail" as const };
  const inherited = { ...site, accumulated: { ...distance, ratio: 900 }, local: { ...distance, ratio: 0.8 } };
  expect(failsIn(inherited, "accumulated", 4)).toBe(true);
  expect(failsIn(inherited, "local", 4)).toBe(false);
});

test("a failure without a ratio above the limit shows in both measures", () => {
  const distance = { ratio: 1, worst_row: null, worst_column: null, error: 1, noise: 1, rms: 1, max_error: null };
  const site = { site: "a", phase: "full", order: 0, status: "fail" as const };
  for (const measure of ["accumulated", "local"] as const) {
    expect(failsIn(site, measure, 4)).toBe(true);
    expect(failsIn({ ...site, accumulated: distance, local: distance }, measure, 4)).toBe(true);
  }
});

test("a site that does right on what it got and differs in the run inherits its error, and only there", () => {
  const distance = { worst_row: null, worst_column: null, error: 3, noise: 1, rms: 1, max_error: null };
  const both = { accumulated: { ...distance, ratio: 900 }, local: { ...distance, ratio: 0.8 } };
  const site = { site: "a", phase: "full", order: 0, status: "pass" as const, ...both };
  const inherits = { ...site, accumulated_status: "fail" as const, local_status: "pass" as const };
  expect([blameOf(inherits, "accumulated", 4), blameOf(inherits, "local", 4)]).toEqual(["inherited", null]);
  const wrong = { ...inherits, status: "fail" as const, local_status: "fail" as const, local: both.accumulated };
  expect([blameOf(wrong, "accumulated", 4), blameOf(wrong, "local", 4)]).toEqual(["wrong", "wrong"]);
  expect(blameOf({ ...site, accumulated_status: "pass" }, "accumulated", 4)).toBe(null);
});
