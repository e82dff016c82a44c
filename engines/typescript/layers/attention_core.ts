import type { AttentionSizes, CachedArray } from "../kernels/attention.ts";
import { attention_context, attention_scores, mask_scores } from "../kernels/attention.ts";
import { PagedStates } from "../kernels/pages.ts";
import { softmax } from "../kernels/softmax.ts";
import { scale } from "../tensor/elementwise.ts";
import { concat, slice } from "../tensor/layout.ts";
import { lowest } from "../tensor/rounding.ts";
import { scratch } from "../tensor/scratch.ts";
import type { MaskTensor, Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { layerConfig } from "./config_view.ts";
import type { ModelContext } from "./context.ts";
import type { Scope } from "./scope.ts";

/** Scores that are in memory at once when nobody listens: 64 MB of float32. */
const MOST_SCORES = 2 ** 24;

interface AttentionStates {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly mask: MaskTensor;
}

/** The fields an attention core is made from. */
export interface AttentionCoreConfig {
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
}

/** The options of an attention core. */
export interface AttentionCoreOptions {
  readonly layer_idx: number;
  /** The factor of scores. */
  readonly scaling: number;
  /** Sizes in place of those that the config has under their usual names. */
  readonly sizes?: Partial<Pick<AttentionCore, "num_heads" | "num_key_value_heads" | "head_dim" | "v_head_dim">>;
}

/**
 * The attention itself, without projections, norms and rope, as serving engines separate it (vLLM's
 * `Attention(num_heads, head_size, scale, num_kv_heads)`): one object per layer, made from the config on its own
 * account. Like a backend whose output buffer has `num_heads * head_dim` columns, it trusts its own sizes: of wider
 * heads it reads the first `head_dim` channels.
 */
export class AttentionCore {
  num_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  /** Channels of values, where these are not as wide as keys. */
  v_head_dim: number | null = null;
  /** The factor of scores. */
  scaling: number;
  readonly #path: string;
  readonly #context: ModelContext;

  constructor(at: Scope, config: AttentionCoreConfig, { layer_idx, scaling, sizes }: AttentionCoreOptions) {
    const layer_config = layerConfig(at.read(config), layer_idx);
    this.num_heads = layer_config.num_attention_heads;
    this.num_key_value_heads = layer_config.num_key_value_heads;
    this.head_dim = layer_config.head_dim;
    this.scaling = scaling;
    this.#path = at.path.slice(0, at.path.lastIndexOf("#"));
    this.#context = at.context;
    Object.assign(this, sizes);
  }

  /**
   * query [B, H, S, D], key and value [B, KV, T, D], mask [B, 1, S, T] with 1 = may be read. Returns [B, S, num_heads,
   * head_dim], or as wide as values.
   * @throws ShapeError when keys, values and mask don't fit each other; the core's own sizes are not checked against
   * them.
   */
  forward(query: Tensor, key: Tensor, value: Tensor, mask: MaskTensor): Tensor {
    this.#check(query, key, value, mask);
    const rows = Math.max(1, Math.floor(MOST_SCORES / (query.size(0) * this.num_heads * key.size(2))));
    if (this.#context.tracer === null && query.size(2) > rows) return this.#inBlocks({ query, key, value, mask }, rows);
    if (this.#context.tracer !== null) {
      const seen = Math.min(query.size(2), key.size(2)); // an encoder's output may be shorter than what reads it
      this.#tap("#k_rope", slice(key, 2, key.size(2) - seen, key.size(2)));
      this.#tap("#value", slice(value, 2, value.size(2) - seen, value.size(2)));
    }
    const scores = this.compute_scores(query, key); // [B, num_heads, S, T]
    this.#tap("#scores", scores);
    this.#tap("#mask", mask);
    const probs = this.compute_probs(this.apply_mask(scores, mask)); // [B, num_heads, S, T]
    this.#tap("#probs", probs);
    const context = this.compute_context(probs, value); // [B, S, num_heads, head_dim]
    this.#tap("#context", context);
    return context;
  }

  /**
   * `rows` queries after the other, which comes to the same numbers: so that memory grows with the length of the keys
   * and not with its square.
   */
  #inBlocks({ query, key, value, mask }: AttentionStates, rows: number): Tensor {
    const blocks = Array.from({ length: Math.ceil(query.size(2) / rows) }, (_, block) => {
      const [start, end] = [block * rows, Math.min((block + 1) * rows, query.size(2))];
      return scratch(() => this.forward(slice(query, 2, start, end), key, value, slice(mask, 2, start, end)));
    });
    return concat(blocks, 1);
  }

  /** Scaled scores before the mask. */
  compute_scores(query: Tensor, key: Tensor): Tensor {
    const shape = [query.size(0), this.num_heads, query.size(2), key.size(2)];
    const keys = cachedArray(key);
    if (query.data === null || keys === null) return floatTensor(shape, null, query.dtype);
    const products = attention_scores(query.data, keys, this.#sizes(query, key));
    return scale(roundedTensor(shape, products, query.dtype), this.scaling);
  }

  /** Scores with the lowest number of their dtype added where the mask is 0. */
  apply_mask(scores: Tensor, mask: MaskTensor): Tensor {
    const { shape, data, dtype } = scores;
    if (data === null || mask.data === null) return floatTensor(shape, null, dtype);
    const sizes = { batch: scores.size(0), heads: scores.size(1), lowest: lowest[dtype] };
    return roundedTensor(shape, mask_scores(data, mask.data, sizes), dtype);
  }

  compute_probs(scores: Tensor): Tensor {
    return roundedTensor(scores.shape, scores.data && softmax(scores.data, scores.size(-1)), scores.dtype);
  }

  compute_context(probs: Tensor, value: Tensor): Tensor {
    const dim = this.v_head_dim ?? this.head_dim;
    const shape = [probs.size(0), probs.size(2), this.num_heads, dim];
    const values = cachedArray(value);
    if (probs.data === null || values === null) return floatTensor(shape, null, probs.dtype);
    return roundedTensor(
      shape,
      attention_context(probs.data, values, { ...this.#sizes(probs, value), dim }),
      probs.dtype,
    );
  }

  #sizes(query: Tensor, key: Tensor): AttentionSizes {
    return {
      batch: query.size(0),
      queries: query.size(2),
      keys: key.size(2),
      heads: this.num_heads,
      stored_heads: query.size(1),
      kv_heads: this.num_key_value_heads,
      stored_kv_heads: key.size(1),
      dim: this.head_dim,
      stored_dim: key.size(3),
    };
  }

  #check(query: Tensor, key: Tensor, value: Tensor, mask: MaskTensor): void {
    const [batch, queries, keys] = [query.size(0), query.size(2), key.size(2)];
    expectShape("keys", key.shape, [batch, -1, -1, query.size(3)], "#scores");
    expectShape("values", value.shape, key.shape.with(3, this.v_head_dim ?? key.size(3)), "#context");
    expectShape("attention mask", mask.shape, [batch, 1, queries, keys], "#mask");
  }

  #tap(name: string, tensor: Tensor | MaskTensor): void {
    this.#context.tracer?.tap(`${this.#path}${name}`, tensor);
  }
}

function cachedArray(states: Tensor): CachedArray | null {
  return states.storage instanceof PagedStates ? states.storage : states.data;
}
