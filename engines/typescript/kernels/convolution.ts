/** Sizes of a depthwise convolution over `length` positions, the kernel as wide as its weight's rows. */
export interface ConvolutionSizes {
  readonly batch: number;
  readonly channels: number;
  readonly length: number;
  readonly kernel: number;
}

/**
 * Causal depthwise convolution: `x` [B, C, T], `weight` [C, K], result [B, C, T]. Position t reads t - K + 1 .. t, and
 * zeros before the first. Accumulated in float64, rounded to float32 once.
 */
export function causal_conv1d(
  x: Float32Array,
  { weight, bias }: { weight: Float32Array; bias: Float32Array | null },
  { batch, channels, length, kernel }: ConvolutionSizes,
): Float32Array {
  const out = new Float32Array(x.length);
  for (let b = 0; b < batch; b++)
    for (let c = 0; c < channels; c++) {
      const start = (b * channels + c) * length;
      for (let t = 0; t < length; t++) {
        let sum = bias?.[c] ?? 0;
        for (let k = Math.max(kernel - 1 - t, 0); k < kernel; k++)
          sum += weight[c * kernel + k]! * x[start + t - kernel + 1 + k]!;
        out[start + t] = sum;
      }
    }
  return out;
}
