import { floats, memoryOf } from "./memory.ts";

/**
 * `x * cos + rotate_half(x) * sin` for `x` [positions, heads, dim] with `cos` and `sin` [positions, dim]: channel `i`
 * is paired with `i + dim / 2`. `round` rounds the products before they are added, as in the reference; without it they
 * are float32.
 */
export function apply_rotary(
  x: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
  { heads, dim, round }: { heads: number; dim: number; round: ((value: number) => number) | null },
): Float32Array {
  const positions = x.length / (heads * dim);
  if (round !== null) return apply_rounded_rotary(x, cos, sin, { positions, heads, dim, round });
  const memory = memoryOf(x);
  return memory.result(x.length, (out) => {
    const from = [memory.place(x), memory.place(cos), memory.place(sin)] as const;
    memory.run("rotary", [...from, out, positions, heads, dim], 2 * x.length);
  });
}

function apply_rounded_rotary(
  x: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
  { positions, heads, dim, round }: { positions: number; heads: number; dim: number; round: (value: number) => number },
): Float32Array {
  const out = floats(x.length);
  const half = dim / 2;
  for (let position = 0; position < positions; position++) {
    const angle = position * dim;
    for (let head = 0; head < heads; head++) {
      const start = (position * heads + head) * dim;
      for (let i = 0; i < dim; i++) {
        const rotated = i < half ? -x[start + half + i]! : x[start + i - half]!;
        out[start + i] = round(x[start + i]! * cos[angle + i]!) + round(rotated * sin[angle + i]!);
      }
    }
  }
  return out;
}

/** Rotates as `apply_rotary` does, with channels paired as (2i, 2i + 1). */
export function apply_interleaved_rotary(
  x: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
  { heads, dim, round }: { heads: number; dim: number; round: (value: number) => number },
): Float32Array {
  const out = floats(x.length);
  for (let i = 0; i < x.length; i++) {
    const angle = Math.floor(i / (heads * dim)) * dim + (i % dim);
    const rotated = i % 2 === 0 ? -x[i + 1]! : x[i - 1]!;
    out[i] = round(x[i]! * cos[angle]!) + round(rotated * sin[angle]!);
  }
  return out;
}

/**
 * Cosine and sine tables [positions, 2 * frequencies] of the angles `position * inv_freq`, the frequencies repeated
 * once, times `scaling`. The angle is rounded to float32 first, as in the reference: at position 100,000 that is 0.004
 * radians.
 */
export function rotary_tables(
  positions: Int32Array,
  inv_freq: Float32Array,
  scaling: number,
): { cos: Float32Array; sin: Float32Array } {
  const half = inv_freq.length;
  const cos = floats(positions.length * half * 2);
  const sin = floats(cos.length);
  for (let row = 0; row < positions.length; row++)
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(positions[row]! * inv_freq[i]!);
      const target = row * half * 2 + i;
      cos[target] = cos[target + half] = Math.fround(Math.cos(angle)) * scaling;
      sin[target] = sin[target + half] = Math.fround(Math.sin(angle)) * scaling;
    }
  return { cos, sin };
}
