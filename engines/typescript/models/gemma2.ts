/** gemma2, read beside transformers 5.24.0, `models/gemma2/modeling_gemma2.py`: same classes, order and names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import type { AttentionCoreConfig, AttentionCoreOptions } from "../layers/attention_core.ts";
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
import { ScaledEmbedding } from "../layers/linear.ts";
import { OnePlusRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { add, softcap } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Gemma2Config`, with its defaults. */
export const Gemma2Config = configSchema({
  model_type: z.literal("gemma2").default("gemma2"),
  vocab_size: count.default(256_000),
  hidden_size: count.default(2304),
  intermediate_size: count.default(9216),
  num_hidden_layers: count.default(26),
  num_attention_heads: count.default(8),
  num_key_value_heads: count.default(4),
  head_dim: count.default(256),
  hidden_activation: activation.default("gelu_pytorch_tanh"),
  hidden_act: z.string().optional(), // in many checkpoints; the reference does not read it
  max_position_embeddings: count.default(8192),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: z.number().positive().default(256),
  sliding_window: count.nullable().default(4096),
  layer_types: z.array(layer_type).nullish(),
  final_logit_softcapping: z.number().positive().nullable().default(30),
  attn_logit_softcapping: z.number().positive().nullable().default(50),
  use_bidirectional_attention: z.literal(false).nullish(), // true is not implemented
}).transform((fields, context) => ({
  ...standardize_rope_params(fields),
  layer_types: layerTypes(fields, context, (i) => ((i + 1) % 2 === 0 ? "full_attention" : "sliding_attention")),
}));
export type Gemma2Config = z.output<typeof Gemma2Config>;

export class Gemma2RMSNorm extends OnePlusRMSNorm {}

export class Gemma2MLP extends GatedMLP {}

export class Gemma2RotaryEmbedding extends RotaryEmbedding {}

interface SoftcapOptions extends AttentionCoreOptions {
  readonly attn_logit_softcapping: number | null;
}

/** Scores `tanh(scores / cap) * cap`, before the mask. */
class SoftcappedAttentionCore extends AttentionCore {
  attn_logit_softcapping: number | null;

  constructor(at: Scope, config: AttentionCoreConfig, options: SoftcapOptions) {
    super(at, config, options);
    this.attn_logit_softcapping = options.attn_logit_softcapping;
  }

  override compute_scores(query: Tensor, key: Tensor): Tensor {
    const scores = super.compute_scores(query, key);
    return this.attn_logit_softcapping === null ? scores : softcap(scores, this.attn_logit_softcapping);
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Gemma2Attention extends Attention<Gemma2Config> {
  attention = this.core(SoftcappedAttentionCore, {
    scaling: this.config.query_pre_attn_scalar ** -0.5,
    attn_logit_softcapping: this.config.attn_logit_softcapping,
  });
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

export class Gemma2DecoderLayer extends DecoderLayer<Gemma2Config> {
  self_attn = this.at.module("self_attn", Gemma2Attention, this.layer_idx);
  mlp = this.at.module("mlp", Gemma2MLP, { activation: this.config.hidden_activation });
  input_layernorm = this.at.norm("input_layernorm", Gemma2RMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Gemma2RMSNorm, "hidden_size");
  pre_feedforward_layernorm = this.at.norm("pre_feedforward_layernorm", Gemma2RMSNorm, "hidden_size");
  post_feedforward_layernorm = this.at.norm("post_feedforward_layernorm", Gemma2RMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const attn_output = this.self_attn.call(this.input_layernorm.call(hidden_states), inputs);
    hidden_states = add(hidden_states, this.post_attention_layernorm.call(attn_output));
    const mlp_output = this.mlp.call(this.pre_feedforward_layernorm.call(hidden_states));
    return add(hidden_states, this.post_feedforward_layernorm.call(mlp_output));
  }
}

export class Gemma2TextScaledWordEmbedding extends ScaledEmbedding {}

export class Gemma2Model extends DecoderModel<Gemma2Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size", { as: Gemma2TextScaledWordEmbedding });
  layers = this.at.list("layers", Gemma2DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Gemma2RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Gemma2RotaryEmbedding);
}

export class Gemma2ForCausalLM extends DecoderForCausalLM<Gemma2Config> {
  model = this.at.module("model", Gemma2Model);
  lm_head = this.head("model.embed_tokens.weight");
  final_logit_softcapping = this.config.final_logit_softcapping;

  override logits(logits: Tensor): Tensor {
    return this.final_logit_softcapping === null ? logits : softcap(logits, this.final_logit_softcapping);
  }
}
