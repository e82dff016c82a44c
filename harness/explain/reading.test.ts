import { expect, test } from "vitest";
import type { SiteVerdict } from "../verdict/schema.ts";
import { readError } from "./reading.ts";

function site(relative: number, more: Partial<SiteVerdict> = {}): SiteVerdict {
  const local = {
    ratio: 5000,
    worst_row: null,
    worst_column: null,
    error: relative * 3,
    noise: 1e-7,
    rms: 3,
    max_error: 1,
  };
  return { site: "a:out", phase: "prefill", order: 0, status: "fail", dtype: "F32", local, ...more };
}

test("the size of a bfloat16 or float16 rounding is recognised in a float32 model", () => {
  expect(readError(site(2 ** -9 * 0.6))).toContain("bfloat16");
  expect(readError(site(2 ** -12 * 0.7))).toContain("float16 or TF32");
  expect(readError(site(2 ** -9 * 0.6, { dtype: "BF16" }))).not.toContain("rounding");
});

test("an error as large as the values speaks of another tensor", () => {
  expect(readError(site(1.4))).toContain("another tensor");
});

test("what is not finite has its own reading", () => {
  expect(readError(site(1, { reason: "19 elements are not finite on one side only" }))).toContain("all masked");
});

test("nothing measured, nothing read", () => {
  expect(readError({ site: "a", phase: "p", order: 0, status: "fail" })).toBe("");
});
