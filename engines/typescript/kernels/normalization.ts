/**
 * Each row of `x` [rows, width] divided by its root mean square: `x * (mean(x^2) + eps)^-0.5`. The mean is accumulated in float64; the factor
 * is rounded to float32 before it is applied, as the reference does.
 */
export function rms_norm(x: Float32Array, width: number, eps: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let squares = 0;
    for (let i = start; i < start + width; i++) squares += x[i]! * x[i]!;
    const factor = Math.fround((squares / width + eps) ** -0.5);
    for (let i = start; i < start + width; i++) out[i] = x[i]! * factor;
  }
  return out;
}

/** Each row of `x` [rows, width] as `(x - mean) / sqrt(variance + eps) * weight + bias` (null: none), in float64, rounded once. */
export function layer_norm(
  x: Float32Array,
  { weight, bias, eps }: { weight: Float32Array; bias: Float32Array | null; eps: number },
): Float32Array {
  const width = weight.length;
  const out = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) sum += x[i]!;
    const mean = sum / width;
    let squares = 0;
    for (let i = start; i < start + width; i++) squares += (x[i]! - mean) ** 2;
    const factor = 1 / Math.sqrt(squares / width + eps);
    for (let i = 0; i < width; i++) out[start + i] = (x[start + i]! - mean) * factor * weight[i]! + (bias?.[i] ?? 0);
  }
  return out;
}
