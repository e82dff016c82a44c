/** gpt_oss, read beside transformers 5.24.0, `models/gpt_oss/modeling_gpt_oss.py`: same classes, order and names. */
import { z } from "zod";
import { softmax_with_sinks } from "../kernels/sinks.ts";
import { clamped_swiglu } from "../kernels/swiglu.ts";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import type { AttentionCoreConfig, AttentionCoreOptions } from "../layers/attention_core.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import {
  configSchema,
  count,
  layer_type,
  layerTypes,
  rope_fields,
  standardize_rope_params,
  tokenId,
} from "../layers/config_schema.ts";
import { ConfigScope } from "../layers/config_scope.ts";
import { ConfiguredModule } from "../layers/configured_module.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { Experts } from "../layers/experts.ts";
import type { NormOptions } from "../layers/normalization.ts";
import { RMSNorm } from "../layers/normalization.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { RouterOptions, Routing } from "../layers/router.ts";
import { Router } from "../layers/router.ts";
import type { Scope } from "../layers/scope.ts";
import { add } from "../tensor/elementwise.ts";
import { concat, reshape, slice } from "../tensor/layout.ts";
import { round } from "../tensor/rounding.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { roundedTensor } from "../tensor/tensor.ts";

/** `rope_parameters` of a config that has none. */
const default_rope = {
  rope_type: "yarn" as const,
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4096,
};

/** `GptOssConfig`, with its defaults. */
export const GptOssConfig = configSchema({
  model_type: z.literal("gpt_oss").default("gpt_oss"),
  num_hidden_layers: count.default(36),
  num_local_experts: count.default(128),
  vocab_size: count.default(201_088),
  hidden_size: count.default(2880),
  intermediate_size: count.default(2880),
  head_dim: count.default(64),
  num_attention_heads: count.default(64),
  num_key_value_heads: count.default(8),
  sliding_window: count.nullable().default(128),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.string().optional(), // the reference does not read it
  max_position_embeddings: count.default(131_072),
  rms_norm_eps: z.number().default(1e-5),
  ...rope_fields,
  num_experts_per_tok: count.default(4),
  experts_per_token: count.optional(), // in published checkpoints; the reference does not read it
  swiglu_alpha: z.number().default(1.702),
  swiglu_limit: z.number().positive().default(7),
  layer_types: z.array(layer_type).nullish(),
  pad_token_id: tokenId.default(null),
  attention_bias: z.boolean().default(true),
}).transform((fields, context) => ({
  ...standardize_rope_params({ ...fields, rope_parameters: fields.rope_parameters ?? default_rope }, 150_000),
  layer_types: layerTypes(fields, context, (i) => ((i + 1) % 2 === 0 ? "full_attention" : "sliding_attention")),
}));
export type GptOssConfig = z.output<typeof GptOssConfig>;

export class GptOssRMSNorm extends RMSNorm {
  constructor(at: Scope, options: NormOptions) {
    super(at, { ...options, with_scale: false });
    const { dtype } = at.context;
    this.weight = at.weight("weight", [options.dim], dtype === "F16" ? "F32" : dtype); // `_keep_in_fp32_modules`
  }
}

/**
 * Gated MLPs with biases, their weights stored as [experts, in, out], gates and ups in turn; a clamped SwiGLU with 1
 * added to the up half.
 */
export class GptOssExperts extends Experts {
  gate_up_proj: Tensor; // [experts, hidden_size, 2 * intermediate_size]
  gate_up_proj_bias: Tensor; // [experts, 2 * intermediate_size]
  down_proj: Tensor; // [experts, intermediate_size, hidden_size]
  down_proj_bias: Tensor; // [experts, hidden_size]
  alpha: number;
  limit: number;

  constructor(scope: Scope, given: GptOssConfig) {
    const at = new ConfigScope(scope, given);
    const { num_local_experts, swiglu_alpha, swiglu_limit } = at.config;
    super(scope, num_local_experts);
    const [experts, hidden, gate_up] = ["num_local_experts", "hidden_size", [2, "intermediate_size"]] as const;
    this.gate_up_proj = at.parameter("gate_up_proj", experts, hidden, gate_up);
    this.gate_up_proj_bias = at.parameter("gate_up_proj_bias", experts, gate_up);
    this.down_proj = at.parameter("down_proj", experts, "intermediate_size", hidden);
    this.down_proj_bias = at.parameter("down_proj_bias", experts, hidden);
    this.alpha = swiglu_alpha;
    this.limit = swiglu_limit;
  }

