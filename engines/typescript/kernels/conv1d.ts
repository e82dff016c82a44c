import { linear } from "./linear.ts";
import { floats } from "./memory.ts";

/** Sizes of a convolution over `length` places, with `padding` zeros at both ends, which gives `positions`. */
export interface Conv1dSizes {
  readonly batch: number;
  readonly channels: number;
  /** Channels of the result. */
  readonly columns: number;
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly positions: number;
}

/**
 * Convolution: `x` [B, C, T], `weight` [O, C, K], `bias` [O] -> [B, O, positions]. It is a matrix product of the weight
 * with the inputs under the kernel at each position, in the order of `linear`, and the bias is added to the rounded
 * product.
 */
export function conv1d(
  x: Float32Array,
  { weight, bias }: { weight: Float32Array; bias: Float32Array },
  sizes: Conv1dSizes,
): Float32Array {
  const { batch, channels, columns, kernel, positions } = sizes;
  const out = floats(batch * columns * positions);
  for (let b = 0; b < batch; b++) {
    const met = windows(x, b, sizes);
    const product = linear(weight, met, null, { rows: columns, inner: channels * kernel, columns: positions });
    for (let o = 0; o < columns; o++) for (let p = 0; p < positions; p++) product[o * positions + p]! += bias[o]!;
    out.set(product, b * columns * positions);
  }
  return out;
}

/** The inputs of sequence `b` under the kernel at each position, zeros beyond both ends: [positions, C * K]. */
function windows(x: Float32Array, b: number, sizes: Conv1dSizes): Float32Array {
  const { channels, length, kernel, stride, padding, positions } = sizes;
  const out = floats(positions * channels * kernel);
  for (let c = 0; c < channels; c++) {
    const row = (b * channels + c) * length;
    for (let k = 0; k < kernel; k++)
      for (let p = 0, at = k - padding, to = c * kernel + k; p < positions; p++, at += stride, to += channels * kernel)
        out[to] = at >= 0 && at < length ? x[row + at]! : 0;
  }
  return out;
}
