/** qwen3_moe, read beside transformers 5.24.0, `models/qwen3_moe/modeling_qwen3_moe.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { GatedExperts } from "../layers/experts.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Routing } from "../layers/router.ts";
import { SoftmaxTopKRouter } from "../layers/router.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { cast } from "../tensor/elementwise.ts";
import { reshape } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Qwen3MoeConfig`, with its defaults. */
export const Qwen3MoeConfig = config({
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
    layer_types: Array.from({ length: fields.num_hidden_layers }, () =>
      sliding_window === null ? ("full_attention" as const) : ("sliding_attention" as const),
    ),
  };
});
export type Qwen3MoeConfig = z.output<typeof Qwen3MoeConfig>;

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3MoeAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  q_norm: Qwen3MoeRMSNorm;
  k_norm: Qwen3MoeRMSNorm;

  constructor(config: Qwen3MoeConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    const bias = config.attention_bias;
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias });
    const norm = { dim: size(config, "head_dim"), eps: config.rms_norm_eps, with_scale: true };
    this.q_norm = new Qwen3MoeRMSNorm(at.child("q_norm"), norm); // only on the head dim
    this.k_norm = new Qwen3MoeRMSNorm(at.child("k_norm"), norm);
  }

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

/** Weights of the chosen experts are their probabilities among all, made to sum to 1 where the config says so. */
export class Qwen3MoeTopKRouter extends SoftmaxTopKRouter {
  norm_topk_prob = false;

  forward(hidden_states: Tensor): Routing {
    let [router_logits, router_top_value, router_indices] = this.choose(hidden_states);
    if (this.norm_topk_prob) router_top_value = this.normalize(router_top_value);
    return [router_logits, cast(router_top_value, router_logits.dtype), router_indices];
  }
}

/** hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3MoeSparseMoeBlock extends Module {
  experts: Qwen3MoeExperts;
  gate: Qwen3MoeTopKRouter;

  constructor(config: Qwen3MoeConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const { num_experts_per_tok: top_k, hidden_act: activation } = config;
    const [hidden, experts] = [size(config, "hidden_size"), size(config, "num_experts")];
    const intermediate = size(config, "moe_intermediate_size");
    this.experts = new Qwen3MoeExperts(at.child("experts"), { experts, hidden, intermediate, activation });
    this.gate = new Qwen3MoeTopKRouter(at.child("gate"), { hidden, experts, top_k });
    this.gate.norm_topk_prob = config.norm_topk_prob;
  }

  forward(hidden_states: Tensor): Tensor {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    const [, routing_weights, selected_experts] = this.gate.call(tokens); // [B * S, k]
    return reshape(this.experts.call(tokens, selected_experts, routing_weights), hidden_states.shape);
  }
}

export class Qwen3MoeRMSNorm extends RoundedRMSNorm {}

export class Qwen3MoeDecoderLayer extends PreNormDecoderLayer {
  self_attn: Qwen3MoeAttention;
  mlp: Qwen3MoeMLP | Qwen3MoeSparseMoeBlock;
  input_layernorm: Qwen3MoeRMSNorm;
  post_attention_layernorm: Qwen3MoeRMSNorm;

  constructor(config: Qwen3MoeConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_act: activation, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new Qwen3MoeAttention(config, layer_idx, at.child("self_attn"));
    const is_sparse = config.num_experts > 0 && (layer_idx + 1) % config.decoder_sparse_step === 0;
    this.mlp =
      is_sparse && !config.mlp_only_layers.includes(layer_idx)
        ? new Qwen3MoeSparseMoeBlock(config, at.child("mlp"))
        : new Qwen3MoeMLP(config, at.child("mlp"), { activation });
    this.input_layernorm = new Qwen3MoeRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Qwen3MoeRMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class Qwen3MoeRotaryEmbedding extends RotaryEmbedding {}

export class Qwen3MoeModel extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<Qwen3MoeDecoderLayer>;
  norm: Qwen3MoeRMSNorm;
  rotary_emb: Qwen3MoeRotaryEmbedding;

  constructor(config: Qwen3MoeConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Qwen3MoeDecoderLayer(config, layer_idx, at),
    );
    this.norm = new Qwen3MoeRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Qwen3MoeRotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class Qwen3MoeForCausalLM extends DecoderForCausalLM {
  model: Qwen3MoeModel;
  lm_head: Linear;

  constructor(config: Qwen3MoeConfig, at: Scope) {
    super(config, at);
    this.model = new Qwen3MoeModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
