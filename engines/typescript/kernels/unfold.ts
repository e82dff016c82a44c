import { floats } from "./memory.ts";

/** Sizes of a convolution over `length` positions, which gives `positions`. */
export interface UnfoldSizes {
  readonly batch: number;
  readonly channels: number;
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly positions: number;
}

/** What a convolution's kernel sees at each position: `x` [B, C, T] -> [B, positions, C * kernel], zeros beyond both ends. */
export function unfold1d(x: Float32Array, sizes: UnfoldSizes): Float32Array {
  const { batch, channels, length, kernel, stride, padding, positions } = sizes;
  const out = floats(batch * positions * channels * kernel);
  let target = 0;
  for (let b = 0; b < batch; b++)
    for (let p = 0; p < positions; p++) {
      const first = p * stride - padding;
      for (let c = 0; c < channels; c++) {
        const row = (b * channels + c) * length;
        for (let k = first; k < first + kernel; k++) out[target++] = k >= 0 && k < length ? x[row + k]! : 0;
      }
    }
  return out;
}

/** `x` [B, rows, columns] -> [B, columns, rows]. */
export function swapRowsAndColumns(
  x: Float32Array,
  { batch, rows, columns }: { batch: number; rows: number; columns: number },
): Float32Array {
  const out = floats(x.length);
  for (let b = 0; b < batch; b++) {
    const start = b * rows * columns;
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        out[start + column * rows + row] = x[start + row * columns + column]!;
  }
  return out;
}
