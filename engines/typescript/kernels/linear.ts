/** Sizes of a matrix product: `x` [rows, inner], `weight` [columns, inner], result [rows, columns]. */
export interface LinearSizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/**
 * `x @ weight.T + bias`: accumulated in float64, rounded to float32 once at the end. Four columns at a time, so that a row of `x` is read
 * once for four dot products and the four weight rows stay in the first-level cache while all rows of `x` pass by.
 */
export function linear(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array | null,
  { rows, inner, columns }: LinearSizes,
): Float32Array {
  const out = new Float32Array(rows * columns);
  const blocked = columns - (columns % 4);
  for (let n = 0; n < blocked; n += 4) {
    const [w0, w1, w2, w3] = [n * inner, (n + 1) * inner, (n + 2) * inner, (n + 3) * inner];
    for (let m = 0; m < rows; m++) {
      const start = m * inner;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let k = 0; k < inner; k++) {
        const value = x[start + k]!;
        s0 += value * weight[w0 + k]!;
        s1 += value * weight[w1 + k]!;
        s2 += value * weight[w2 + k]!;
        s3 += value * weight[w3 + k]!;
      }
      const target = m * columns + n;
      out[target] = s0;
      out[target + 1] = s1;
      out[target + 2] = s2;
      out[target + 3] = s3;
    }
  }
  for (let n = blocked; n < columns; n++)
    for (let m = 0; m < rows; m++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += x[m * inner + k]! * weight[n * inner + k]!;
      out[m * columns + n] = sum;
    }
  // The product is rounded before the bias is added, as a BLAS product with a separate bias does.
  if (bias !== null) for (let m = 0; m < rows; m++) for (let n = 0; n < columns; n++) out[m * columns + n]! += bias[n]!;
  return out;
}

/** `x @ weight + bias` for `weight` [inner, columns]: accumulated in float64 row by row, rounded to float32 before the bias is added. */
export function linear_transposed(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  { rows, inner, columns }: LinearSizes,
): Float32Array {
  const out = new Float32Array(rows * columns);
  const sums = new Float64Array(columns);
  for (let m = 0; m < rows; m++) {
    sums.fill(0);
    for (let k = 0; k < inner; k++) {
      const value = x[m * inner + k]!;
      const start = k * columns;
      for (let n = 0; n < columns; n++) sums[n]! += value * weight[start + n]!;
    }
    const target = m * columns;
    for (let n = 0; n < columns; n++) out[target + n] = Math.fround(sums[n]!) + bias[n]!;
  }
  return out;
}
