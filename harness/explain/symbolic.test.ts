import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { symbolicShape, symbolicSize } from "./symbolic.ts";

fc.configureGlobal({ seed: 1 });

const lengths = { first: 19, second: 27 };

/** The value of `8192`, `s`, `-2s+7` at length `s`. */
function evaluate(size: number | string, s: number): number {
  if (typeof size === "number") return size;
  const [, factor = "", offset = "0"] = /^(-?\d*)s([+-]\d+)?$/.exec(size)!;
  return (factor === "" ? 1 : Number(factor)) * s + Number(offset);
}

describe("symbolicSize", () => {
  it.each([
    [8192, 8192, 8192],
    [19, 27, "s"],
    [38, 54, "2s"],
    [26, 34, "s+7"],
    [18, 26, "s-1"],
    [10, 14, "10|14"], // half a token a token: neither fixed nor linear in whole numbers
    [0, 0, 0],
  ])("%i at 19 and %i at 27 is %s", (a, b, size) => {
    expect(symbolicSize(a, b, lengths)).toBe(size);
  });

  it("has both sizes at both lengths, for every linear size", () => {
    const whole = fc.integer({ min: -50, max: 50 });
    const twoLengths = fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 }));
    fc.assert(
      fc.property(whole, whole, twoLengths, (slope, offset, [first, second]) => {
        fc.pre(first !== second);
        const [a, b] = [slope * first + offset, slope * second + offset];
        const size = symbolicSize(a, b, { first, second });
        expect([evaluate(size, first), evaluate(size, second)]).toEqual([a, b]);
      }),
    );
  });
});

describe("symbolicShape", () => {
  it("names each axis", () => {
    expect(symbolicShape([1, 19, 8192], [1, 27, 8192], lengths)).toEqual([1, "s", 8192]);
  });

  it.each([[undefined], [[1, 27]]])("is the sizes alone when the second length shows %j", (second) => {
    expect(symbolicShape([1, 19, 8192], second, lengths)).toEqual([1, 19, 8192]);
  });
});
