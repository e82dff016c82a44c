import { memoryOf } from "./memory.ts";
import { PagedStates } from "./pages.ts";

/**
 * Sizes of an attention over `queries` x `keys` positions. What is computed may differ from what is in memory: of more
 * stored heads or channels the first are read, and in place of those that are not stored the last head, and zeros.
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

/** Keys or values [B, kv_heads, T, D], packed densely or in pages. */
export type CachedArray = Float32Array | PagedStates;

/** `query @ key.T`: `query` [B, heads, S, D], `key` [B, kv_heads, T, D], result [B, heads, S, T]. */
export function attention_scores(query: Float32Array, key: CachedArray, sizes: AttentionSizes): Float32Array {
  const { batch, queries, keys, heads } = sizes;
  const cached = placeOf(key, sizes);
  const memory = memoryOf(cached.numbers, query);
  const length = batch * heads * queries * keys;
  return memory.result(length, (out) => {
    const keyAddress = memory.place(cached.numbers) + 4 * cached.offset;
    const args = [memory.place(query), keyAddress, out, ...counts(sizes, cached.room)];
    memory.run("attention_scores", args, length * sizes.dim);
  });
}

/**
 * `scores` [B, heads, S, T] with `lowest` added where `mask` [B, 1, S, T] is 0: finite, so that a fully masked row
 * stays finite.
 */
export function mask_scores(
  scores: Float32Array,
  mask: Uint8Array,
  { batch, heads, lowest }: { batch: number; heads: number; lowest: number },
): Float32Array {
  const memory = memoryOf(scores);
  const block = mask.length / batch;
  return memory.result(scores.length, (out) => {
    const args = [memory.place(scores), memory.place(mask), out, batch, heads, block, { float32: lowest }];
    memory.run("mask_scores", args, scores.length);
  });
}

/**
 * `probs @ value`, heads moved behind positions: `probs` [B, heads, S, T], `value` [B, kv_heads, T, D], result [B, S,
 * heads, D].
 */
export function attention_context(probs: Float32Array, value: CachedArray, sizes: AttentionSizes): Float32Array {
  const { batch, queries, heads, dim } = sizes;
  const cached = placeOf(value, sizes);
  const memory = memoryOf(cached.numbers, probs);
  return memory.result(batch * queries * heads * dim, (out) => {
    const valueAddress = memory.place(cached.numbers) + 4 * cached.offset;
    const args = [memory.place(probs), valueAddress, out, ...counts(sizes, cached.room)];
    memory.run("attention_context", args, probs.length * dim);
  });
}

/** The memory that cached states are in, and how many tokens a head has room for. */
function placeOf(states: CachedArray, { keys }: AttentionSizes): PagedStates["place"] {
  return states instanceof PagedStates ? states.place : { numbers: states, offset: 0, room: keys };
}

/**
 * The counts of both kernels, in their order. Query heads of one key head are one task where they stand side by side.
 */
function counts(sizes: AttentionSizes, room: number): number[] {
  const { batch, queries, keys, heads, stored_heads, kv_heads, stored_kv_heads, dim, stored_dim } = sizes;
  const regular = stored_heads >= heads && heads % kv_heads === 0;
  const group = regular ? heads / kv_heads : 1;
  const shape = [batch, queries, keys, heads, stored_heads, kv_heads, stored_kv_heads];
  return [...shape, Math.min(dim, stored_dim), stored_dim, room, group, dim];
}
