/**
 * Sizes of an attention over `queries` x `keys` positions. What is computed may differ from what is in memory: of more stored heads or channels the first
 * are read, and in place of those that are not stored the last head, and zeros.
 */
export interface AttentionSizes {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  /** Query heads computed, and query heads in memory. */
  readonly heads: number;
  readonly stored_heads: number;
  /** Key heads used (query head `h` reads key head `floor(h * kv_heads / heads)`), and key heads in memory. */
  readonly kv_heads: number;
  readonly stored_kv_heads: number;
  /** Channels computed, and channels in memory. */
  readonly dim: number;
  readonly stored_dim: number;
}

/** `query @ key.T`: `query` [B, heads, S, D], `key` [B, kv_heads, T, D], result [B, heads, S, T]. */
export function attention_scores(query: Float32Array, key: Float32Array, sizes: AttentionSizes): Float32Array {
  const { batch, queries, keys, heads, stored_dim } = sizes;
  const width = Math.min(sizes.dim, stored_dim);
  const out = new Float32Array(batch * heads * queries * keys);
  let target = 0;
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++) {
      const key_start = kv_start(sizes, b, h);
      for (let s = 0; s < queries; s++) {
        const q = ((b * sizes.stored_heads + Math.min(h, sizes.stored_heads - 1)) * queries + s) * stored_dim;
        for (let t = 0; t < keys; t++) {
          const k = key_start + t * stored_dim;
          let sum = 0;
          for (let d = 0; d < width; d++) sum += query[q + d]! * key[k + d]!;
          out[target++] = sum;
        }
      }
    }
  return out;
}

/** `scores` [B, heads, S, T] with `lowest` added where `mask` [B, 1, S, T] is 0: finite, so that a fully masked row stays finite. */
export function mask_scores(
  scores: Float32Array,
  mask: Uint8Array,
  { batch, heads, lowest }: { batch: number; heads: number; lowest: number },
): Float32Array {
  const out = scores.slice();
  const block = mask.length / batch;
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++) {
      const start = (b * heads + h) * block;
      for (let i = 0; i < block; i++) if (mask[b * block + i] === 0) out[start + i]! += lowest;
    }
  return out;
}

/** `probs @ value`, heads moved behind positions: `probs` [B, heads, S, T], `value` [B, kv_heads, T, D], result [B, S, heads, D]. */
export function attention_context(probs: Float32Array, value: Float32Array, sizes: AttentionSizes): Float32Array {
  const { batch, queries, keys, heads, dim, stored_dim } = sizes;
  const out = new Float32Array(batch * queries * heads * dim);
  const width = Math.min(dim, stored_dim);
  const sums = new Float64Array(dim);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++) {
      const value_start = kv_start(sizes, b, h);
      for (let s = 0; s < queries; s++) {
        const row = ((b * heads + h) * queries + s) * keys;
        sums.fill(0);
        for (let t = 0; t < keys; t++) {
          const weight = probs[row + t]!;
          if (weight === 0) continue;
          const v = value_start + t * stored_dim;
          for (let d = 0; d < width; d++) sums[d]! += weight * value[v + d]!;
        }
        out.set(sums, ((b * queries + s) * heads + h) * dim);
      }
    }
  return out;
}

function kv_start({ heads, kv_heads, stored_kv_heads, keys, stored_dim }: AttentionSizes, b: number, h: number) {
  return (b * stored_kv_heads + Math.min(Math.floor((h * kv_heads) / heads), stored_kv_heads - 1)) * keys * stored_dim;
}
