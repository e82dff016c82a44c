/** gemma, read beside transformers 5.24.0, `models/gemma/modeling_gemma.py`: same classes, order and names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import {
  activation,
  alike,
  configSchema,
  count,
  rope_fields,
  standardize_rope_params,
  tokenId,
} from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { ScaledEmbedding } from "../layers/linear.ts";
import { OnePlusRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import { add } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `GemmaConfig`, with its defaults. */
export const GemmaConfig = configSchema({
  model_type: z.literal("gemma").default("gemma"),
  vocab_size: count.default(256_000),
  hidden_size: count.default(3072),
  intermediate_size: count.default(24_576),
  num_hidden_layers: count.default(28),
  num_attention_heads: count.default(16),
  num_key_value_heads: count.default(16),
  head_dim: count.default(256),
  hidden_act: activation.default("gelu_pytorch_tanh"),
  hidden_activation: z.string().nullish(), // in some checkpoints; the reference does not read it
  max_position_embeddings: count.default(8192),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  use_bidirectional_attention: z.literal(false).nullish(), // true is not implemented
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  // A legacy value of the official releases: it means the tanh approximation.
  hidden_act: fields.hidden_act === "gelu" ? ("gelu_pytorch_tanh" as const) : fields.hidden_act,
  layer_types: alike(fields),
}));
export type GemmaConfig = z.output<typeof GemmaConfig>;

export class GemmaTextScaledWordEmbedding extends ScaledEmbedding {}

export class GemmaRMSNorm extends OnePlusRMSNorm {}

export class GemmaMLP extends GatedMLP {}

export class GemmaRotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GemmaAttention extends Attention<GemmaConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
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

export class GemmaDecoderLayer extends DecoderLayer<GemmaConfig> {
  self_attn = this.at.module("self_attn", GemmaAttention, this.layer_idx);
  mlp = this.at.module("mlp", GemmaMLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", GemmaRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", GemmaRMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class GemmaModel extends DecoderModel<GemmaConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size", { as: GemmaTextScaledWordEmbedding });
  layers = this.at.list("layers", GemmaDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", GemmaRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", GemmaRotaryEmbedding);
}

export class GemmaForCausalLM extends DecoderForCausalLM<GemmaConfig> {
  model = this.at.module("model", GemmaModel);
  lm_head = this.head("model.embed_tokens.weight");
}
