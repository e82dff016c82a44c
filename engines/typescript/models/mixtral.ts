/** mixtral, read beside transformers 5.24.0, `models/mixtral/modeling_mixtral.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { GatedExperts } from "../layers/experts.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Routing } from "../layers/router.ts";
import { SoftmaxTopKRouter } from "../layers/router.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { reshape } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `MixtralConfig`, with its defaults. */
export const MixtralConfig = config({
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
  head_dim: fields.head_dim ?? Math.floor(fields.hidden_size / fields.num_attention_heads),
  num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
  layer_types: Array.from({ length: fields.num_hidden_layers }, () =>
    fields.sliding_window === null ? ("full_attention" as const) : ("sliding_attention" as const),
  ),
}));
export type MixtralConfig = z.output<typeof MixtralConfig>;

export class MixtralExperts extends GatedExperts {}

/** Weights of the chosen experts are their probabilities, made to sum to 1 and left in float32. */
export class MixtralTopKRouter extends SoftmaxTopKRouter {
  forward(hidden_states: Tensor): Routing {
    const [router_logits, router_top_value, router_indices] = this.choose(hidden_states);
    return [router_logits, this.normalize(router_top_value), router_indices];
  }
}

/** hidden_states [B, S, hidden_size] -> the same shape. */
export class MixtralSparseMoeBlock extends Module {
  gate: MixtralTopKRouter;
  experts: MixtralExperts;

  constructor(config: MixtralConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const { num_experts_per_tok: top_k, hidden_act: activation } = config;
    const [hidden, experts] = [size(config, "hidden_size"), size(config, "num_local_experts")];
    const intermediate = size(config, "intermediate_size");
    this.gate = new MixtralTopKRouter(at.child("gate"), { hidden, experts, top_k });
    this.experts = new MixtralExperts(at.child("experts"), { experts, hidden, intermediate, activation });
  }

  forward(hidden_states: Tensor): Tensor {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    const [, top_k_weights, top_k_index] = this.gate.call(tokens); // [B * S, k]
    return reshape(this.experts.call(tokens, top_k_index, top_k_weights), hidden_states.shape);
  }
}

export class MixtralRMSNorm extends RoundedRMSNorm {}

export class MixtralRotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class MixtralAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(config: MixtralConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias: false });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias: false });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias: false });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias: false });
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

export class MixtralDecoderLayer extends PreNormDecoderLayer {
  self_attn: MixtralAttention;
  mlp: MixtralSparseMoeBlock;
  input_layernorm: MixtralRMSNorm;
  post_attention_layernorm: MixtralRMSNorm;

  constructor(config: MixtralConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps, with_scale: true };
    this.self_attn = new MixtralAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = new MixtralSparseMoeBlock(config, at.child("mlp"));
    this.input_layernorm = new MixtralRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new MixtralRMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class MixtralModel extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<MixtralDecoderLayer>;
  norm: MixtralRMSNorm;
  rotary_emb: MixtralRotaryEmbedding;

  constructor(config: MixtralConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new MixtralDecoderLayer(config, layer_idx, at),
    );
    this.norm = new MixtralRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new MixtralRotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class MixtralForCausalLM extends DecoderForCausalLM {
  model: MixtralModel;
  lm_head: Linear;

  constructor(config: MixtralConfig, at: Scope) {
    super(config, at);
    this.model = new MixtralModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
