import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromCode, toCode } from "./scale.ts";

fc.configureGlobal({ seed: 1 });

describe("a magnitude on the scale", () => {
  it("comes back within 0.6 %, over all of float32, and is then the same for ever", () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -149, max: 3.4e38, noNaN: true }), (value) => {
        const back = fromCode(toCode(value))!;
        expect(Math.abs(back / value - 1)).toBeLessThan(0.006);
        expect(toCode(back)).toBe(toCode(value));
      }),
    );
  });

  it("has a code of 16 bits, larger for a larger one", () => {
    const codes = [0, 1e-45, 1e-7, 1, 1.02, 1e38, 1e300, undefined].map(toCode);
    expect(codes).toEqual(codes.toSorted((a, b) => a - b));
    expect(codes.every((code) => Number.isInteger(code) && code >= 0 && code < 2 ** 16)).toBe(true);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it("may be zero, absent, or not finite", () => {
    expect([0, undefined, Number.POSITIVE_INFINITY, Number.NaN].map((value) => fromCode(toCode(value)))).toEqual([
      0,
      undefined,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
