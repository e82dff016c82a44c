/** Seeded tensors for the tests of the comparison: an oracle, and sides that differ from it by rounding noise. */
import { streamKey, uniform } from "../trace/draw.ts";
import { machineEpsilon } from "../trace/dtypes.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { float32Tensor, viewBytes } from "../trace/tensor.ts";

/** Standard normal numbers from a named stream. */
export function normal(name: string): () => number {
  const key = streamKey(1, name);
  let index = 0;
  return () => {
    const radius = Math.sqrt(-2 * Math.log(uniform(key, index++)));
    return radius * Math.cos(2 * Math.PI * uniform(key, index++));
  };
}

/** `values` with independent noise of `ulps` float32 ulp (of 1) on every element, rounded to float32. */
export function noisy(values: Float64Array, draw: () => number, ulps = 1): Float32Array {
  return Float32Array.from(values, (value) => value + ulps * machineEpsilon.F32 * draw());
}

/**
 * `values` with one relative error for each row of `columns`, as a reciprocal square root leaves it, rounded to
 * float32.
 */
export function noisyRows(values: Float64Array, columns: number, draw: () => number, ulps: number): Float32Array {
  let factor = 1;
  return Float32Array.from(values, (value, index) => {
    if (index % columns === 0) factor = 1 + ulps * machineEpsilon.F32 * draw();
    return value * factor;
  });
}

/** A row of softmax. */
export function softmax(row: readonly number[]): number[] {
  const top = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** A float64 tensor over `values`. */
export function float64Tensor(values: Float64Array, shape: readonly number[]): RawTensor {
  return { dtype: "F64", shape, bytes: viewBytes(values) };
}

/** A tensor of the dtype that holds `values`, rounded: for bfloat16 the upper half of a float32, to nearest. */
export function roundedTensor(
  dtype: "F32" | "F16" | "BF16",
  values: ArrayLike<number>,
  shape: readonly number[],
): RawTensor {
  if (dtype === "F32") return float32Tensor(Float32Array.from(values), shape);
  if (dtype === "F16") return { dtype, shape, bytes: viewBytes(Float16Array.from(values)) };
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return { dtype, shape, bytes: viewBytes(Uint16Array.from(bits, (pattern) => (pattern + 0x8000) >>> 16)) };
}
