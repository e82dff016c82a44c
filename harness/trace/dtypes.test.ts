import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { halfUlp, isDtype, isFloating, machineEpsilon } from "./dtypes.ts";

fc.configureGlobal({ seed: 1 });

describe("isDtype", () => {
  it.each(["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"])("knows %s", (text) => {
    expect(isDtype(text)).toBe(true);
  });

  it.each(["f32", "F8_E4M3", "", "toString", "__proto__"])("does not know %j", (text) => {
    expect(isDtype(text)).toBe(false);
  });
});

describe("isFloating", () => {
  it("holds for the dtypes that round, and for no other", () => {
    const all = ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"] as const;
    expect(all.filter(isFloating)).toEqual(Object.keys(machineEpsilon));
  });
});

describe("halfUlp", () => {
  it("is half of the gap that float32 leaves at a number", () => {
    fc.assert(
      fc.property(fc.float({ min: 2 ** -100, max: 2 ** 100, noNaN: true }), (value) => {
        const bits = new Uint32Array(new Float32Array([value]).buffer);
        const next = new Float32Array(new Uint32Array([bits[0]! + 1]).buffer)[0]!;
        expect(halfUlp("F32", value)).toBe((next - value) / 2);
      }),
    );
  });

  it("is half of the gap that float16 leaves at a number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0x0400, max: 0x7bfe }), (bits) => {
        const [value, next] = new Float16Array(new Uint16Array([bits, bits + 1]).buffer) as unknown as [number, number];
        expect(halfUlp("F16", value)).toBe((next - value) / 2);
      }),
    );
  });

  it("knows bfloat16's 8 bits and float64's 53", () => {
    expect([halfUlp("BF16", 1), halfUlp("F64", 1.5)]).toEqual([2 ** -8, 2 ** -53]);
  });

  it.each([0, Number.NaN, Number.POSITIVE_INFINITY])("of %s is the smallest positive number", (magnitude) => {
    expect(halfUlp("F32", magnitude)).toBe(Number.MIN_VALUE);
  });
});
