import { describe, expect, test } from "vitest";
import type { RopeParameters } from "./rope_init.ts";
import { ROPE_INIT_FUNCTIONS, compute_default_rope_parameters } from "./rope_init.ts";

const [head_dim, max_position_embeddings] = [16, 64];
const rope: RopeParameters = { rope_theta: 10_000, original_max_position_embeddings: 32 };
const original = compute_default_rope_parameters(rope, head_dim).inv_freq;

function init(type: keyof typeof ROPE_INIT_FUNCTIONS, changes: Partial<RopeParameters>, seq_len: number | null = null) {
  return ROPE_INIT_FUNCTIONS[type]({ ...rope, ...changes }, head_dim, { max_position_embeddings, seq_len });
}

/** For each frequency the factor by which it is slower than the original one, to 4 digits. */
function slower({ inv_freq }: { inv_freq: Float32Array }): number[] {
  return Array.from(inv_freq, (frequency, i) => Number((original[i]! / frequency).toPrecision(4)));
}

test("linear divides all frequencies", () => {
  expect(slower(init("linear", { factor: 4 }))).toEqual(Array(8).fill(4));
});

test("a partial rope is spaced over the channels that it rotates", () => {
  const { inv_freq } = init("linear", { factor: 1, partial_rotary_factor: 0.5 });
  expect(inv_freq).toEqual(compute_default_rope_parameters(rope, 8).inv_freq);
});

test("dynamic changes nothing up to max_position_embeddings, then stretches the slowest frequency by the excess", () => {
  expect(slower(init("dynamic", { factor: 2 }, 64))).toEqual(Array(8).fill(1));
  const [first, ...others] = slower(init("dynamic", { factor: 2 }, 128));
  expect(first).toBe(1);
  expect(others.at(-1)).toBe(3); // 2 * 128 / 64 - (2 - 1)
});

test("llama3 keeps fast frequencies, divides slow ones, and steps between", () => {
  const factors = slower(init("llama3", { factor: 8, low_freq_factor: 1, high_freq_factor: 4 }));
  // Frequency 1 turns 32 / (2 pi sqrt(10)) = 1.61 times within the original length: 1 / (0.203 + 0.797 / 8).
  expect(factors).toEqual([1, 3.3, 8, 8, 8, 8, 8, 8]);
});

describe("yarn", () => {
  const yarn = { factor: 4, beta_fast: 4, beta_slow: 1 };

  test("keeps fast frequencies, divides slow ones, with a ramp between", () => {
    // Frequency 1 is half way up the ramp from 0 to 2: 1 / (0.5 + 0.5 / 4).
    expect(slower(init("yarn", yarn))).toEqual([1, 1.6, 4, 4, 4, 4, 4, 4]);
  });

  test("without truncate the ramp begins and ends between frequencies", () => {
    expect(slower(init("yarn", { ...yarn, truncate: false }))).not.toEqual(slower(init("yarn", yarn)));
  });

  test("scales cosines and sines by factor, by mscale, or by attention_factor", () => {
    expect(init("yarn", yarn).attention_scaling).toBeCloseTo(0.1 * Math.log(4) + 1, 12);
    const by_mscale = init("yarn", { ...yarn, mscale: 2, mscale_all_dim: 1 }).attention_scaling;
    expect(by_mscale).toBeCloseTo((0.2 * Math.log(4) + 1) / (0.1 * Math.log(4) + 1), 12);
    expect(init("yarn", { ...yarn, attention_factor: 1.5 }).attention_scaling).toBe(1.5);
  });
});

describe("longrope", () => {
  const longrope = { short_factor: Array<number>(8).fill(2), long_factor: Array<number>(8).fill(5) };

  test("takes the long factors beyond the original length alone", () => {
    expect(slower(init("longrope", longrope, 32))).toEqual(Array(8).fill(2));
    expect(slower(init("longrope", longrope, 33))).toEqual(Array(8).fill(5));
  });

  test("scales cosines and sines by the growth of the length", () => {
    const { attention_scaling } = init("longrope", longrope);
    expect(attention_scaling).toBeCloseTo(Math.sqrt(1 + Math.log(2) / Math.log(32)), 12);
  });

  test("refuses another number of factors than frequencies", () => {
    expect(() => init("longrope", { ...longrope, short_factor: [1] })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: rope_parameters: expected 8 factors, found 1]`,
    );
  });
});

test("a parameter that is not there is named", () => {
  expect(() => init("linear", {})).toThrowErrorMatchingInlineSnapshot(
    `[RangeError: rope_parameters: expected factor, found none]`,
  );
});
