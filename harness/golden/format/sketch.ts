import { createHash } from "node:crypto";
import type { Numbers } from "../../compare/distance.ts";
import { streamKey, uniformBits } from "../../trace/draw.ts";

/**
 * Numbers of a projection: 64 for the first phase, 8 for later ones, which repeat the same modules. Measured on planted
 * faults scaled down to 8x noise at their site: 16 and 8 find and locate as many as 256 and 32 do (docs/method.md).
 */
export const projectionSizes = { first: 64, later: 8 } as const;

/** Signs come 32 at a time, each word from a stream of its own. */
const wordKeys = Array.from({ length: 8 }, (_, word) => streamKey(0, `golden.signs.${word}`));

/** The most numbers that a projection may have. */
export const largestProjection = 32 * wordKeys.length;

/**
 * Seeded random projection of a tensor in float64: number k is sum(+-values) / sqrt(length), signs from the portable
 * generator. For the difference d of two tensors, the mean square of the projected difference estimates mean(d^2), so
 * distances survive the sketch. The first numbers of a longer projection are the shorter one.
 */
export function project(values: Numbers, size: number): Float64Array {
  const sums = new Float64Array(size);
  for (let first = 0, word = 0; first < size; first += 32, word++) {
    const [key, count] = [wordKeys[word]!, Math.min(32, size - first)];
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      const bits = uniformBits(key, index);
      // Times +1 or -1, as a branch on random bits is mispredicted every other time.
      for (let bit = 0; bit < count; bit++) sums[first + bit]! += value * (((bits >>> bit) & 1) * 2 - 1);
    }
  }
  const scale = 1 / Math.sqrt(Math.max(values.length, 1));
  return sums.map((sum) => sum * scale);
}

/** rms(a - b) of two tensors, estimated from their projections. */
export function projectedDistance(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let number = 0; number < a.length; number++) total += (a[number]! - b[number]!) ** 2;
  return Math.sqrt(total / a.length);
}

/**
 * Steps of a stored number in one noise unit: rounding to them makes a ratio of 1 one of 1.003. Judging needs no more,
 * and each further bit is 4 % of a golden.
 */
export const stepsPerNoise = 4;

/**
 * A projection as whole multiples of 1/4 of the noise unit; null where they don't fit into 32 bits or are no numbers.
 */
export function quantise(projection: Float64Array, noise: number): Int32Array | null {
  const step = noise / stepsPerNoise;
  const rounded = projection.map((number) => Math.round(number / step));
  return rounded.every((number) => Math.abs(number) < 2 ** 31) ? Int32Array.from(rounded) : null;
}

/** Reads what `quantise` wrote. */
export function restore(numbers: Int32Array, noise: number): Float64Array {
  return Float64Array.from(numbers, (number) => number * (noise / stepsPerNoise));
}

/**
 * Checksum of a tensor that must be equal bit for bit; as in a live comparison, -0 counts as 0 and NaN as any other
 * NaN.
 */
export function checksum(values: Numbers): string {
  const canonical = new Float64Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]! + 0; // -0 + 0 is 0
    canonical[index] = Number.isNaN(value) ? Number.NaN : value;
  }
  return createHash("sha256").update(canonical).digest("hex").slice(0, 16);
}
