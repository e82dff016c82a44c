/**
 * Scalar twins of assembly/matmul.ts and assembly/attention.ts: the same sums in the same order, one rounding to
 * float32 after each operation. Tests hold the kernels against them bit by bit.
 */
import type { AttentionSizes } from "../attention.ts";
import type { LinearSizes } from "../linear.ts";

const f = Math.fround;
/** Products that are summed before they are added to the total. */
const BLOCK = 256;

/** The dot product of `length` numbers of `x` from `i` and of `w` from `j`. */
export function dot(
  x: Float32Array,
  w: Float32Array,
  { i, j, length }: { i: number; j: number; length: number },
): number {
  let total = 0;
  for (let start = 0; start < length; start += BLOCK) {
    const end = Math.min(start + BLOCK, length);
    const whole = end - ((end - start) % 4);
    const lanes = [0, 0, 0, 0];
    for (let k = start; k < whole; k++) lanes[(k - start) % 4] = f(lanes[(k - start) % 4]! + f(x[i + k]! * w[j + k]!));
    let block = f(f(lanes[0]! + lanes[1]!) + f(lanes[2]! + lanes[3]!));
    for (let k = whole; k < end; k++) block = f(block + f(x[i + k]! * w[j + k]!));
    total = f(total + block);
  }
  return total;
}

export function linear(x: Float32Array, w: Float32Array, bias: Float32Array | null, sizes: LinearSizes): Float32Array {
  const { rows, inner, columns } = sizes;
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const [m, n] = [Math.floor(at / columns), at % columns];
    const product = dot(x, w, { i: m * inner, j: n * inner, length: inner });
    return bias === null ? product : f(product + bias[n]!);
  });
}

/** Index of the first stored number of the key head that query head `h` of sequence `b` reads. */
function keyStart(
  { heads, kv_heads, stored_kv_heads, keys, stored_dim }: AttentionSizes,
  b: number,
  h: number,
): number {
  return (b * stored_kv_heads + Math.min(Math.floor((h * kv_heads) / heads), stored_kv_heads - 1)) * keys * stored_dim;
}

export function attention_scores(query: Float32Array, key: Float32Array, sizes: AttentionSizes): Float32Array {
  const { batch, queries, keys, heads, stored_heads, dim, stored_dim } = sizes;
  const out: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let s = 0; s < queries; s++)
        for (let t = 0; t < keys; t++) {
          const i = ((b * stored_heads + Math.min(h, stored_heads - 1)) * queries + s) * stored_dim;
          const j = keyStart(sizes, b, h) + t * stored_dim;
          out.push(dot(query, key, { i, j, length: Math.min(dim, stored_dim) }));
        }
  return Float32Array.from(out);
}

export function attention_context(probs: Float32Array, value: Float32Array, sizes: AttentionSizes): Float32Array {
  const { batch, queries, keys, heads, dim, stored_dim } = sizes;
  const out = new Float32Array(batch * queries * heads * dim);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let s = 0; s < queries; s++)
        for (let d = 0; d < Math.min(dim, stored_dim); d++) {
          const row = ((b * heads + h) * queries + s) * keys;
          const column = keyStart(sizes, b, h) + d;
          let total = 0;
          for (let start = 0; start < keys; start += BLOCK) {
            let sum = 0;
            for (let t = start; t < Math.min(start + BLOCK, keys); t++)
              sum = f(sum + f(probs[row + t]! * value[column + t * stored_dim]!));
            total = f(total + sum);
          }
          out[((b * queries + s) * heads + h) * dim + d] = total;
        }
  return out;
}
