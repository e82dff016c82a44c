/** smollm3, read beside transformers 5.24.0, `models/smollm3/modeling_smollm3.py`: same classes, order and names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import {
  activation,
  configSchema,
  count,
  derive_heads,
  layer_type,
  layerTypes,
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

/** `SmolLM3Config`, with its defaults. */
export const SmolLM3Config = configSchema({
  model_type: z.literal("smollm3").default("smollm3"),
  vocab_size: count.default(128_256),
  hidden_size: count.default(2048),
  intermediate_size: count.default(11_008),
  num_hidden_layers: count.default(36),
  num_attention_heads: count.default(16),
  num_key_value_heads: count.nullable().default(4),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(32_768),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(128_004),
  ...rope_fields,
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(null),
  no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)])).nullish(), // 1: a layer that does rotate
  no_rope_layer_interval: count.default(4),
  layer_types: z.array(layer_type).nullish(),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
}).transform((fields, context) => {
  const { num_hidden_layers, use_sliding_window, no_rope_layer_interval } = fields;
  const no_rope_layers =
    fields.no_rope_layers ??
    Array.from({ length: num_hidden_layers }, (_, i) => ((i + 1) % no_rope_layer_interval === 0 ? 0 : 1));
  const sliding = use_sliding_window && fields.sliding_window !== null;
  return {
    ...standardize_rope_params(fields),
    no_rope_layers,
    ...derive_heads(fields),
    layer_types: layerTypes(fields, context, (i) =>
      sliding && no_rope_layers[i] === 0 ? "sliding_attention" : "full_attention",
    ),
  };
});
export type SmolLM3Config = z.output<typeof SmolLM3Config>;

export class SmolLM3RotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class SmolLM3Attention extends Attention<SmolLM3Config> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  use_rope = this.config.no_rope_layers[this.layer_idx] === 1;

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    if (this.use_rope) [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class SmolLM3RMSNorm extends RoundedRMSNorm {}

export class SmolLM3MLP extends GatedMLP {}

export class SmolLM3DecoderLayer extends DecoderLayer<SmolLM3Config> {
  self_attn = this.at.module("self_attn", SmolLM3Attention, this.layer_idx);
  mlp = this.at.module("mlp", SmolLM3MLP, { activation: this.config.hidden_act, bias: this.config.mlp_bias });
  input_layernorm = this.at.norm("input_layernorm", SmolLM3RMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", SmolLM3RMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class SmolLM3Model extends DecoderModel<SmolLM3Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", SmolLM3DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", SmolLM3RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", SmolLM3RotaryEmbedding);
}

export class SmolLM3ForCausalLM extends DecoderForCausalLM<SmolLM3Config> {
  model = this.at.module("model", SmolLM3Model);
  lm_head = this.head("model.embed_tokens.weight");
}
