import { describe, expect, test } from "vitest";
import type { FloatDtype } from "./rounding.ts";
import { lowest, packFloats, round, roundAll } from "./rounding.ts";
import { widenBfloat16 } from "../../../harness/trace/dtypes.ts";

type Narrow = Exclude<FloatDtype, "F32">;

const patterns = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);
/** The number of every bit pattern. */
const numbers: Readonly<Record<Narrow, Float32Array>> = {
  BF16: widenBfloat16(patterns),
  F16: Float32Array.from(new Float16Array(patterns.buffer)),
};

/** The float32 next to a finite positive `value`, `step` places up (1) or down (-1). */
function neighbour(value: number, step: 1 | -1): number {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0]! += step;
  return new Float32Array(bits.buffer)[0]!;
}

/**
 * Float32 numbers around the middle between each positive finite number of a dtype and the next, with what each must
 * become. Behind the largest number the next one would be where the exponent grows: there begins infinity.
 */
function* middles(dtype: Narrow): Generator<{ value: number; expected: number }> {
  const infinity = numbers[dtype].indexOf(Number.POSITIVE_INFINITY);
  for (let pattern = 0; pattern < infinity; pattern++) {
    const [below, above] = [numbers[dtype][pattern]!, numbers[dtype][pattern + 1]!];
    const next = above === Number.POSITIVE_INFINITY ? 2 * below - numbers[dtype][pattern - 1]! : above;
    const middle = below + (next - below) / 2;
    yield { value: neighbour(middle, -1), expected: below };
    yield { value: middle, expected: pattern % 2 === 0 ? below : above };
    yield { value: neighbour(middle, 1), expected: above };
  }
}

const same = (a: number, b: number) => Object.is(a, b);

describe.each<Narrow>(["BF16", "F16"])("%s", (dtype) => {
  test("every number of the dtype stays, signs of zero and subnormal ones too", () => {
    const rounded = roundAll(numbers[dtype].slice(), dtype);
    expect([...patterns].filter((pattern) => !same(rounded[pattern]!, numbers[dtype][pattern]!))).toEqual([]);
    const single = [...patterns].filter((p) => !same(round[dtype](numbers[dtype][p]!), numbers[dtype][p]!));
    expect(single).toEqual([]);
  });

  test("every number travels as its own bit pattern", () => {
    const { bytes } = packFloats(numbers[dtype], dtype, [65_536]);
    const sent = new Uint16Array(bytes.buffer, bytes.byteOffset, 65_536);
    const changed = [...patterns].filter((p) => sent[p] !== p && !Number.isNaN(numbers[dtype][p]));
    expect(changed).toEqual([]);
  });

  test("between two numbers the nearer one is taken, in the middle the even one, and infinity behind the last", () => {
    const cases = [...middles(dtype)];
    const positive = roundAll(
      Float32Array.from(cases, ({ value }) => value),
      dtype,
    );
    const negative = roundAll(
      Float32Array.from(cases, ({ value }) => -value),
      dtype,
    );
    const wrong = cases.filter(({ expected }, i) => !same(positive[i]!, expected) || !same(negative[i]!, -expected));
    expect(wrong).toEqual([]);
    expect(cases.filter(({ value, expected }) => !same(round[dtype](value), expected))).toEqual([]);
  });

  test("the lowest number is the last finite one", () => {
    expect(lowest[dtype]).toBe(numbers[dtype].reduce((low, x) => (x < low && Number.isFinite(x) ? x : low), 0));
  });
});

test("float32 is left alone, and not copied", () => {
  const values = Float32Array.of(0.1, Number.NaN, lowest.F32);
  expect(roundAll(values, "F32")).toBe(values);
  expect([...values]).toEqual([Math.fround(0.1), Number.NaN, -3.4028234663852886e38]);
});

test("a number is rounded to float32 first: just above the middle in float64 is the middle in float32", () => {
  expect(round.F16(1 + 2 ** -11 + 2 ** -40)).toBe(1);
  expect(round.BF16(1 + 2 ** -8 + 2 ** -40)).toBe(1);
});

test("a part of a buffer is rounded and sent without what is around it", () => {
  const around = Float32Array.of(0.1, 0.1, 0.1);
  roundAll(around.subarray(1, 2), "BF16");
  expect([...around]).toEqual([Math.fround(0.1), 0.10009765625, Math.fround(0.1)]);
  expect(packFloats(around.subarray(1, 2), "BF16", [1]).bytes).toEqual(Uint8Array.of(0xcd, 0x3d));
});
