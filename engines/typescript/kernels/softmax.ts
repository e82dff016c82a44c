/** Softmax over each row of `x` [rows, width]: exponentials and their sum in float64, the quotient rounded to float32. */
export function softmax(x: Float32Array, width: number): Float32Array {
  const out = new Float32Array(x.length);
  const exponentials = new Float64Array(width);
  for (let start = 0; start < x.length; start += width) {
    let max = -Infinity;
    for (let i = start; i < start + width; i++) if (x[i]! > max) max = x[i]!;
    let sum = 0;
    for (let i = 0; i < width; i++) sum += exponentials[i] = Math.exp(x[start + i]! - max);
    for (let i = 0; i < width; i++) out[start + i] = exponentials[i]! / sum;
  }
  return out;
}
