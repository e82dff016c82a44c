import { attention_context } from "./attention.ts";
import { KERNEL_SCRATCH, memoryOf } from "./memory.ts";
import type { WeightArray } from "./packed.ts";
import { PackedHalves } from "./packed.ts";

/** Sizes of a matrix product: `x` [rows, inner], `weight` [columns, inner], result [rows, columns]. */
export interface LinearSizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

const formats = { BF16: 1, F16: 2 } as const;

/**
 * `x @ weight.T + bias`, float32. The order of the sums is that of assembly/matmul.ts and the same for all sizes; the
 * product is rounded before the bias is added, as a BLAS product with a separate bias does.
 */
export function linear(
  x: Float32Array,
  weight: WeightArray,
  bias: Float32Array | null,
  { rows, inner, columns }: LinearSizes,
): Float32Array {
  const [array, format] = weight instanceof PackedHalves ? [weight.halves, formats[weight.format]] : [weight, 0];
  const memory = memoryOf(array, x);
  return memory.result(rows * columns, (out) => {
    const from = [memory.place(x), memory.place(array), bias ? memory.place(bias) : 0] as const;
    memory.run("linear", [...from, out, rows, inner, columns, format, KERNEL_SCRATCH], rows * inner * columns);
  });
}

/**
 * `x @ weight + bias` for `weight` [inner, columns]: rows of the weight are weighed as an attention weighs values, and
 * rounded before the bias is added.
 */
export function linear_transposed(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  { rows, inner, columns }: LinearSizes,
): Float32Array {
  const one = { batch: 1, heads: 1, stored_heads: 1, kv_heads: 1, stored_kv_heads: 1 };
  const product = attention_context(x, weight, {
    ...one,
    queries: rows,
    keys: inner,
    dim: columns,
    stored_dim: columns,
  });
  for (let m = 0; m < rows; m++) for (let n = 0; n < columns; n++) product[m * columns + n]! += bias[n]!;
  return product;
}
