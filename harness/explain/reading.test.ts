import { expect, test } from "vitest";
import type { SiteVerdict, Why } from "../verdict/site.ts";
import { distance, noise, siteWith } from "../verdict/test-sites.ts";
import { readError } from "./reading.ts";

function site(relative: number, { dtype = "F32", why = noise(5000) as Why } = {}): SiteVerdict {
  const measured = distance(5000, { error: relative * 3, noise: 1e-7, rms: 3 });
  return siteWith({ expected: { shape: [1, 4], dtype }, local: { status: "fail", why, distance: measured } });
}

test("the size of a bfloat16 or float16 rounding is recognised in a float32 model", () => {
  expect(readError(site(2 ** -9 * 0.6))).toMatchObject({ kind: "about one rounding", to: "bfloat16" });
  expect(readError(site(2 ** -12 * 0.7))).toMatchObject({ kind: "about one rounding", to: "float16" });
  expect(readError(site(2 ** -9 * 0.6, { dtype: "BF16" }))).toMatchObject({ kind: "relative" });
});

test("an error as large as the values speaks of another tensor", () => {
  expect(readError(site(1.4))).toEqual({ kind: "as large as the values", relative: expect.closeTo(1.4) });
});

test("what is not finite has its own reading", () => {
  expect(readError(site(1, { why: { kind: "not finite", count: 19 } }))).toEqual({ kind: "not finite" });
});

test("nothing measured, nothing read", () => {
  expect(readError(siteWith({ local: { status: "fail", why: noise() } }))).toBeNull();
});
