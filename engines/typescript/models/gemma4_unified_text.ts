/**
 * The language model of gemma4_unified, read beside transformers 5.24.0, `models/gemma4_unified/modeling_gemma4_unified.py`: same classes, same
 * order, same names. `gemma4_unified_causal_lm.ts` and `gemma4_unified.ts` hold the rest of that file.
 */
import { rotary_tables } from "../kernels/rotary.ts";
import { Activation } from "../layers/activations.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { layerConfig } from "../layers/config_view.ts";
import type { KVCache, KeyValue } from "../layers/kv_cache.ts";
import { Linear, ScaledEmbedding } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { RMSNorm } from "../layers/normalization.ts";
import type { RopeInit } from "../layers/rope_init.ts";
import { ROPE_INIT_FUNCTIONS } from "../layers/rope_init.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import { apply_rotary_pos_emb, position_embeddings } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, mul, scale } from "../tensor/elementwise.ts";
import { reshape, swapMiddle } from "../tensor/layout.ts";
import type { IndexTensor, MaskTensor, Tensor } from "../tensor/tensor.ts";
import type { Gemma4UnifiedTextConfig } from "./gemma4_unified.config.ts";
import { kv_sharing_modes } from "./gemma4_unified.config.ts";

/** What a decoder layer gets beside its hidden states. */
export interface DecoderLayerInputs {
  readonly position_embeddings: PositionEmbeddings;
  readonly attention_mask: MaskTensor;
  /** Keys and values of "store" layers by layer type, for the layers that reuse them in the same forward. */
  readonly shared_kv_states: Map<string, KeyValue>;
  readonly cache: KVCache | null;
}

/** RMS norm times `weight` (not `1 + weight`), or without a weight. */
export class Gemma4UnifiedRMSNorm extends RMSNorm {}

/** Cosines and sines [B, S, head_dim] of the positions, by layer type: types differ in head size, theta and rotated share. */
export class Gemma4UnifiedTextRotaryEmbedding extends Module {
  /** By layer type. */
  readonly rope: Record<string, RopeInit> = {};

  constructor(config: Gemma4UnifiedTextConfig, at: Scope) {
    super(at);
    config = at.read(config);
    for (const layer_type of new Set(config.layer_types)) {
      const { head_dim } = layerConfig(config, layer_type); // full-attention layers have wider heads
      const rope_params = config.rope_parameters[layer_type]!;
      this.rope[layer_type] = ROPE_INIT_FUNCTIONS[rope_params.rope_type](rope_params, head_dim);
    }
  }

