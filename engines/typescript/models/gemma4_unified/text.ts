/**
 * The language model of gemma4_unified, read beside transformers 5.24.0,
 * `models/gemma4_unified/modeling_gemma4_unified.py`: same classes, order and names. `causal_lm.ts` and `model.ts` hold
 * the rest of that file.
 */
import type { CausalModelInputs } from "../../layers/causal_model.ts";
import { ConfiguredModule, LayerModule } from "../../layers/configured_module.ts";
import { GatedMLP } from "../../layers/gated_mlp.ts";
import type { KeyValue } from "../../layers/kv_cache.ts";
import type { KVSharingInputs } from "../../layers/kv_sharing_attention.ts";
import { KVSharingAttention } from "../../layers/kv_sharing_attention.ts";
import { mlp_size } from "../../layers/kv_sharing_config.ts";
import { LayerTypeRotaryEmbedding } from "../../layers/layer_type_rotary_embedding.ts";
import { ScaledEmbedding } from "../../layers/linear.ts";
import { RMSNorm } from "../../layers/normalization.ts";
import type { Scope } from "../../layers/scope.ts";
import { add, scale } from "../../tensor/elementwise.ts";
import { scratch } from "../../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import type { Gemma4UnifiedTextConfig } from "./config.ts";

/** RMS norm times `weight` (not `1 + weight`), or without a weight. */
export class Gemma4UnifiedRMSNorm extends RMSNorm {}

export class Gemma4UnifiedTextRotaryEmbedding extends LayerTypeRotaryEmbedding {}

export class Gemma4UnifiedTextAttention extends KVSharingAttention {
  constructor(at: Scope, config: Gemma4UnifiedTextConfig, layer_idx: number) {
    super(at, config, { layer_idx, Norm: Gemma4UnifiedRMSNorm });
  }
}

/**
 * Gated MLP, twice as wide in layers that reuse keys when `use_double_wide_mlp`: x [B, S, hidden_size] -> the same
 * shape.
 */
export class Gemma4UnifiedTextMLP extends GatedMLP {
  constructor(at: Scope, config: Gemma4UnifiedTextConfig, layer_idx: number) {
    const own = at.read(config);
    super(at, config, { activation: own.hidden_activation, intermediate: mlp_size(own, layer_idx) });
  }
}

/** One layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Gemma4UnifiedTextDecoderLayer extends LayerModule<Gemma4UnifiedTextConfig> {
  self_attn = this.at.module("self_attn", Gemma4UnifiedTextAttention, this.layer_idx);
  mlp = this.at.module("mlp", Gemma4UnifiedTextMLP, this.layer_idx);
  input_layernorm = this.at.norm("input_layernorm", Gemma4UnifiedRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Gemma4UnifiedRMSNorm, "hidden_size");
  pre_feedforward_layernorm = this.at.norm("pre_feedforward_layernorm", Gemma4UnifiedRMSNorm, "hidden_size");
  post_feedforward_layernorm = this.at.norm("post_feedforward_layernorm", Gemma4UnifiedRMSNorm, "hidden_size");
  layer_scalar = this.at.parameter("layer_scalar", 1);

  forward(hidden_states: Tensor, inputs: KVSharingInputs): Tensor {
    const attn_output = this.self_attn.call(this.input_layernorm.call(hidden_states), inputs);
    hidden_states = add(hidden_states, this.post_attention_layernorm.call(attn_output));
    const mlp_output = this.mlp.call(this.pre_feedforward_layernorm.call(hidden_states));
    hidden_states = add(hidden_states, this.post_feedforward_layernorm.call(mlp_output));
    return scale(hidden_states, this.layer_scalar); // scales the residual stream too
  }
}

export class Gemma4UnifiedTextScaledWordEmbedding extends ScaledEmbedding {}

/** The language model without its head: token ids or embeddings -> normed hidden states [B, S, hidden_size]. */
export class Gemma4UnifiedTextModel extends ConfiguredModule<Gemma4UnifiedTextConfig> {
  layer_types = this.config.layer_types;
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size", {
    as: Gemma4UnifiedTextScaledWordEmbedding,
  });
  layers = this.at.list("layers", Gemma4UnifiedTextDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Gemma4UnifiedRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Gemma4UnifiedTextRotaryEmbedding);

  /** Exactly one of `input_ids` and `inputs_embeds`. */
  forward(
    input_ids: IndexTensor | null,
    { position_ids, attention_masks, cache }: CausalModelInputs,
    inputs_embeds: Tensor | null = null,
  ): Tensor {
    let hidden_states = inputs_embeds ?? this.embed_tokens.call(input_ids!); // [B, S, hidden_size]
    const position_embeddings = this.rotary_emb.tables(hidden_states, position_ids, this.layer_types);
    const shared_kv_states = new Map<string, KeyValue>();
    for (const [i, decoder_layer] of this.layers.elements.entries()) {
      const layer_type = this.layer_types[i]!;
      const inputs = {
        position_embeddings: position_embeddings(layer_type),
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
