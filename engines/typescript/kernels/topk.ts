/**
 * The columns of the `k` largest numbers of each row of `x` [rows, width], the largest first: [rows, k]. Of equal
 * numbers the one in the lower column comes first; PyTorch does not say which.
 */
export function topk_indices(x: Float32Array, { width, k }: { width: number; k: number }): Int32Array {
  const rows = x.length / width;
  const out = new Int32Array(rows * k);
  const columns = Array.from({ length: width }, (_, column) => column);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    const ordered = columns.toSorted((a, b) => x[start + b]! - x[start + a]! || a - b);
    out.set(ordered.slice(0, k), row * k);
  }
  return out;
}

/** The numbers of `x` [rows, width] in the columns `indices` [rows, k]: [rows, k]. */
export function gather_columns(
  x: Float32Array,
  indices: Int32Array,
  { width, k }: { width: number; k: number },
): Float32Array {
  return Float32Array.from(indices, (column, i) => x[Math.floor(i / k) * width + column]!);
}

/** Each row of `x` [rows, width] divided by its sum, which is rounded to float32 first. */
export function normalize_rows(x: Float32Array, width: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) sum += x[i]!;
    const divisor = Math.fround(sum);
    for (let i = start; i < start + width; i++) out[i] = x[i]! / divisor;
  }
  return out;
}
