/** Scalar twins of assembly/normalization.ts and assembly/rotary.ts. */
import { expWeight } from "./exponential.ts";

const f = Math.fround;

/** Float64: element i to lane i mod 4, `(l0 + l1) + (l2 + l3)`, then the rest one by one. */
function sum(values: readonly number[]): number {
  const whole = values.length - (values.length % 4);
  const lanes = [0, 0, 0, 0];
  for (let i = 0; i < whole; i++) lanes[i % 4]! += values[i]!;
  let total = lanes[0]! + lanes[1]! + (lanes[2]! + lanes[3]!);
  for (let i = whole; i < values.length; i++) total += values[i]!;
  return total;
}

/** `change` of each row of `x` [rows, width]. */
function byRow(x: Float32Array, width: number, change: (row: readonly number[]) => readonly number[]): Float32Array {
  const rows = Array.from({ length: x.length / width }, (_, m) => [...x.subarray(m * width, (m + 1) * width)]);
  return Float32Array.from(rows.flatMap(change));
}

export function rms_norm(x: Float32Array, width: number, eps: number): Float32Array {
  return byRow(x, width, (row) => {
    const factor = f(1 / Math.sqrt(sum(row.map((value) => value * value)) / width + eps));
    return row.map((value) => f(value * factor));
  });
}

export function layer_norm(
  x: Float32Array,
  { weight, bias, eps }: { weight: Float32Array; bias: Float32Array | null; eps: number },
): Float32Array {
  const width = weight.length;
  return byRow(x, width, (row) => {
    const mean = sum(row) / width;
    const factor = 1 / Math.sqrt(sum(row.map((value) => (value - mean) * (value - mean))) / width + eps);
    return row.map((value, i) => (value - mean) * factor * weight[i]! + (bias?.[i] ?? 0));
  });
}

export function softmax(x: Float32Array, width: number): Float32Array {
  return byRow(x, width, (row) => {
    const largest = Math.max(...row);
    const exponentials = row.map((value) => expWeight(f(value - largest)));
    const factor = f(1 / sum(exponentials));
    return exponentials.map((value) => f(value * factor));
  });
}

export function rotary(
  x: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
  { heads, dim }: { heads: number; dim: number },
): Float32Array {
  return x.map((value, at) => {
    const [i, angle] = [at % dim, Math.floor(at / (heads * dim)) * dim];
    const rotated = i < dim / 2 ? -x[at + dim / 2]! : x[at - dim / 2]!;
    return f(f(value * cos[angle + i]!) + f(rotated * sin[angle + i]!));
  });
}
