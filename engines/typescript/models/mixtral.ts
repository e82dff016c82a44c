/** mixtral, read beside transformers 5.24.0, `models/mixtral/modeling_mixtral.py`: same classes, order and names. */
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
import { ConfiguredModule } from "../layers/configured_module.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { GatedExperts } from "../layers/experts.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import { SoftmaxTopKRouter } from "../layers/router.ts";
import { add } from "../tensor/elementwise.ts";
import { reshape } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `MixtralConfig`, with its defaults. */
export const MixtralConfig = configSchema({
  model_type: z.literal("mixtral").default("mixtral"),
  vocab_size: count.default(32_000),
  hidden_size: count.default(4096),
  intermediate_size: count.default(14_336),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullable().default(8),
  head_dim: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(131_072),
  rms_norm_eps: z.number().default(1e-5),
  pad_token_id: tokenId.default(null),
  tie_word_embeddings: z.boolean().default(false),
  sliding_window: count.nullable().default(null),
  num_experts_per_tok: count.default(2),
  num_local_experts: count.default(8),
  ...rope_fields,
}).transform((fields) => ({
  ...standardize_rope_params(fields, 1_000_000),
  ...derive_heads(fields),
  layer_types: alike(fields),
}));
export type MixtralConfig = z.output<typeof MixtralConfig>;

export class MixtralExperts extends GatedExperts {}

/** Weights of the chosen experts sum to 1, and stay in float32. */
export class MixtralTopKRouter extends SoftmaxTopKRouter {
  override finish(router_top_value: Tensor): Tensor {
    return router_top_value;
  }
}

/** hidden_states [B, S, hidden_size] -> the same shape. */
export class MixtralSparseMoeBlock extends ConfiguredModule<MixtralConfig> {
  gate = this.at.router("gate", MixtralTopKRouter, "num_local_experts", { norm_topk_prob: true });
  experts = this.at.experts("experts", MixtralExperts, {
    experts: "num_local_experts",
    intermediate: "intermediate_size",
    activation: this.config.hidden_act,
  });

  forward(hidden_states: Tensor): Tensor {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    const [, top_k_weights, top_k_index] = this.gate.call(tokens); // [B * S, k]
    return reshape(this.experts.call(tokens, top_k_index, top_k_weights), hidden_states.shape);
  }
}

export class MixtralRMSNorm extends RoundedRMSNorm {}

export class MixtralRotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class MixtralAttention extends Attention<MixtralConfig> {
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

export class MixtralDecoderLayer extends DecoderLayer<MixtralConfig> {
  self_attn = this.at.module("self_attn", MixtralAttention, this.layer_idx);
  mlp = this.at.module("mlp", MixtralSparseMoeBlock);
  input_layernorm = this.at.norm("input_layernorm", MixtralRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", MixtralRMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class MixtralModel extends DecoderModel<MixtralConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", MixtralDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", MixtralRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", MixtralRotaryEmbedding);
}

export class MixtralForCausalLM extends DecoderForCausalLM<MixtralConfig> {
  model = this.at.module("model", MixtralModel);
  lm_head = this.head("model.embed_tokens.weight");
}
