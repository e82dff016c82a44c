import { reshape, swapMiddle } from "../tensor/layout.ts";
import { outlive } from "../tensor/scratch.ts";
import type { MaskTensor, Tensor } from "../tensor/tensor.ts";
import type { AttentionCoreConfig } from "./attention_core.ts";
import { AttentionCore } from "./attention_core.ts";
import type { LayerType } from "./config_schema.ts";
import { layerConfig } from "./config_view.ts";
import { ConfiguredModule } from "./configured_module.ts";
import type { KVCache, KeyValue } from "./kv_cache.ts";
import { kv_sharing_modes } from "./kv_sharing_config.ts";
import type { Linear } from "./linear.ts";
import type { RMSNorm } from "./normalization.ts";
import type { PositionEmbeddings } from "./rotary_embedding.ts";
import { apply_rotary_pos_emb } from "./rotary_embedding.ts";
import type { Scope } from "./scope.ts";

/** The inputs of a layer of a model with shared keys, beside its hidden states. */
export interface KVSharingInputs {
  readonly position_embeddings: PositionEmbeddings;
  readonly attention_mask: MaskTensor;
  /** Keys and values of "store" layers by layer type, for the layers that reuse them in the same forward. */
  readonly shared_kv_states: Map<string, KeyValue>;
  readonly cache: KVCache | null;
}

/** The fields that such an attention is made from. */
export interface KVSharingConfig extends AttentionCoreConfig {
  readonly hidden_size: number;
  readonly layer_types: readonly LayerType[];
  readonly num_hidden_layers: number;
  readonly num_kv_shared_layers: number;
  readonly rms_norm_eps: number;
  readonly attention_bias: boolean;
  readonly attention_k_eq_v: boolean;
}

/**
 * Attention of one layer of Gemma 4: hidden_states [B, S, hidden_size] -> the same shape. Layers differ in head size
 * and key heads, may take their keys for values, and may reuse the keys and values of an earlier layer. The attention
 * itself is `attention`.
 */
export abstract class KVSharingAttention extends ConfiguredModule<KVSharingConfig> {
  layer_type: string;
  layer_idx: number;
  head_dim: number;
  use_alternative_attention: boolean;
  is_kv_shared_layer: boolean;
  store_full_length_kv: boolean;
  q_proj: Linear;
  q_norm: RMSNorm;
  k_norm: RMSNorm | null = null;
  v_norm: RMSNorm | null = null;
  k_proj: Linear | null = null;
  v_proj: Linear | null = null;
  o_proj: Linear;
  attention: AttentionCore;

  constructor(scope: Scope, config: KVSharingConfig, { layer_idx, Norm }: { layer_idx: number; Norm: typeof RMSNorm }) {
    super(scope, config);
    const at = this.at.with(layerConfig(this.config, layer_idx));
    this.layer_type = this.config.layer_types[layer_idx]!;
    this.layer_idx = layer_idx;
    this.head_dim = at.config.head_dim;
    this.use_alternative_attention = this.config.attention_k_eq_v && this.layer_type !== "sliding_attention";
    const kv_sharing_mode = kv_sharing_modes(this.config)[layer_idx];
    this.is_kv_shared_layer = kv_sharing_mode === "reuse";
    this.store_full_length_kv = kv_sharing_mode === "store";

    const query = at.size(["num_attention_heads", "head_dim"]);
    this.q_proj = at.linear("q_proj", "hidden_size", query, { bias: "attention_bias" });
    this.q_norm = at.norm("q_norm", Norm, "head_dim");
    // Layers sharing kv states don't need any weight matrices
    if (!this.is_kv_shared_layer) {
      const key = at.size(["num_key_value_heads", "head_dim"]);
      this.k_norm = at.norm("k_norm", Norm, "head_dim");
      this.v_norm = at.norm("v_norm", Norm, "head_dim", { with_scale: false });
      this.k_proj = at.linear("k_proj", "hidden_size", key, { bias: "attention_bias" });
      if (!this.use_alternative_attention)
        this.v_proj = at.linear("v_proj", "hidden_size", key, { bias: "attention_bias" });
    }
    this.o_proj = at.linear("o_proj", query, "hidden_size", { bias: "attention_bias" });
    // q and k are normed: no 1/sqrt(head_dim)
    this.attention = new AttentionCore(at.functional("attention"), this.config, { layer_idx, scaling: 1 });
  }

  /** The factor of scores, which the attention core keeps. */
  get scaling(): number {
    return this.attention.scaling;
  }

  set scaling(scaling: number) {
    this.attention.scaling = scaling;
  }

  forward(
    hidden_states: Tensor,
    { position_embeddings, attention_mask, shared_kv_states, cache }: KVSharingInputs,
  ): Tensor {
    this.step = "#q_rope";
    const query_states = this.query_states(hidden_states, position_embeddings); // [B, heads, S, D]
    this.tap("#q_rope", query_states);

    // Shared layers never read the cache: sliding layers have dropped there what this forward's first queries still
    // see.
    this.step = "#k_rope";
    const states = this.is_kv_shared_layer
      ? shared_kv_states.get(this.layer_type)!
      : this.key_value_states(hidden_states, position_embeddings);
    // [B, kv_heads, T, D]
    const [key_states, value_states] =
      this.is_kv_shared_layer || cache === null ? states : cache.update(...states, this.layer_idx);
    if (this.store_full_length_kv) shared_kv_states.set(this.layer_type, [outlive(key_states), outlive(value_states)]);

    this.step = "#context";
    const attn_output = this.attention.forward(query_states, key_states, value_states, attention_mask);
    return this.o_proj.call(reshape(attn_output, [...hidden_states.shape.slice(0, -1), -1])); // [B, S, hidden_size]
  }

  /** Normed and rotated queries [B, heads, S, D]. */
  query_states(hidden_states: Tensor, [cos, sin]: PositionEmbeddings): Tensor {
    const query_states = this.q_norm.call(this.split_heads(this.q_proj.call(hidden_states)));
    return swapMiddle(this.apply_rotary_pos_emb(query_states, cos, sin));
  }

  /** Normed and rotated keys, and normed values, of the new tokens: [B, kv_heads, S, D]. */
  key_value_states(hidden_states: Tensor, [cos, sin]: PositionEmbeddings): KeyValue {
    let key_states = this.split_heads(this.k_proj!.call(hidden_states)); // [B, S, kv_heads, D]
    let value_states = this.v_proj === null ? key_states : this.split_heads(this.v_proj.call(hidden_states));
    key_states = this.k_norm!.call(key_states);
    key_states = this.apply_rotary_pos_emb(key_states, cos, sin);
    value_states = this.v_norm!.call(value_states);
    return [swapMiddle(key_states), swapMiddle(value_states)];
  }

  split_heads(states: Tensor): Tensor {
    return reshape(states, [...states.shape.slice(0, -1), -1, this.head_dim]);
  }

  apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return apply_rotary_pos_emb(x, cos, sin);
  }
}
