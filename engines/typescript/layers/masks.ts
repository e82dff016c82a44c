import { elementCount } from "../../../harness/trace/tensor.ts";
import { slice } from "../tensor/layout.ts";
import type { IndexTensor, MaskTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor, maskTensor } from "../tensor/tensor.ts";
import type { KVCache } from "./kv_cache.ts";

/** The facts that a mask is made from. */
export interface MaskInputs {
  readonly batch_size: number;
  /** Number of new tokens. */
  readonly q_length: number;
  /** [B, all tokens seen including the new ones], 1 = a real token. */
  readonly attention_mask: IndexTensor;
  readonly cache: KVCache | null;
}

/** The masks by layer type, [B, 1, S, T], 1 = may be read. */
export interface AttentionMasks {
  full_attention: MaskTensor;
  sliding_attention: MaskTensor;
  /** [B, S], 0 = padding, which recurrent layers zero; null where there is nothing to zero. */
  linear_attention?: IndexTensor | null;
}

/**
 * The mask [B, 1, S, T] of an attention without one, for queries [B, ..., S, D] and keys [B, ..., T, D], of which
 * `axis` is that of S and T.
 */
export function everythingReadable(
  { shapesOnly }: { readonly shapesOnly: boolean },
  [query, key]: readonly [Tensor, Tensor],
  axis = 2,
): MaskTensor {
  const shape = [query.size(0), 1, query.size(axis), key.size(axis)];
  return maskTensor(shape, shapesOnly ? null : new Uint8Array(elementCount(shape)).fill(1));
}

/**
 * True where query position `q` may read key position `k` in sequence `b`; positions count from the start of the
 * (padded) sequence.
 */
export type MaskFunction = (b: number, q: number, k: number) => boolean;

/** Types of tokens [B, S] -> the number of the run of tokens of the wanted types that a token lies in, -1 outside. */
export function block_sequence_ids(types: IndexTensor, is_wanted: (type: number) => boolean): IndexTensor {
  const length = types.size(1);
  const blocks = new Int32Array(types.data.length).fill(-1);
  let block = -1;
  for (const [i, type] of types.data.entries()) {
    if (i % length === 0) block = -1;
    if (!is_wanted(type)) continue;
    if (i % length === 0 || !is_wanted(types.data[i - 1]!)) block++;
    blocks[i] = block;
  }
  return indexTensor(types.shape, blocks);
}

/** Builds attention masks. Source: transformers 5.24.0, `masking_utils.py`; the methods carry its names. */
export class MaskBuilder {
  /** Infinity where a model has none. */
  sliding_window: number;
  /** False for models whose tokens all see each other. */
  is_causal: boolean;
  readonly #shapesOnly: boolean;

  constructor(options: { sliding_window: number; is_causal: boolean; shapesOnly: boolean }) {
    this.sliding_window = options.sliding_window;
    this.is_causal = options.is_causal;
    this.#shapesOnly = options.shapesOnly;
  }

  causal_mask_function(_b: number, q: number, k: number): boolean {
    return k <= q;
  }

  sliding_window_overlay(_b: number, q: number, k: number): boolean {
    return k > q - this.sliding_window;
  }

  sliding_window_bidirectional_overlay(_b: number, q: number, k: number): boolean {
    return Math.abs(q - k) <= this.sliding_window;
  }

  /** True within one block; -1 and positions behind the end of `block_sequence_ids` [B, N] belong to none. */
  blockwise_overlay(block_sequence_ids: IndexTensor, b: number, q: number, k: number): boolean {
    const length = block_sequence_ids.size(1);
    if (q >= length || k >= length) return false;
    const block = block_sequence_ids.data[b * length + q]!;
    return block >= 0 && block === block_sequence_ids.data[b * length + k];
  }

  /** False for keys that are padding. */
  padding_mask_function(attention_mask: IndexTensor, b: number, _q: number, k: number): boolean {
    return attention_mask.data[b * attention_mask.size(1) + k] === 1;
  }

  /** Full attention: causal, or everything when the model is not. */
  create_causal_mask(inputs: MaskInputs): MaskTensor {
    return this.create_mask(inputs, "full", (b, q, k) => !this.is_causal || this.causal_mask_function(b, q, k));
  }

  create_sliding_window_causal_mask(inputs: MaskInputs): MaskTensor {
    return this.create_mask(inputs, "sliding", (b, q, k) =>
      this.is_causal
        ? this.sliding_window_overlay(b, q, k) && this.causal_mask_function(b, q, k)
        : this.sliding_window_bidirectional_overlay(b, q, k),
    );
  }

  /** Full attention in which the tokens of one block also see those behind them: causal OR same block. */
  create_block_mask(inputs: MaskInputs, block_sequence_ids: IndexTensor): MaskTensor {
    return this.create_mask(
      inputs,
      "full",
      (b, q, k) => this.causal_mask_function(b, q, k) || this.blockwise_overlay(block_sequence_ids, b, q, k),
    );
  }

  /**
   * Sliding attention in which the tokens of one block also see those behind them: window AND (causal OR same block).
   */
  create_sliding_window_block_mask(inputs: MaskInputs, block_sequence_ids: IndexTensor): MaskTensor {
    return this.create_mask(
      inputs,
      "sliding",
      (b, q, k) =>
        this.sliding_window_overlay(b, q, k) &&
        (this.causal_mask_function(b, q, k) || this.blockwise_overlay(block_sequence_ids, b, q, k)),
    );
  }

  /** The padding of the new tokens [B, S]; null when they are none, or one, which can't be padding. */
  create_recurrent_attention_mask({ q_length, attention_mask }: MaskInputs): IndexTensor | null {
    if (q_length === 1 || attention_mask.data.every((real) => real === 1)) return null;
    const length = attention_mask.size(1);
    return slice<Int32Array, IndexTensor>(attention_mask, 1, length - q_length, length);
  }

  /** `mask_function` AND padding over the new tokens and the keys that layers of `kind` will read. */
  create_mask(inputs: MaskInputs, kind: "full" | "sliding", mask_function: MaskFunction): MaskTensor {
    const { batch_size, q_length, attention_mask, cache } = inputs;
    const { kv_length, kv_offset } = cache?.get_mask_sizes(q_length, kind) ?? { kv_length: q_length, kv_offset: 0 };
    const q_offset = cache?.seq_length ?? 0;
    const shape = [batch_size, 1, q_length, kv_length];
    if (this.#shapesOnly) return maskTensor(shape, null);
    const mask = new Uint8Array(batch_size * q_length * kv_length);
    let target = 0;
    for (let b = 0; b < batch_size; b++)
      for (let q = q_offset; q < q_offset + q_length; q++)
        for (let k = kv_offset; k < kv_offset + kv_length; k++, target++)
          if (this.padding_mask_function(attention_mask, b, q, k) && mask_function(b, q, k)) mask[target] = 1;
    return maskTensor(shape, mask);
  }
}
