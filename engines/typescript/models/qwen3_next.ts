/** qwen3_next, read beside transformers 5.24.0, `models/qwen3_next/modeling_qwen3_next.py`: same classes, same order, same names. */
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { DecoderForCausalLM } from "../layers/decoder.ts";
import { GatedExperts } from "../layers/experts.ts";
import type { LinearAttentionInputs } from "../layers/gated_delta_net.ts";
import { GatedDeltaNet } from "../layers/gated_delta_net.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { OnePlusRMSNorm, RoundedRMSNorm } from "../layers/normalization.ts";
import { mulColumn, sigmoid, silu } from "../layers/pointwise.ts";
import { compute_partial_rope_parameters } from "../layers/rope_init.ts";
import { apply_partial_rotary_pos_emb, RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Routing } from "../layers/router.ts";
import { SoftmaxTopKRouter } from "../layers/router.ts";
import type { Scope } from "../layers/scope.ts";
import { size, sum } from "../layers/scope.ts";
import { add, cast, mul } from "../tensor/elementwise.ts";
import { concat, reshape } from "../tensor/layout.ts";
import { split, transposeLast } from "../tensor/split.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { Qwen3NextConfig } from "./qwen3_next.config.ts";

/** An RMS norm, then the gate: of hidden_states and gate [tokens * heads, D]. */
export class Qwen3NextRMSNormGated extends RoundedRMSNorm {
  override forward(hidden_states: Tensor, gate?: Tensor): Tensor {
    const normed = cast(super.forward(hidden_states), "F32");
    return cast(mul(normed, silu(cast(gate!, "F32"))), hidden_states.dtype);
  }
}

/** Rotates the first `partial_rotary_factor` of the channels, with every kind of rope. */
export class Qwen3NextRotaryEmbedding extends RotaryEmbedding {
  constructor(config: Qwen3NextConfig, at: Scope) {
    super(config, at, { default: compute_partial_rope_parameters });
  }
}

export class Qwen3NextRMSNorm extends OnePlusRMSNorm {}

/** Attention of one layer, gated: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3NextAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  q_norm: Qwen3NextRMSNorm;
  k_norm: Qwen3NextRMSNorm;

  constructor(config: Qwen3NextConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    const { attention_bias: bias, rms_norm_eps: eps } = config;
    const query_and_gate = size(config, "num_attention_heads", "head_dim", 2);
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query_and_gate, bias });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias });
    const norm = { dim: size(config, "head_dim"), eps, with_scale: true };
    this.q_norm = new Qwen3NextRMSNorm(at.child("q_norm"), norm);
    this.k_norm = new Qwen3NextRMSNorm(at.child("k_norm"), norm);
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let [query_states, gate] = this.chunk(this.q_proj.call(hidden_states)); // [B, S, heads, D] each
    gate = reshape(gate, [...gate.shape.slice(0, 2), -1]); // [B, S, heads * D]
    query_states = this.q_norm.call(query_states);
    let key_states = this.k_norm.call(this.split_heads(this.k_proj.call(hidden_states))); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(this.gate(attn_output, gate)); // [B, S, hidden_size]
  }

  /** Queries and gates, which lie side by side within each head. */
  chunk(query_and_gate: Tensor): [query: Tensor, gate: Tensor] {
    const { head_dim } = this;
    return split(reshape(query_and_gate, [...query_and_gate.shape.slice(0, 2), -1, 2 * head_dim]), [
      head_dim,
      head_dim,
    ]);
  }

  gate(attn_output: Tensor, gate: Tensor): Tensor {
    return mul(attn_output, sigmoid(gate));
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return apply_partial_rotary_pos_emb(x, cos, sin);
  }
}

