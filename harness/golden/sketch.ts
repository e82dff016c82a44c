import { createHash } from "node:crypto";
import type { Numbers } from "../compare/distance.ts";
import { streamKey, uniformBits } from "../trace/draw.ts";

/** Numbers of a projection: 64 for the first phase, fewer for later ones, which repeat the same modules. */
export const projectionSizes = { first: 64, later: 8 } as const;

const keys = [streamKey(0, "golden.low"), streamKey(0, "golden.high")] as const;

/**
 * Seeded random projection of a tensor in float64: number k is sum(+-values) / sqrt(length), signs from the portable generator. For the difference d of
 * two tensors, the mean square of the projected difference estimates mean(d^2), so distances survive the sketch.
 */
export function project(values: Numbers, size: number): Float64Array {
  const sums = new Float64Array(size);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    let bits = uniformBits(keys[0], index);
    for (let number = 0; number < size; number++) {
      if (number === 32) bits = uniformBits(keys[1], index);
      // Times +1 or -1, as a branch on random bits is mispredicted every other time.
      sums[number]! += value * ((((bits >>> (number & 31)) & 1) << 1) - 1);
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

/** Float64 numbers as base64, little-endian. */
export function encodeNumbers(numbers: Float64Array): string {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString("base64");
}

/** Reads what `encodeNumbers` wrote. */
export function decodeNumbers(text: string): Float64Array {
  const bytes = Buffer.from(text, "base64");
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Checksum of a tensor that must be equal bit for bit; as in a live comparison, -0 counts as 0 and NaN as any other NaN. */
export function checksum(values: Numbers): string {
  const canonical = new Float64Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]! + 0; // -0 + 0 is 0
    canonical[index] = Number.isNaN(value) ? Number.NaN : value;
  }
  return createHash("sha256").update(canonical).digest("hex").slice(0, 16);
}