  _apply_gate(gate_up: Tensor): Tensor {
    const { data, dtype } = gate_up;
    const shape = gate_up.shape.with(-1, gate_up.size(-1) / 2);
    const swiglu = { alpha: this.alpha, limit: this.limit, round: round[dtype] };
    return roundedTensor(shape, data && clamped_swiglu(data, swiglu), dtype);
  }

  expert(current_state: Tensor, expert_idx: number): Tensor {
    const gate_up = this.affine(current_state, this.gate_up_proj, this.gate_up_proj_bias, expert_idx);
    const gated_output = this._apply_gate(gate_up); // [n, intermediate]
    return this.affine(gated_output, this.down_proj, this.down_proj_bias, expert_idx); // [n, hidden_size]
  }
}

/** The weights of the chosen experts are a softmax over their logits alone. */
export class GptOssTopKRouter extends Router {
  bias: Tensor;

  constructor(at: Scope, options: RouterOptions) {
    super(at, options);
    this.bias = at.weight("bias", [options.experts]);
  }

  forward(hidden_states: Tensor): Routing {
    const router_logits = this.project(hidden_states, this.bias); // [tokens, experts]
    const router_indices = this.topk(router_logits, this.top_k); // [tokens, k]
    const router_top_value = this.gather(router_logits, router_indices);
    return [router_logits, this.softmax(router_top_value, router_top_value.dtype), router_indices];
  }
}

/** hidden_states [B, S, hidden_size] -> the same shape. */
export class GptOssMLP extends ConfiguredModule<GptOssConfig> {
  router = this.at.router("router", GptOssTopKRouter, "num_local_experts");
  experts = this.at.module("experts", GptOssExperts);

  forward(hidden_states: Tensor): Tensor {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    const [, router_scores, router_indices] = this.router.call(tokens); // [B * S, k]
    return reshape(this.experts.call(tokens, router_indices, router_scores), hidden_states.shape);
  }
}

/** Tables of one entry per pair of channels, [B, S, head_dim / 2]. */
export class GptOssRotaryEmbedding extends RotaryEmbedding {
  override forward(x: Tensor, position_ids: IndexTensor): PositionEmbeddings {
    const [cos, sin] = super.forward(x, position_ids);
    const pairs = cos.size(-1) / 2;
    return [slice(cos, 2, 0, pairs), slice(sin, 2, 0, pairs)];
  }
}

interface SinkOptions extends AttentionCoreOptions {
  readonly sinks: Tensor;
}

/** One more score per head, learned, takes its share of the softmax and is dropped. */
class AttentionCoreWithSinks extends AttentionCore {
  sinks: Tensor;

  constructor(at: Scope, config: AttentionCoreConfig, options: SinkOptions) {
    super(at, config, options);
    this.sinks = options.sinks;
  }

  override compute_probs(scores: Tensor): Tensor {
    const { shape, data, dtype } = scores;
    const sizes = { queries: scores.size(2), keys: scores.size(3), round: round[dtype] };
    const sinks = this.sinks.data;
    return roundedTensor(shape, data && sinks && softmax_with_sinks(data, sinks, sizes), dtype);
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GptOssAttention extends Attention<GptOssConfig> {
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  sinks = this.at.parameter("sinks", "num_attention_heads");
  attention = this.core(AttentionCoreWithSinks, { scaling: this.config.head_dim ** -0.5, sinks: this.sinks });

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return super.apply_rotary_pos_emb(x, concat([cos, cos], 2), concat([sin, sin], 2));
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class GptOssDecoderLayer extends DecoderLayer<GptOssConfig> {
  self_attn = this.at.module("self_attn", GptOssAttention, this.layer_idx);
  mlp = this.at.module("mlp", GptOssMLP);
  input_layernorm = this.at.norm("input_layernorm", GptOssRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", GptOssRMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class GptOssModel extends DecoderModel<GptOssConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", GptOssDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", GptOssRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", GptOssRotaryEmbedding);
}

export class GptOssForCausalLM extends DecoderForCausalLM<GptOssConfig> {
  model = this.at.module("model", GptOssModel);
  lm_head = this.head("model.embed_tokens.weight");
}
