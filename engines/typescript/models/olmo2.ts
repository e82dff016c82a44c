/** olmo2, read beside transformers 5.24.0, `models/olmo2/modeling_olmo2.py`: same classes, order and names. */
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
import { RMSNorm } from "../layers/normalization.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import { add, cast } from "../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `Olmo2Config`, with its defaults. */
export const Olmo2Config = configSchema({
  model_type: z.literal("olmo2").default("olmo2"),
  vocab_size: count.default(50_304),
  hidden_size: count.default(4096),
  intermediate_size: count.default(11_008),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(2048),
  pad_token_id: tokenId.default(1),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  rms_norm_eps: z.number().default(1e-5),
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  ...derive_heads(fields),
  layer_types: alike(fields),
}));
export type Olmo2Config = z.output<typeof Olmo2Config>;

/** Multiplies by the weight before it rounds. */
export class Olmo2RMSNorm extends RMSNorm {}

/** Cosines and sines stay in float32. */
export class Olmo2RotaryEmbedding extends RotaryEmbedding {
  override forward(x: Tensor, position_ids: IndexTensor): PositionEmbeddings {
    return super.forward(cast(x, "F32"), position_ids);
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Olmo2Attention extends Attention<Olmo2Config> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  q_norm = this.at.norm("q_norm", Olmo2RMSNorm, ["num_attention_heads", "head_dim"]); // over all heads together
  k_norm = this.at.norm("k_norm", Olmo2RMSNorm, ["num_key_value_heads", "head_dim"]);

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_norm.call(this.q_proj.call(hidden_states))); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_norm.call(this.k_proj.call(hidden_states))); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return cast(super.apply_rotary_pos_emb(cast(x, "F32"), cos, sin), x.dtype);
  }
}

export class Olmo2MLP extends GatedMLP {}

/** Norms the output of attention and MLP, not their input. */
export class Olmo2DecoderLayer extends DecoderLayer<Olmo2Config> {
  self_attn = this.at.module("self_attn", Olmo2Attention, this.layer_idx);
  mlp = this.at.module("mlp", Olmo2MLP, { activation: this.config.hidden_act });
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Olmo2RMSNorm, "hidden_size");
  post_feedforward_layernorm = this.at.norm("post_feedforward_layernorm", Olmo2RMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const attn_output = this.self_attn.call(hidden_states, inputs);
    hidden_states = add(hidden_states, this.post_attention_layernorm.call(attn_output));
    return add(hidden_states, this.post_feedforward_layernorm.call(this.mlp.call(hidden_states)));
  }
}

export class Olmo2Model extends DecoderModel<Olmo2Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Olmo2DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Olmo2RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Olmo2RotaryEmbedding);
}

export class Olmo2ForCausalLM extends DecoderForCausalLM<Olmo2Config> {
  model = this.at.module("model", Olmo2Model);
  lm_head = this.head("model.embed_tokens.weight");
}
