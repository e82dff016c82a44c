import { memoryOf } from "./memory.ts";

/**
 * Each row of `x` [rows, width] divided by its root mean square: `x * (mean(x^2) + eps)^-0.5`. The mean is accumulated
 * in float64; the factor is rounded to float32 before it is applied, as the reference does.
 */
export function rms_norm(x: Float32Array, width: number, eps: number): Float32Array {
  const memory = memoryOf(x);
  return memory.result(x.length, (out) =>
    memory.run("rms_norm", [memory.place(x), out, x.length / width, width, { float64: eps }], x.length),
  );
}

/**
 * Each row of `x` [rows, width] as `(x - mean) / sqrt(variance + eps) * weight + bias` (null: none), in float64,
 * rounded once.
 */
export function layer_norm(
  x: Float32Array,
  { weight, bias, eps }: { weight: Float32Array; bias: Float32Array | null; eps: number },
): Float32Array {
  const width = weight.length;
  const memory = memoryOf(x, weight);
  return memory.result(x.length, (out) => {
    const rows = [memory.place(x), out, x.length / width, width] as const;
    const affine = [memory.place(weight), bias ? memory.place(bias) : 0] as const;
    memory.run("layer_norm", [...rows, { float64: eps }, ...affine], x.length);
  });
}
