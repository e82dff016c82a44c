/**
 * qwen3_moe, read beside transformers 5.24.0, `models/qwen3_moe/modeling_qwen3_moe.py`: same classes, order and names.
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
import { GatedExperts } from "../layers/experts.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import { SoftmaxTopKRouter } from "../layers/router.ts";
import { add } from "../tensor/elementwise.ts";
import { reshape } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Qwen3MoeConfig`, with its defaults. */
export const Qwen3MoeConfig = configSchema({
  model_type: z.literal("qwen3_moe").default("qwen3_moe"),
  vocab_size: count.default(151_936),
  hidden_size: count.default(2048),
  intermediate_size: count.default(6144),
  num_hidden_layers: count.default(24),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.default(4),
  head_dim: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(32_768),
  rms_norm_eps: z.number().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: z.int().nullish(), // in many checkpoints; the reference does not read it
  decoder_sparse_step: count.default(1),
  moe_intermediate_size: count.default(768),
  num_experts_per_tok: count.default(8),
  num_experts: z.int().nonnegative().optional(),
  num_local_experts: z.int().nonnegative().optional(), // the name that the reference writes
  norm_topk_prob: z.boolean().default(false),
  mlp_only_layers: z.array(z.int().nonnegative()).nullish(),
  pad_token_id: tokenId.default(null),
}).transform(({ num_experts, num_local_experts, ...fields }) => {
  const sliding_window = fields.use_sliding_window ? fields.sliding_window : null;
  return {
    ...standardize_rope_params(fields),
    num_experts: num_experts ?? num_local_experts ?? 128,
    mlp_only_layers: fields.mlp_only_layers ?? [],
    sliding_window,
    head_dim: fields.head_dim ?? Math.floor(fields.hidden_size / fields.num_attention_heads),
    layer_types: alike({ ...fields, sliding_window }),
  };
});
export type Qwen3MoeConfig = z.output<typeof Qwen3MoeConfig>;

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3MoeAttention extends Attention<Qwen3MoeConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  q_norm = this.at.norm("q_norm", Qwen3MoeRMSNorm, "head_dim"); // only on the head dim
  k_norm = this.at.norm("k_norm", Qwen3MoeRMSNorm, "head_dim");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.q_norm.call(this.split_heads(this.q_proj.call(hidden_states))); // [B, S, heads, D]
    let key_states = this.k_norm.call(this.split_heads(this.k_proj.call(hidden_states))); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class Qwen3MoeMLP extends GatedMLP {}

export class Qwen3MoeExperts extends GatedExperts {}

export class Qwen3MoeTopKRouter extends SoftmaxTopKRouter {}

/** hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3MoeSparseMoeBlock extends ConfiguredModule<Qwen3MoeConfig> {
  experts = this.at.experts("experts", Qwen3MoeExperts, {
    experts: "num_experts",
    intermediate: "moe_intermediate_size",
    activation: this.config.hidden_act,
  });
  gate = this.at.router("gate", Qwen3MoeTopKRouter, "num_experts", { norm_topk_prob: this.config.norm_topk_prob });

  forward(hidden_states: Tensor): Tensor {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    const [, routing_weights, selected_experts] = this.gate.call(tokens); // [B * S, k]
    return reshape(this.experts.call(tokens, selected_experts, routing_weights), hidden_states.shape);
  }
}

export class Qwen3MoeRMSNorm extends RoundedRMSNorm {}

export class Qwen3MoeDecoderLayer extends DecoderLayer<Qwen3MoeConfig> {
  self_attn = this.at.module("self_attn", Qwen3MoeAttention, this.layer_idx);
  mlp = this.is_sparse()
    ? this.at.module("mlp", Qwen3MoeSparseMoeBlock)
    : this.at.module("mlp", Qwen3MoeMLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", Qwen3MoeRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Qwen3MoeRMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }

  is_sparse(): boolean {
    const { num_experts, decoder_sparse_step, mlp_only_layers } = this.config;
    const every = num_experts > 0 && (this.layer_idx + 1) % decoder_sparse_step === 0;
    return every && !mlp_only_layers.includes(this.layer_idx);
  }
}

export class Qwen3MoeRotaryEmbedding extends RotaryEmbedding {}

export class Qwen3MoeModel extends DecoderModel<Qwen3MoeConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Qwen3MoeDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Qwen3MoeRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Qwen3MoeRotaryEmbedding);
}

export class Qwen3MoeForCausalLM extends DecoderForCausalLM<Qwen3MoeConfig> {
  model = this.at.module("model", Qwen3MoeModel);
  lm_head = this.head("model.embed_tokens.weight");
}
