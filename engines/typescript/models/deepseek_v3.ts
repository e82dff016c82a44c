/** deepseek_v3, read beside transformers 5.24.0, `models/deepseek_v3/modeling_deepseek_v3.py`: same classes, same order, same names. */
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { GatedExperts } from "../layers/experts.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { addRows, sigmoid } from "../layers/pointwise.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { ExpertIndices, Routing } from "../layers/router.ts";
import { Router } from "../layers/router.ts";
import type { Scope, Size } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, cast, scale } from "../tensor/elementwise.ts";
import { concat, reshape, swapMiddle } from "../tensor/layout.ts";
import { split } from "../tensor/split.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { DeepseekV3Config } from "./deepseek_v3.config.ts";

export class DeepseekV3RMSNorm extends RoundedRMSNorm {}

export class DeepseekV3RotaryEmbedding extends RotaryEmbedding {}

export class DeepseekV3MLP extends GatedMLP {}

/** Scores experts by sigmoids in float32, and chooses among those of the best groups with a bias that their weights do not have. */
export class DeepseekV3TopkRouter extends Router {
  routed_scaling_factor: number;
  num_group: number;
  topk_group: number;
  norm_topk_prob: boolean;
  e_score_correction_bias: Tensor;

  constructor(config: DeepseekV3Config, at: Scope) {
    config = at.read(config);
    const [hidden, experts] = [size(config, "hidden_size"), size(config, "n_routed_experts")];
    super(at, { hidden, experts, top_k: config.num_experts_per_tok, dtype: "F32" });
    this.routed_scaling_factor = config.routed_scaling_factor;
    this.num_group = config.n_group;
    this.topk_group = config.topk_group;
    this.norm_topk_prob = config.norm_topk_prob;
    this.e_score_correction_bias = at.weight("e_score_correction_bias", [experts], "F32");
  }

  forward(hidden_states: Tensor): Routing {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [tokens, hidden_size]
    const router_logits = this.project(cast(tokens, "F32")); // [tokens, experts]
    const scores = sigmoid(router_logits);
    const topk_indices = this.choose(addRows(scores, this.e_score_correction_bias)); // [tokens, k]
    let topk_weights = this.gather(scores, topk_indices);
    if (this.norm_topk_prob) topk_weights = this.normalize(topk_weights); // the reference adds 1e-20 to the sum: no number of float32 changes
    return [router_logits, scale(topk_weights, this.routed_scaling_factor), topk_indices];
  }

  /** The best experts of the `topk_group` groups in which the sum of the two best is largest. */
  choose(scores_for_choice: Tensor): ExpertIndices {
    const [tokens, experts] = [scores_for_choice.rows, scores_for_choice.size(-1)];
    const grouped = reshape(scores_for_choice, [tokens * this.num_group, experts / this.num_group]);
    const group_scores = reshape(this.sum_of_two_best(grouped), [tokens, this.num_group]);
    const group_idx = this.topk(group_scores, this.topk_group).data; // [tokens, topk_group]
    const masked = scores_for_choice.data?.map((score, i) => {
      const [token, group] = [Math.floor(i / experts), Math.floor((i % experts) / grouped.size(-1))];
      const chosen = group_idx?.subarray(token * this.topk_group, (token + 1) * this.topk_group);
      return chosen?.includes(group) ? score : -Infinity;
    });
    return this.topk(floatTensor(scores_for_choice.shape, masked ?? null), this.top_k);
  }

  /** [groups, experts of one] -> [groups]. */
  sum_of_two_best(grouped: Tensor): Tensor {
    const best = this.gather(grouped, this.topk(grouped, 2)); // [groups, 2]
    const [first, second] = split(best, [1, 1]);
    return add(first, second);
  }
}

export class DeepseekV3Experts extends GatedExperts {}

/** hidden_states [B, S, hidden_size] -> the same shape: routed experts, and shared ones that see every token. */
export class DeepseekV3MoE extends Module {
  experts: DeepseekV3Experts;
  gate: DeepseekV3TopkRouter;
  shared_experts: DeepseekV3MLP;

  constructor(config: DeepseekV3Config, at: Scope) {
    super(at);
    config = at.read(config);
    const [hidden, experts] = [size(config, "hidden_size"), size(config, "n_routed_experts")];
    const { hidden_act: activation } = config;
    const intermediate = size(config, "moe_intermediate_size");
    const shared = { activation, intermediate: size(config, "moe_intermediate_size", "n_shared_experts") };
    this.experts = new DeepseekV3Experts(at.child("experts"), { experts, hidden, intermediate, activation });
    this.gate = new DeepseekV3TopkRouter(config, at.child("gate"));
    this.shared_experts = new DeepseekV3MLP(config, at.child("shared_experts"), shared);
  }

