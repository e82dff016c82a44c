import { reshape, swapMiddle } from "../tensor/layout.ts";
import type { MaskTensor, Tensor } from "../tensor/tensor.ts";
import type { AttentionCore, AttentionCoreConfig, AttentionCoreOptions } from "./attention_core.ts";
import { LayerModule } from "./configured_module.ts";
import type { KVCache } from "./kv_cache.ts";
import type { PositionEmbeddings } from "./rotary_embedding.ts";
import { apply_rotary_pos_emb } from "./rotary_embedding.ts";
import type { Scope } from "./scope.ts";

/** The inputs of an attention beside its states. */
export interface AttentionInputs {
  readonly attention_mask: MaskTensor;
  readonly cache: KVCache | null;
}

/** The inputs of a decoder layer beside its hidden states. */
export interface DecoderLayerInputs extends AttentionInputs {
  readonly position_embeddings: PositionEmbeddings;
}

/** Queries [B, S, heads, D], keys and values [B, S, kv_heads, D] of the new tokens. */
export type AttentionStates = readonly [query: Tensor, key: Tensor, value: Tensor];

/** An attention of one layer. Projections, norms and their order are each architecture's own. */
export abstract class Attention<C extends AttentionCoreConfig = AttentionCoreConfig> extends LayerModule<C> {
  head_dim: number;
  /** The attention itself, without projections, norms and rope. */
  abstract attention: AttentionCore;

  constructor(at: Scope, config: C, layer_idx: number) {
    super(at, config, layer_idx);
    this.head_dim = this.config.head_dim;
  }

  /** The attention core of this layer, `AttentionCore` or one that changes a step of it. */
  core<A extends AttentionCore, O extends AttentionCoreOptions>(
    Type: new (at: Scope, config: AttentionCoreConfig, options: O) => A,
    options: Omit<O, "layer_idx">,
  ): A {
    return new Type(this.at.functional("attention"), this.config, { ...options, layer_idx: this.layer_idx } as O);
  }

  /** The factor of scores, which the attention core keeps. */
  get scaling(): number {
    return this.attention.scaling;
  }

  set scaling(scaling: number) {
    this.attention.scaling = scaling;
  }

  abstract forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor;

  /** [B, S, heads * D] -> [B, S, heads, D]. */
  split_heads(states: Tensor): Tensor {
    return reshape(states, [...states.shape.slice(0, -1), -1, this.head_dim]);
  }

  /** Queries and keys rotated. */
  rotate([query_states, key_states]: readonly [Tensor, Tensor], [cos, sin]: PositionEmbeddings): [Tensor, Tensor] {
    this.step = "#q_rope";
    const query = this.apply_rotary_pos_emb(query_states, cos, sin);
    this.step = "#k_rope";
    return [query, this.apply_rotary_pos_emb(key_states, cos, sin)];
  }

  apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return apply_rotary_pos_emb(x, cos, sin);
  }

  /** Adds keys and values to the cache and attends: [B, S, heads * D]. */
  attend([query, key, value]: AttentionStates, { attention_mask, cache }: AttentionInputs): Tensor {
    const query_states = swapMiddle(query); // [B, heads, S, D]
    this.tap("#q_rope", query_states);
    this.step = "#k_rope";
    const states = [swapMiddle(key), swapMiddle(value)] as const; // [B, kv_heads, S, D]
    const [key_states, value_states] = cache?.update(...states, this.layer_idx) ?? states; // [B, kv_heads, T, D]
    this.step = "#context";
    const attn_output = this.attention.forward(query_states, key_states, value_states, attention_mask);
    return reshape(attn_output, [...query.shape.slice(0, 2), -1]);
  }
}
