/**
 * The language model of gemma4_unified, read beside transformers 5.24.0, `models/gemma4_unified/modeling_gemma4_unified.py`: same classes, same
 * order, same names. `gemma4_unified_causal_lm.ts` and `gemma4_unified.ts` hold the rest of that file.
 */
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import type { KeyValue } from "../layers/kv_cache.ts";
import type { KVSharingInputs } from "../layers/kv_sharing_attention.ts";
import { KVSharingAttention } from "../layers/kv_sharing_attention.ts";
import { mlp_size } from "../layers/kv_sharing_config.ts";
import { LayerTypeRotaryEmbedding } from "../layers/layer_type_rotary_embedding.ts";
import { ScaledEmbedding } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { RMSNorm } from "../layers/normalization.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, scale } from "../tensor/elementwise.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { Gemma4UnifiedTextConfig } from "./gemma4_unified.config.ts";

/** RMS norm times `weight` (not `1 + weight`), or without a weight. */
export class Gemma4UnifiedRMSNorm extends RMSNorm {}

export class Gemma4UnifiedTextRotaryEmbedding extends LayerTypeRotaryEmbedding {}

export class Gemma4UnifiedTextAttention extends KVSharingAttention {
  constructor(config: Gemma4UnifiedTextConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, Norm: Gemma4UnifiedRMSNorm });
  }
}

/** Gated MLP, twice as wide in layers that reuse keys when `use_double_wide_mlp`: x [B, S, hidden_size] -> the same shape. */
export class Gemma4UnifiedTextMLP extends GatedMLP {
  constructor(config: Gemma4UnifiedTextConfig, layer_idx: number, at: Scope) {
    config = at.read(config);
    super(config, at, { activation: config.hidden_activation, intermediate: mlp_size(config, layer_idx) });
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

  forward(hidden_states: Tensor, inputs: KVSharingInputs): Tensor {
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
      const inputs = {
        position_embeddings: position_embeddings[layer_type]!,
        attention_mask: attention_masks[layer_type],
        shared_kv_states,
        cache,
      };
      const states = hidden_states;
      hidden_states = scratch(() => decoder_layer.call(states, inputs));
    }
    return this.norm.call(hidden_states);
  }
}
