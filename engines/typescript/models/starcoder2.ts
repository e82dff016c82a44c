/**
 * starcoder2, read beside transformers 5.24.0, `models/starcoder2/modeling_starcoder2.py`: same classes, order and
 * names.
 */
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
import { ConfiguredModule } from "../layers/configured_module.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import { add } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Starcoder2Config`, with its defaults. */
export const Starcoder2Config = configSchema({
  model_type: z.literal("starcoder2").default("starcoder2"),
  vocab_size: count.default(49_152),
  hidden_size: count.default(3072),
  intermediate_size: count.default(12_288),
  num_hidden_layers: count.default(30),
  num_attention_heads: count.default(24),
  num_key_value_heads: count.default(2),
  hidden_act: activation.default("gelu_pytorch_tanh"),
  max_position_embeddings: count.default(4096),
  norm_epsilon: z.number().default(1e-5),
  pad_token_id: tokenId.default(null),
  sliding_window: count.nullable().default(null),
  residual_dropout: z.number().optional(), // of training
  embedding_dropout: z.number().optional(),
  use_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
  layer_types: alike(fields),
}));
export type Starcoder2Config = z.output<typeof Starcoder2Config>;

export class Starcoder2MLP extends ConfiguredModule<Starcoder2Config> {
  c_fc = this.at.linear("c_fc", "hidden_size", "intermediate_size", { bias: "use_bias" });
  c_proj = this.at.linear("c_proj", "intermediate_size", "hidden_size", { bias: "use_bias" });
  act = this.at.activation("act", this.config.hidden_act);

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.c_fc.call(hidden_states); // [B, S, intermediate_size]
    hidden_states = this.act.call(hidden_states);
    return this.c_proj.call(hidden_states); // [B, S, hidden_size]
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Starcoder2Attention extends Attention<Starcoder2Config> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", "hidden_size", { bias: "use_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "use_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "use_bias" });
  o_proj = this.at.linear("o_proj", "hidden_size", "hidden_size", { bias: "use_bias" });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class Starcoder2DecoderLayer extends DecoderLayer<Starcoder2Config> {
  self_attn = this.at.module("self_attn", Starcoder2Attention, this.layer_idx);
  mlp = this.at.module("mlp", Starcoder2MLP);
  input_layernorm = this.at.norm("input_layernorm", LayerNorm, "hidden_size", { eps: "norm_epsilon" });
  post_attention_layernorm = this.at.norm("post_attention_layernorm", LayerNorm, "hidden_size", {
    eps: "norm_epsilon",
  });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class Starcoder2RotaryEmbedding extends RotaryEmbedding {}

export class Starcoder2Model extends DecoderModel<Starcoder2Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Starcoder2DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", LayerNorm, "hidden_size", { eps: "norm_epsilon" });
  rotary_emb = this.at.module("rotary_emb", Starcoder2RotaryEmbedding);
}

export class Starcoder2ForCausalLM extends DecoderForCausalLM<Starcoder2Config> {
  model = this.at.module("model", Starcoder2Model);
  lm_head = this.head("model.embed_tokens.weight");
}