  forward(x: Tensor, position_ids: IndexTensor, layer_type: string): PositionEmbeddings {
    const { inv_freq, attention_scaling } = this.rope[layer_type]!;
    const tables = () => rotary_tables(position_ids.data, inv_freq, attention_scaling);
    return position_embeddings(x, position_ids, { width: inv_freq.length * 2, tables }); // [B, S, head_dim]
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. The attention itself is `attention`. */
export class Gemma4UnifiedTextAttention extends Module {
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

  constructor(config: Gemma4UnifiedTextConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const layer_config = layerConfig(config, layer_idx);
    const { rms_norm_eps: eps, attention_bias: bias } = config;
    this.layer_type = config.layer_types[layer_idx]!;
    this.layer_idx = layer_idx;
    this.head_dim = layer_config.head_dim;
    this.use_alternative_attention = config.attention_k_eq_v && this.layer_type !== "sliding_attention";
    const kv_sharing_mode = kv_sharing_modes(config)[layer_idx];
    this.is_kv_shared_layer = kv_sharing_mode === "reuse";
    this.store_full_length_kv = kv_sharing_mode === "store";

    const hidden = size(config, "hidden_size");
    const dim = size(layer_config, "head_dim");
    const query = size(layer_config, "num_attention_heads", "head_dim");
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias });
    this.q_norm = new Gemma4UnifiedRMSNorm(at.child("q_norm"), { dim, eps, with_scale: true });
    // Layers sharing kv states don't need any weight matrices
    if (!this.is_kv_shared_layer) {
      const key = size(layer_config, "num_key_value_heads", "head_dim");
      this.k_norm = new Gemma4UnifiedRMSNorm(at.child("k_norm"), { dim, eps, with_scale: true });
      this.v_norm = new Gemma4UnifiedRMSNorm(at.child("v_norm"), { dim, eps, with_scale: false });
      this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias });
      if (!this.use_alternative_attention) this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias });
    }
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias });
    this.attention = new AttentionCore(config, layer_idx, 1.0, at.functional("attention")); // q and k are normed: no 1/sqrt(head_dim)
  }

  /** What scores are multiplied by; kept by the attention core. */
  get scaling(): number {
    return this.attention.scaling;
  }

  set scaling(scaling: number) {
    this.attention.scaling = scaling;
  }

  forward(
    hidden_states: Tensor,
    { position_embeddings, attention_mask, shared_kv_states, cache }: DecoderLayerInputs,
  ): Tensor {
    this.step = "#q_rope";
    const query_states = this.query_states(hidden_states, position_embeddings); // [B, heads, S, D]
    this.tap("#q_rope", query_states);

    // Shared layers never read the cache: sliding layers have dropped there what this forward's first queries still see.
    this.step = "#k_rope";
    const states = this.is_kv_shared_layer
      ? shared_kv_states.get(this.layer_type)!
      : this.key_value_states(hidden_states, position_embeddings);
    const [key_states, value_states] =
      this.is_kv_shared_layer || cache === null ? states : cache.update(...states, this.layer_idx); // [B, kv_heads, T, D]
    if (this.store_full_length_kv) shared_kv_states.set(this.layer_type, [key_states, value_states]);

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

/** Gated MLP, twice as wide in layers that reuse keys when `use_double_wide_mlp`: x [B, S, hidden_size] -> the same shape. */
export class Gemma4UnifiedTextMLP extends Module {
  gate_proj: Linear;
  up_proj: Linear;
  down_proj: Linear;
  act_fn: Activation;

  constructor(config: Gemma4UnifiedTextConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const use_double_wide_mlp = config.use_double_wide_mlp && kv_sharing_modes(config)[layer_idx] === "reuse";
    const hidden = size(config, "hidden_size");
    const intermediate = use_double_wide_mlp ? size(config, "intermediate_size", 2) : size(config, "intermediate_size");
    this.gate_proj = new Linear(at.child("gate_proj"), { in: hidden, out: intermediate, bias: false });
    this.up_proj = new Linear(at.child("up_proj"), { in: hidden, out: intermediate, bias: false });
    this.down_proj = new Linear(at.child("down_proj"), { in: intermediate, out: hidden, bias: false });
    this.act_fn = new Activation(at.child("act_fn"), config.hidden_activation);
  }

  forward(x: Tensor): Tensor {
    return this.down_proj.call(mul(this.act_fn.call(this.gate_proj.call(x)), this.up_proj.call(x)));
  }
}

/** One layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Gemma4UnifiedTextDecoderLayer extends Module {
  self_attn: Gemma4UnifiedTextAttention;
  mlp: Gemma4UnifiedTextMLP;
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;
  pre_feedforward_layernorm: RMSNorm;
  post_feedforward_layernorm: RMSNorm;
  layer_scalar: Tensor;

  constructor(config: Gemma4UnifiedTextConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    this.self_attn = new Gemma4UnifiedTextAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Gemma4UnifiedTextMLP(config, layer_idx, at.child("mlp"));
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps, with_scale: true };
    this.input_layernorm = new Gemma4UnifiedRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Gemma4UnifiedRMSNorm(at.child("post_attention_layernorm"), norm);
    this.pre_feedforward_layernorm = new Gemma4UnifiedRMSNorm(at.child("pre_feedforward_layernorm"), norm);
    this.post_feedforward_layernorm = new Gemma4UnifiedRMSNorm(at.child("post_feedforward_layernorm"), norm);
    this.layer_scalar = at.weight("layer_scalar", [size(config, 1)]);
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.input_layernorm.call(hidden_states);
    hidden_states = this.self_attn.call(hidden_states, inputs);
    hidden_states = this.post_attention_layernorm.call(hidden_states);
    hidden_states = add(residual, hidden_states);

    residual = hidden_states;
    hidden_states = this.pre_feedforward_layernorm.call(hidden_states);
    hidden_states = this.mlp.call(hidden_states);
    hidden_states = this.post_feedforward_layernorm.call(hidden_states);
    hidden_states = add(residual, hidden_states);

    return scale(hidden_states, this.layer_scalar); // scales the residual stream too
  }
}

export class Gemma4UnifiedTextScaledWordEmbedding extends ScaledEmbedding {}

/** The language model without its head: token ids or embeddings -> normed hidden states [B, S, hidden_size]. */
export class Gemma4UnifiedTextModel extends Module {
  embed_tokens: Gemma4UnifiedTextScaledWordEmbedding;
  layers: ModuleList<Gemma4UnifiedTextDecoderLayer>;
  norm: RMSNorm;
  rotary_emb: Gemma4UnifiedTextRotaryEmbedding;
  layer_types: ("sliding_attention" | "full_attention")[];

  constructor(config: Gemma4UnifiedTextConfig, at: Scope) {
    super(at);
    config = at.read(config);
    this.layer_types = [...config.layer_types];
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    const embedding = { num_embeddings: vocabulary, embedding_dim: hidden };
    this.embed_tokens = new Gemma4UnifiedTextScaledWordEmbedding(at.child("embed_tokens"), embedding);
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Gemma4UnifiedTextDecoderLayer(config, layer_idx, at),
    );
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps, with_scale: true };
    this.norm = new Gemma4UnifiedRMSNorm(at.child("norm"), norm);
    this.rotary_emb = new Gemma4UnifiedTextRotaryEmbedding(config, at.child("rotary_emb"));
  }

  /** Exactly one of `input_ids` and `inputs_embeds`. */
  forward(
    input_ids: IndexTensor | null,
    inputs_embeds: Tensor | null,
    { position_ids, attention_masks, cache }: CausalModelInputs,
  ): Tensor {
    let hidden_states = inputs_embeds ?? this.embed_tokens.call(input_ids!); // [B, S, hidden_size]
    const position_embeddings: Record<string, PositionEmbeddings> = {};
    for (const layer_type of new Set(this.layer_types))
      position_embeddings[layer_type] = this.rotary_emb.call(hidden_states, position_ids, layer_type);
    const shared_kv_states = new Map<string, KeyValue>();
    for (const [i, decoder_layer] of this.layers.elements.entries()) {
      const layer_type = this.layer_types[i]!;
      hidden_states = decoder_layer.call(hidden_states, {
        position_embeddings: position_embeddings[layer_type]!,
        attention_mask: attention_masks[layer_type],
        shared_kv_states,
        cache,
      });
    }
    return this.norm.call(hidden_states);
  }
}
