/** cohere2, read beside transformers 5.24.0, `models/cohere2/modeling_cohere2.py`: same classes, order and names. */
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
import type { NormOptions } from "../layers/normalization.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { apply_interleaved_rotary_pos_emb, RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { add, cast, scale } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Cohere2Config`, with its defaults. */
export const Cohere2Config = configSchema({
  model_type: z.literal("cohere2").default("cohere2"),
  vocab_size: count.default(256_000),
  hidden_size: count.default(8192),
  intermediate_size: count.default(22_528),
  logit_scale: z.number().default(0.0625),
  num_hidden_layers: count.default(40),
  num_attention_heads: count.default(64),
  num_key_value_heads: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(8192),
  layer_norm_eps: z.number().default(1e-5),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  sliding_window_pattern: count.default(4),
  layer_types: z.array(layer_type).nullish(),
}).transform((fields, context) => ({
  ...standardize_rope_params(fields),
  ...derive_heads(fields),
  layer_types: layerTypes(fields, context, (i) =>
    (i + 1) % fields.sliding_window_pattern === 0 ? "full_attention" : "sliding_attention",
  ),
}));
export type Cohere2Config = z.output<typeof Cohere2Config>;

/** Each frequency twice in a row: channels rotate in pairs (2i, 2i + 1). */
export class Cohere2RotaryEmbedding extends RotaryEmbedding {
  override table(positions: Int32Array, inv_freq: Float32Array, scaling: number) {
    const { cos, sin } = super.table(positions, inv_freq, scaling);
    const half = inv_freq.length;
    const repeat_interleave = (halves: Float32Array) =>
      halves.map((_, i) => halves[i - (i % (2 * half)) + Math.floor((i % (2 * half)) / 2)]!);
    return { cos: repeat_interleave(cos), sin: repeat_interleave(sin) };
  }
}

export class Cohere2LayerNorm extends LayerNorm {
  constructor(at: Scope, options: NormOptions) {
    super(at, { ...options, bias: false });
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Cohere2Attention extends Attention<Cohere2Config> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  layer_type = this.config.layer_types[this.layer_idx]!;

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    // full-attention layers have no positions
    if (this.layer_type === "sliding_attention")
      [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return cast(apply_interleaved_rotary_pos_emb(cast(x, "F32"), cast(cos, "F32"), cast(sin, "F32")), x.dtype);
  }
}

export class Cohere2MLP extends GatedMLP {}

/** Attention and MLP side by side on one normed input. */
export class Cohere2DecoderLayer extends DecoderLayer<Cohere2Config> {
  self_attn = this.at.module("self_attn", Cohere2Attention, this.layer_idx);
  mlp = this.at.module("mlp", Cohere2MLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", Cohere2LayerNorm, "hidden_size", { eps: "layer_norm_eps" });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const residual = hidden_states;
    hidden_states = this.input_layernorm.call(hidden_states);
    const hidden_states_attention = this.self_attn.call(hidden_states, inputs);
    const hidden_states_mlp = this.mlp.call(hidden_states);
    return add(add(residual, hidden_states_attention), hidden_states_mlp);
  }
}

export class Cohere2Model extends DecoderModel<Cohere2Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Cohere2DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Cohere2LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  rotary_emb = this.at.module("rotary_emb", Cohere2RotaryEmbedding);
}

export class Cohere2ForCausalLM extends DecoderForCausalLM<Cohere2Config> {
  model = this.at.module("model", Cohere2Model);
  lm_head = this.head("model.embed_tokens.weight");
  logit_scale = this.config.logit_scale;

  override logits(logits: Tensor): Tensor {
    return scale(logits, this.logit_scale);
  }
}