  forward(hidden_states: Tensor): Tensor {
    const residuals = hidden_states;
    const [, topk_weights, topk_indices] = this.gate.call(hidden_states); // [B * S, k]
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    hidden_states = reshape(this.experts.call(tokens, topk_indices, topk_weights), hidden_states.shape);
    return add(hidden_states, this.shared_experts.call(residuals));
  }
}

/** What YaRN makes scores larger by: its `mscale`, squared. */
export function yarn_apply_mscale(rope: DeepseekV3Config["rope_parameters"], scaling: number): number {
  const { rope_type, factor, mscale_all_dim } = rope;
  if (rope_type === "default" || !mscale_all_dim || !factor) return scaling;
  const mscale = factor <= 1 ? 1 : 0.1 * mscale_all_dim * Math.log(factor) + 1;
  return scaling * mscale * mscale;
}

/** Latent attention: keys and values of all heads are made from one short vector per token, which is what the cache keeps. */
export class DeepseekV3Attention extends Attention {
  q_proj: Linear | null = null;
  q_a_proj: Linear | null = null;
  q_a_layernorm: DeepseekV3RMSNorm | null = null;
  q_b_proj: Linear | null = null;
  kv_a_proj_with_mqa: Linear;
  kv_a_layernorm: DeepseekV3RMSNorm;
  kv_b_proj: Linear;
  o_proj: Linear;
  qk_nope_head_dim: number;
  qk_rope_head_dim: number;
  qk_head_dim: number;
  v_head_dim: number;
  kv_lora_rank: number;
  rope_interleave: boolean;

  constructor(config: DeepseekV3Config, layer_idx: number, at: Scope) {
    const read = at.read(config);
    super(config, layer_idx, { at, scaling: yarn_apply_mscale(read.rope_parameters, read.qk_head_dim ** -0.5) });
    config = read;
    const { attention_bias: bias, qk_nope_head_dim, qk_rope_head_dim, qk_head_dim, v_head_dim, kv_lora_rank } = config;
    const [hidden, kv_rank] = [size(config, "hidden_size"), size(config, "kv_lora_rank")];
    const query = size(config, "num_attention_heads", "qk_head_dim");
    const value = size(config, "num_attention_heads", "v_head_dim");
    const compressed = sum(kv_rank, size(config, "qk_rope_head_dim"));
    const key_value = sum(size(config, "num_attention_heads", "qk_nope_head_dim"), value);
    if (config.q_lora_rank === null) {
      this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias: false });
    } else {
      const rank = { value: config.q_lora_rank, text: `q_lora_rank ${config.q_lora_rank}` };
      this.q_a_proj = new Linear(at.child("q_a_proj"), { in: hidden, out: rank, bias });
      this.q_a_layernorm = new DeepseekV3RMSNorm(at.child("q_a_layernorm"), { dim: rank, ...latent_norm });
      this.q_b_proj = new Linear(at.child("q_b_proj"), { in: rank, out: query, bias: false });
    }
    this.kv_a_proj_with_mqa = new Linear(at.child("kv_a_proj_with_mqa"), { in: hidden, out: compressed, bias });
    this.kv_a_layernorm = new DeepseekV3RMSNorm(at.child("kv_a_layernorm"), { dim: kv_rank, ...latent_norm });
    this.kv_b_proj = new Linear(at.child("kv_b_proj"), { in: kv_rank, out: key_value, bias: false });
    this.o_proj = new Linear(at.child("o_proj"), { in: value, out: hidden, bias });
    Object.assign(this.attention, { head_dim: qk_head_dim, v_head_dim });
    [this.qk_nope_head_dim, this.qk_rope_head_dim, this.qk_head_dim] = [
      qk_nope_head_dim,
      qk_rope_head_dim,
      qk_head_dim,
    ];
    [this.v_head_dim, this.kv_lora_rank, this.rope_interleave] = [v_head_dim, kv_lora_rank, config.rope_interleave];
  }

  /** Latents [B, 1, T, kv_lora_rank] and rotated keys [B, 1, T, qk_rope_head_dim] -> keys and values [B, heads, T, ...]. */
  expand_kv(kv_nope: Tensor, k_rot: Tensor): [key_states: Tensor, value_states: Tensor] {
    const [batch, , length] = kv_nope.shape as [number, number, number, number];
    const width = this.qk_nope_head_dim + this.v_head_dim;
    const expanded = swapMiddle(reshape(this.kv_b_proj.call(kv_nope), [batch, length, -1, width])); // [B, heads, T, width]
    const [k_nope, value_states] = split(expanded, [this.qk_nope_head_dim, this.v_head_dim]);
    const k_rot_of_heads = concat(
      Array.from({ length: k_nope.size(1) }, () => k_rot),
      1,
    );
    return [concat([k_nope, k_rot_of_heads], 3), value_states];
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return super.apply_rotary_pos_emb(this.rope_interleave ? deinterleave(x) : x, cos, sin);
  }

  query_states(hidden_states: Tensor): Tensor {
    if (this.q_proj !== null) return this.q_proj.call(hidden_states);
    return this.q_b_proj!.call(this.q_a_layernorm!.call(this.q_a_proj!.call(hidden_states)));
  }

  forward(hidden_states: Tensor, { position_embeddings, attention_mask, cache }: DecoderLayerInputs): Tensor {
    const [batch, length] = hidden_states.shape as [number, number, number];
    const q_states = reshape(this.query_states(hidden_states), [batch, length, -1, this.qk_head_dim]); // [B, S, heads, D]
    const [q_pass, q_rot] = split(q_states, [this.qk_nope_head_dim, this.qk_rope_head_dim]);

    const compressed_kv = this.kv_a_proj_with_mqa.call(hidden_states);
    const [latent, k_shared] = split(compressed_kv, [this.kv_lora_rank, this.qk_rope_head_dim]);
    const kv_nope = reshape(this.kv_a_layernorm.call(latent), [batch, 1, length, -1]);
    const heads = [q_rot, reshape(k_shared, [batch, length, 1, -1])] as const;
    const [q_rotated, k_rotated] = this.rotate(heads, position_embeddings); // [B, S, heads | 1, rope]

    const compressed = [kv_nope, reshape(k_rotated, [batch, 1, length, -1])] as const;
    const [all_kv_nope, all_k_rot] = cache?.update(...compressed, this.layer_idx) ?? compressed; // [B, 1, T, ...]
    const query = swapMiddle(concat([q_pass, q_rotated], 3)); // [B, heads, S, qk_head_dim]
    const [key_states, value_states] = this.expand_kv(all_kv_nope, all_k_rot);
    this.tap("#q_rope", query);
    this.step = "#context";
    const attn_output = this.attention.forward(query, key_states, value_states, attention_mask);
    return this.o_proj.call(reshape(attn_output, [batch, length, -1])); // [B, S, hidden_size]
  }
}

