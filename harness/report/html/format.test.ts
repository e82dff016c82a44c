import { expect, test } from "vitest";
import { distance, fail, noise, pass, siteWith } from "../../verdict/test-sites.ts";
import { formatDate, formatNumber, formatRatio, formatSeconds, worseSite, blameOf, failsIn } from "./format.ts";

test("ratios", () => {
  expect([0.834, 9.994, 48.21, 1_283_183, 2.14e9, 1e30].map(formatRatio)).toEqual([
    "0.83×",
    "9.99×",
    "48.2×",
    "1,283,183×",
    "2.14 × 10⁹×",
    "infinite",
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
  const failing = siteWith({ phase: "full", run: { status: "fail", why: noise() } });
  const passing = siteWith({ phase: "chunk:1", order: 1, run: pass(3) });
  expect(worseSite(passing, failing, "accumulated")).toBe(failing);
  expect(worseSite(failing, passing, "accumulated")).toBe(failing);
});

test("a site that only inherits an error fails accumulated and agrees locally", () => {
  const inherited = siteWith({ run: fail(900) });
  expect(failsIn(inherited, "accumulated", 4)).toBe(true);
  expect(failsIn({ ...siteWith({ run: fail(900), local: pass(0.8) }), status: "fail" }, "local", 4)).toBe(false);
});

test("a failure without a ratio above the limit shows in both measures", () => {
  const exact = { status: "fail" as const, why: { kind: "not exact" as const, first: null, count: null, of: 4 } };
  for (const measure of ["accumulated", "local"] as const) {
    expect(failsIn(siteWith({ run: exact }), measure, 4)).toBe(true);
    const both = { ...exact, distance: distance(1) };
    expect(failsIn(siteWith({ run: both, local: both }), measure, 4)).toBe(true);
  }
});

test("a site that does right on what it got and differs in the run inherits its error, and only there", () => {
  const inherits = siteWith({ run: fail(900), local: pass(0.8) });
  expect([blameOf(inherits, "accumulated", 4), blameOf(inherits, "local", 4)]).toEqual(["inherited", null]);
  const wrong = siteWith({ run: fail(900), local: fail(900) });
  expect([blameOf(wrong, "accumulated", 4), blameOf(wrong, "local", 4)]).toEqual(["wrong", "wrong"]);
  expect(blameOf(siteWith({ run: pass(1), local: pass(1) }), "accumulated", 4)).toBe(null);
});
