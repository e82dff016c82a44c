/** mistral, read beside transformers 5.24.0, `models/mistral/modeling_mistral.py`: same classes, order and names. */
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
import { add } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `MistralConfig`, with its defaults. */
export const MistralConfig = configSchema({
  model_type: z.literal("mistral").default("mistral"),
  vocab_size: count.default(32_000),
  hidden_size: count.default(4096),
  intermediate_size: count.default(14_336),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullable().default(8),
  head_dim: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(131_072),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(null),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  sliding_window: count.nullable().default(4096),
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  ...derive_heads(fields),
  layer_types: alike(fields),
}));
export type MistralConfig = z.output<typeof MistralConfig>;

export class MistralMLP extends GatedMLP {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class MistralAttention extends Attention<MistralConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: false });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: false });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: false });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: false });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class MistralRMSNorm extends RoundedRMSNorm {}

export class MistralDecoderLayer extends DecoderLayer<MistralConfig> {
  self_attn = this.at.module("self_attn", MistralAttention, this.layer_idx);
  mlp = this.at.module("mlp", MistralMLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", MistralRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", MistralRMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class MistralRotaryEmbedding extends RotaryEmbedding {}

export class MistralModel extends DecoderModel<MistralConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", MistralDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", MistralRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", MistralRotaryEmbedding);
}

export class MistralForCausalLM extends DecoderForCausalLM<MistralConfig> {
  model = this.at.module("model", MistralModel);
  lm_head = this.head("model.embed_tokens.weight");
}
