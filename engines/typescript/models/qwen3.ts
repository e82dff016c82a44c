/** qwen3, read beside transformers 5.24.0, `models/qwen3/modeling_qwen3.py`: same classes, order and names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import {
  activation,
  configSchema,
  count,
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

/** `Qwen3Config`, with its defaults. */
export const Qwen3Config = configSchema({
  model_type: z.literal("qwen3").default("qwen3"),
  vocab_size: count.default(151_936),
  hidden_size: count.default(4096),
  intermediate_size: count.default(22_016),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullable().default(32),
  head_dim: count.default(128),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(32_768),
  rms_norm_eps: z.number().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: z.int().nonnegative().default(28),
  layer_types: z.array(layer_type).nullish(),
  pad_token_id: tokenId.default(null),
}).transform((fields, context) => {
  const sliding_window = fields.use_sliding_window ? fields.sliding_window : null;
  return {
    ...standardize_rope_params(fields),
    sliding_window,
    num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
    layer_types: layerTypes({ ...fields, sliding_window }, context, (i) =>
      sliding_window !== null && i >= fields.max_window_layers ? "sliding_attention" : "full_attention",
    ),
  };
});
export type Qwen3Config = z.output<typeof Qwen3Config>;

export class Qwen3RMSNorm extends RoundedRMSNorm {}

export class Qwen3MLP extends GatedMLP {}

export class Qwen3RotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3Attention extends Attention<Qwen3Config> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  q_norm = this.at.norm("q_norm", Qwen3RMSNorm, "head_dim"); // only on the head dim
  k_norm = this.at.norm("k_norm", Qwen3RMSNorm, "head_dim");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.q_norm.call(this.split_heads(this.q_proj.call(hidden_states))); // [B, S, heads, D]
    let key_states = this.k_norm.call(this.split_heads(this.k_proj.call(hidden_states))); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class Qwen3DecoderLayer extends DecoderLayer<Qwen3Config> {
  self_attn = this.at.module("self_attn", Qwen3Attention, this.layer_idx);
  mlp = this.at.module("mlp", Qwen3MLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", Qwen3RMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Qwen3RMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class Qwen3Model extends DecoderModel<Qwen3Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Qwen3DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Qwen3RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Qwen3RotaryEmbedding);
}

export class Qwen3ForCausalLM extends DecoderForCausalLM<Qwen3Config> {
  model = this.at.module("model", Qwen3Model);
  lm_head = this.head("model.embed_tokens.weight");
}