export class DeepseekV3DecoderLayer extends PreNormDecoderLayer {
  self_attn: DeepseekV3Attention;
  mlp: DeepseekV3MoE | DeepseekV3MLP;
  input_layernorm: DeepseekV3RMSNorm;
  post_attention_layernorm: DeepseekV3RMSNorm;

  constructor(config: DeepseekV3Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps, with_scale: true };
    this.self_attn = new DeepseekV3Attention(config, layer_idx, at.child("self_attn"));
    this.mlp =
      layer_idx >= config.first_k_dense_replace
        ? new DeepseekV3MoE(config, at.child("mlp"))
        : new DeepseekV3MLP(config, at.child("mlp"), { activation: config.hidden_act });
    this.input_layernorm = new DeepseekV3RMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new DeepseekV3RMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class DeepseekV3Model extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<DeepseekV3DecoderLayer>;
  norm: DeepseekV3RMSNorm;
  rotary_emb: DeepseekV3RotaryEmbedding;

  constructor(config: DeepseekV3Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new DeepseekV3DecoderLayer(config, layer_idx, at),
    );
    this.norm = new DeepseekV3RMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new DeepseekV3RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class DeepseekV3ForCausalLM extends DecoderForCausalLM {
  model: DeepseekV3Model;
  lm_head: Linear;

  constructor(config: DeepseekV3Config, at: Scope) {
    super(config, at);
    this.model = new DeepseekV3Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}

const latent_norm = { eps: 1e-6, with_scale: true }; // the class's default, whatever rms_norm_eps says

function sum(a: Size, b: Size): Size {
  return { value: a.value + b.value, text: `${a.text} + ${b.text}` };
}

/** Channels x0, x1, x2, x3 as x0, x2, x1, x3: those at even places first. */
function deinterleave({ data, shape, dtype }: Tensor): Tensor {
  const width = shape.at(-1)!;
  const source = (i: number) => ((i * 2) % width) + (i * 2 >= width ? 1 : 0);
  const moved = data && Float32Array.from(data, (_, i) => data[i - (i % width) + source(i % width)]!);
  return floatTensor(shape, moved, dtype);
}