/** Linear attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3NextGatedDeltaNet extends GatedDeltaNet {
  in_proj_qkvz: Linear;
  in_proj_ba: Linear;
  norm: Qwen3NextRMSNormGated;
  out_proj: Linear;

  constructor(config: Qwen3NextConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const keys = size(config, 2, "linear_num_key_heads", "linear_key_head_dim");
    const values = size(config, "linear_num_value_heads", "linear_value_head_dim");
    const qkvz = sum(keys, size(config, 2, "linear_num_value_heads", "linear_value_head_dim"));
    this.in_proj_qkvz = new Linear(at.child("in_proj_qkvz"), { in: hidden, out: qkvz, bias: false });
    const ba = size(config, 2, "linear_num_value_heads");
    this.in_proj_ba = new Linear(at.child("in_proj_ba"), { in: hidden, out: ba, bias: false });
    const norm = { dim: size(config, "linear_value_head_dim"), eps: config.rms_norm_eps, with_scale: true };
    this.norm = new Qwen3NextRMSNormGated(at.child("norm"), norm);
    this.out_proj = new Linear(at.child("out_proj"), { in: values, out: hidden, bias: false });
  }

  /**
   * Queries and keys [B, S, k_heads * Dk], values and gates z [B, S, v_heads * Dv], b and a [B, S, v_heads]: in both projections they lie side by side
   * within each key head.
   */
  fix_query_key_value_ordering(mixed_qkvz: Tensor, mixed_ba: Tensor) {
    const { num_k_heads, head_k_dim, head_v_dim } = this;
    const [batch, length] = mixed_qkvz.shape as [number, number];
    const per_key = this.num_v_heads / num_k_heads;
    const by_key = (mixed: Tensor) => reshape(mixed, [batch, length, num_k_heads, -1]);
    const flat = (x: Tensor) => reshape(x, [batch, length, -1]);
    const widths = [head_k_dim, head_k_dim, per_key * head_v_dim, per_key * head_v_dim] as const;
    const [query, key, value, z] = split(by_key(mixed_qkvz), widths);
    const [b, a] = split(by_key(mixed_ba), [per_key, per_key]);
    return { query: flat(query), key: flat(key), value: flat(value), z: flat(z), b: flat(b), a: flat(a) };
  }

  forward(hidden_states: Tensor, { attention_mask, state }: LinearAttentionInputs): Tensor {
    hidden_states = this.mask_padding(hidden_states, attention_mask);
    const qkvz = this.in_proj_qkvz.call(hidden_states);
    const ba = this.in_proj_ba.call(hidden_states);
    const { query, key, value, z, b, a } = this.fix_query_key_value_ordering(qkvz, ba);
    const mixed_qkv = this.convolve(transposeLast(concat([query, key, value], 2)), state); // [B, conv_dim, S]
    const options = { g: this.g(a), beta: this.beta(b), state };
    let core_attn_out = this.delta_rule(transposeLast(mixed_qkv), options); // [B, S, v_heads, Dv]
    const rows = [-1, this.head_v_dim];
    core_attn_out = this.norm.call(reshape(core_attn_out, rows), reshape(z, rows)); // [B * S * v_heads, Dv]
    return this.out_proj.call(reshape(core_attn_out, z.shape)); // [B, S, hidden_size]
  }
}

export class Qwen3NextMLP extends GatedMLP {}

export class Qwen3NextExperts extends GatedExperts {}

/** Weights of the chosen experts are their probabilities, made to sum to 1 when `norm_topk_prob`. */
export class Qwen3NextTopKRouter extends SoftmaxTopKRouter {
  norm_topk_prob = true;

  forward(hidden_states: Tensor): Routing {
    let [router_logits, router_top_value, router_indices] = this.choose(hidden_states);
    if (this.norm_topk_prob) router_top_value = this.normalize(router_top_value);
    return [router_logits, cast(router_top_value, router_logits.dtype), router_indices];
  }
}

/** hidden_states [B, S, hidden_size] -> the same shape: the chosen experts, and one that all tokens go to, behind a gate. */
export class Qwen3NextSparseMoeBlock extends Module {
  gate: Qwen3NextTopKRouter;
  experts: Qwen3NextExperts;
  shared_expert: Qwen3NextMLP;
  shared_expert_gate: Linear;

