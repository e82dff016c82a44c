/**
 * gemma3_text, read beside transformers 5.24.0, `models/gemma3/modeling_gemma3.py`: the text model's classes,
 * in the same order, with the same names.
 */
import { z } from "zod";
import type { DecoderLayerInputs } from "../../layers/attention.ts";
import { Attention } from "../../layers/attention.ts";
import { AttentionCore } from "../../layers/attention_core.ts";
import {
  activation,
  configSchema,
  count,
  layer_type,
  layerTypes,
  rope_parameters,
  tokenId,
} from "../../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../../layers/decoder.ts";
import { GatedMLP } from "../../layers/gated_mlp.ts";
import { LayerTypeRotaryEmbedding } from "../../layers/layer_type_rotary_embedding.ts";
import { ScaledEmbedding } from "../../layers/linear.ts";
import { OnePlusRMSNorm } from "../../layers/normalization.ts";
import { add, softcap } from "../../tensor/elementwise.ts";
import { swapMiddle } from "../../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";

/** Rope of one layer type; types that change with the length of the sequence are not implemented here. */
const rope = rope_parameters.extend({
  rope_type: z.enum(["default", "linear"]).optional(),
  type: z.enum(["default", "linear"]).optional(), // the older name
});

/** Rope parameters with `rope_theta` filled in, by default that of the layer type. */
function complete({ type, ...rope_params }: z.output<typeof rope>, rope_theta: number) {
  const rope_type = rope_params.rope_type ?? type ?? "default";
  return { ...rope_params, rope_type, rope_theta: rope_params.rope_theta ?? rope_theta };
}

/** `Gemma3TextConfig`, with its defaults. */
export const Gemma3TextConfig = configSchema({
  model_type: z.literal("gemma3_text").default("gemma3_text"),
  vocab_size: count.default(262_208),
  hidden_size: count.default(2304),
  intermediate_size: count.default(9216),
  num_hidden_layers: count.default(26),
  num_attention_heads: count.default(8),
  num_key_value_heads: count.default(4),
  head_dim: count.default(256),
  hidden_activation: activation.default("gelu_pytorch_tanh"),
  max_position_embeddings: count.default(131_072),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  rope_parameters: z.strictObject({ sliding_attention: rope.nullish(), full_attention: rope.nullish() }).nullish(),
  rope_scaling: rope.nullish(), // older configs: of full-attention layers alone
  rope_theta: z.number().default(1_000_000),
  rope_local_base_freq: z.number().default(10_000),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: z.number().positive().default(256),
  sliding_window: count.nullable().default(4096),
  sliding_window_pattern: count.default(6),
  layer_types: z.array(layer_type).nullish(),
  final_logit_softcapping: z.number().positive().nullable().default(null),
  attn_logit_softcapping: z.number().nullish(), // the reference does not use it
  use_bidirectional_attention: z.literal(false).nullish(), // true is not implemented
}).transform((fields, context) => {
  const { rope_parameters, rope_scaling, rope_theta, rope_local_base_freq, ...config } = fields;
  return {
    ...config,
    layer_types: layerTypes(fields, context, (i) =>
      (i + 1) % fields.sliding_window_pattern === 0 ? "full_attention" : "sliding_attention",
    ),
    rope_parameters: {
      sliding_attention: complete({ ...rope_parameters?.sliding_attention }, rope_local_base_freq),
      full_attention: complete({ ...rope_parameters?.full_attention, ...rope_scaling }, rope_theta),
    },
  };
});
export type Gemma3TextConfig = z.output<typeof Gemma3TextConfig>;

export class Gemma3TextScaledWordEmbedding extends ScaledEmbedding {}

export class Gemma3MLP extends GatedMLP {}

export class Gemma3RMSNorm extends OnePlusRMSNorm {}

export class Gemma3RotaryEmbedding extends LayerTypeRotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Gemma3Attention extends Attention<Gemma3TextConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.query_pre_attn_scalar ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  q_norm = this.at.norm("q_norm", Gemma3RMSNorm, "head_dim");
  k_norm = this.at.norm("k_norm", Gemma3RMSNorm, "head_dim");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    query_states = swapMiddle(this.q_norm.call(swapMiddle(query_states))); // the norms see [B, heads, S, D]
    key_states = swapMiddle(this.k_norm.call(swapMiddle(key_states)));
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class Gemma3DecoderLayer extends DecoderLayer<Gemma3TextConfig> {
  self_attn = this.at.module("self_attn", Gemma3Attention, this.layer_idx);
  mlp = this.at.module("mlp", Gemma3MLP, { activation: this.config.hidden_activation });
  input_layernorm = this.at.norm("input_layernorm", Gemma3RMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Gemma3RMSNorm, "hidden_size");
  pre_feedforward_layernorm = this.at.norm("pre_feedforward_layernorm", Gemma3RMSNorm, "hidden_size");
  post_feedforward_layernorm = this.at.norm("post_feedforward_layernorm", Gemma3RMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const attn_output = this.self_attn.call(this.input_layernorm.call(hidden_states), inputs);
    hidden_states = add(hidden_states, this.post_attention_layernorm.call(attn_output));
    const mlp_output = this.mlp.call(this.pre_feedforward_layernorm.call(hidden_states));
    return add(hidden_states, this.post_feedforward_layernorm.call(mlp_output));
  }
}

export class Gemma3TextModel extends DecoderModel<Gemma3TextConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size", { as: Gemma3TextScaledWordEmbedding });
  layers = this.at.list("layers", Gemma3DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Gemma3RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Gemma3RotaryEmbedding);

  override position_embeddings(hidden_states: Tensor, position_ids: IndexTensor) {
    return this.rotary_emb.tables(hidden_states, position_ids, this.layer_types);
  }
}

export class Gemma3ForCausalLM extends DecoderForCausalLM<Gemma3TextConfig> {
  model = this.at.module("model", Gemma3TextModel);
  lm_head = this.head("model.embed_tokens.weight");
  final_logit_softcapping = this.config.final_logit_softcapping;

  override logits(logits: Tensor): Tensor {
    return this.final_logit_softcapping === null ? logits : softcap(logits, this.final_logit_softcapping);
  }
}
