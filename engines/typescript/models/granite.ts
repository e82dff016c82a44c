/** granite, read beside transformers 5.24.0, `models/granite/modeling_granite.py`: same classes, order and names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import {
  activation,
  alike,
  configSchema,
  count,
  derive_heads,
  rope_fields,
  standardize_rope_params,
  tokenId,
} from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import { add, scale } from "../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `GraniteConfig`, with its defaults. */
export const GraniteConfig = configSchema({
  model_type: z.literal("granite").default("granite"),
  vocab_size: count.default(32_000),
  hidden_size: count.default(4096),
  intermediate_size: count.default(11_008),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(2048),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(null),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  embedding_multiplier: z.number().default(1),
  logits_scaling: z.number().default(1),
  residual_multiplier: z.number().default(1),
  attention_multiplier: z.number().default(1),
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  ...derive_heads(fields),
  layer_types: alike(fields),
}));
export type GraniteConfig = z.output<typeof GraniteConfig>;

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GraniteAttention extends Attention<GraniteConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.attention_multiplier });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class GraniteRMSNorm extends RoundedRMSNorm {}

export class GraniteMLP extends GatedMLP {}

export class GraniteDecoderLayer extends DecoderLayer<GraniteConfig> {
  self_attn = this.at.module("self_attn", GraniteAttention, this.layer_idx);
  mlp = this.at.module("mlp", GraniteMLP, { activation: this.config.hidden_act, bias: this.config.mlp_bias });
  input_layernorm = this.at.norm("input_layernorm", GraniteRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", GraniteRMSNorm, "hidden_size");
  residual_multiplier = this.config.residual_multiplier;

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const attn_output = this.self_attn.call(this.input_layernorm.call(hidden_states), inputs);
    hidden_states = add(hidden_states, scale(attn_output, this.residual_multiplier));
    const mlp_output = this.mlp.call(this.post_attention_layernorm.call(hidden_states));
    return add(hidden_states, scale(mlp_output, this.residual_multiplier));
  }
}

export class GraniteRotaryEmbedding extends RotaryEmbedding {}

export class GraniteModel extends DecoderModel<GraniteConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", GraniteDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", GraniteRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", GraniteRotaryEmbedding);
  embedding_multiplier = this.config.embedding_multiplier;

  override embed(input_ids: IndexTensor): Tensor {
    return scale(super.embed(input_ids), this.embedding_multiplier);
  }
}

export class GraniteForCausalLM extends DecoderForCausalLM<GraniteConfig> {
  model = this.at.module("model", GraniteModel);
  lm_head = this.head("model.embed_tokens.weight");
  logits_scaling = this.config.logits_scaling;

  override logits(logits: Tensor): Tensor {
    return scale(logits, 1 / this.logits_scaling);
  }
}