  constructor(config: Qwen3NextConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const { num_experts_per_tok: top_k, hidden_act: activation } = config;
    const [hidden, experts] = [size(config, "hidden_size"), size(config, "num_experts")];
    this.gate = new Qwen3NextTopKRouter(at.child("gate"), { hidden, experts, top_k });
    this.gate.norm_topk_prob = config.norm_topk_prob;
    const intermediate = size(config, "moe_intermediate_size");
    this.experts = new Qwen3NextExperts(at.child("experts"), { experts, hidden, intermediate, activation });
    const shared = { activation, intermediate: size(config, "shared_expert_intermediate_size") };
    this.shared_expert = new Qwen3NextMLP(config, at.child("shared_expert"), shared);
    const one = { value: 1, text: "1" };
    this.shared_expert_gate = new Linear(at.child("shared_expert_gate"), { in: hidden, out: one, bias: false });
  }

  forward(hidden_states: Tensor): Tensor {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    const shared_expert_output = this.shared_expert.call(tokens);
    const [, routing_weights, selected_experts] = this.gate.call(tokens); // [B * S, k]
    const expert_output = this.experts.call(tokens, selected_experts, routing_weights);
    const gate = this.shared_gate(this.shared_expert_gate.call(tokens)); // [B * S, 1]
    return reshape(add(expert_output, mulColumn(shared_expert_output, gate)), hidden_states.shape);
  }

  shared_gate(logits: Tensor): Tensor {
    return sigmoid(logits);
  }
}

/** One layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3NextDecoderLayer extends Module {
  linear_attn: Qwen3NextGatedDeltaNet | null = null;
  self_attn: Qwen3NextAttention | null = null;
  mlp: Qwen3NextSparseMoeBlock | Qwen3NextMLP;
  input_layernorm: Qwen3NextRMSNorm;
  post_attention_layernorm: Qwen3NextRMSNorm;

  constructor(config: Qwen3NextConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    if (config.layer_types[layer_idx] === "linear_attention")
      this.linear_attn = new Qwen3NextGatedDeltaNet(config, at.child("linear_attn"));
    else this.self_attn = new Qwen3NextAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = config.sparse_layers[layer_idx]
      ? new Qwen3NextSparseMoeBlock(config, at.child("mlp"))
      : new Qwen3NextMLP(config, at.child("mlp"), { activation: config.hidden_act });
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps, with_scale: true };
    this.input_layernorm = new Qwen3NextRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Qwen3NextRMSNorm(at.child("post_attention_layernorm"), norm);
  }

  forward(hidden_states: Tensor, linear: LinearAttentionInputs, full: DecoderLayerInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.input_layernorm.call(hidden_states);
    hidden_states = this.linear_attn?.call(hidden_states, linear) ?? this.self_attn!.call(hidden_states, full);
    hidden_states = add(residual, hidden_states);

    residual = hidden_states;
    hidden_states = this.post_attention_layernorm.call(hidden_states);
    hidden_states = this.mlp.call(hidden_states);
    return add(residual, hidden_states);
  }
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class Qwen3NextModel extends Module {
  embed_tokens: Embedding;
  layers: ModuleList<Qwen3NextDecoderLayer>;
  norm: Qwen3NextRMSNorm;
  rotary_emb: Qwen3NextRotaryEmbedding;

  constructor(config: Qwen3NextConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Qwen3NextDecoderLayer(config, layer_idx, at),
    );
    this.norm = new Qwen3NextRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Qwen3NextRotaryEmbedding(config, at.child("rotary_emb"));
  }

  forward(input_ids: IndexTensor, { position_ids, attention_masks, cache }: CausalModelInputs): Tensor {
    let hidden_states = this.embed_tokens.call(input_ids); // [B, S, hidden_size]
    const position_embeddings = this.rotary_emb.call(hidden_states, position_ids);
    const full = { position_embeddings, attention_mask: attention_masks.full_attention, cache };
    for (const [i, decoder_layer] of this.layers.elements.entries()) {
      const linear = { attention_mask: attention_masks.linear_attention ?? null, state: cache?.states[i] ?? null };
      const states = hidden_states;
      hidden_states = scratch(() => decoder_layer.call(states, linear, full));
    }
    return this.norm.call(hidden_states);
  }
}

export class Qwen3NextForCausalLM extends DecoderForCausalLM {
  model: Qwen3NextModel;
  lm_head: Linear;

  constructor(config: Qwen3NextConfig, at: Scope) {
    super(config, at);
    this.model = new Qwen3NextModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
