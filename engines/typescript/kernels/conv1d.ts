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
 * Convolution: `x` [B, C, T], `weight` [O, C, K], `bias` [O] -> [B, O, positions]. Accumulated in float64 and rounded to float32 once: of padded speech most
 * places are the same, so that an error in one of them is an error of the whole channel.
 */
export function conv1d(
  x: Float32Array,
  { weight, bias }: { weight: Float32Array; bias: Float32Array },
  sizes: Conv1dSizes,
): Float32Array {
  const { batch, channels, columns, length, kernel, stride, padding, positions } = sizes;
  const out = floats(batch * columns * positions);
  const sums = new Float64Array(positions);
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < columns; o++) {
      sums.fill(bias[o]!);
      for (let c = 0; c < channels; c++) {
        const row = (b * channels + c) * length;
        for (let k = 0; k < kernel; k++) {
          const factor = weight[(o * channels + c) * kernel + k]!;
          // Places that lie within the row: the others are zeros.
          const first = Math.max(0, Math.ceil((padding - k) / stride));
          const end = Math.min(positions, Math.floor((length - 1 + padding - k) / stride) + 1);
          for (let p = first, at = row + first * stride + k - padding; p < end; p++, at += stride)
            sums[p]! += factor * x[at]!;
        }
      }
      out.set(sums, (b * columns + o) * positions);
    }
  return out;
}
