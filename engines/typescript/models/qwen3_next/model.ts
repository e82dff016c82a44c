/**
 * qwen3_next, read beside transformers 5.24.0, `models/qwen3_next/modeling_qwen3_next.py`: same classes, order and
 * names. `gated_delta_net.ts` holds the linear attention.
 */
import type { DecoderLayerInputs } from "../../layers/attention.ts";
import { Attention } from "../../layers/attention.ts";
import { AttentionCore } from "../../layers/attention_core.ts";
import type { CausalModelInputs } from "../../layers/causal_model.ts";
import { ConfiguredModule, LayerModule } from "../../layers/configured_module.ts";
import { DecoderForCausalLM } from "../../layers/decoder.ts";
import { GatedExperts } from "../../layers/experts.ts";
import type { LinearAttentionInputs } from "../../layers/gated_delta_net.ts";
import { GatedMLP } from "../../layers/gated_mlp.ts";
import { OnePlusRMSNorm } from "../../layers/normalization.ts";
import { mulColumn, sigmoid } from "../../layers/pointwise.ts";
import { apply_partial_rotary_pos_emb, PartialRotaryEmbedding } from "../../layers/rotary_embedding.ts";
import { SoftmaxTopKRouter } from "../../layers/router.ts";
import { add, mul } from "../../tensor/elementwise.ts";
import { reshape } from "../../tensor/layout.ts";
import { scratch } from "../../tensor/scratch.ts";
import { split } from "../../tensor/split.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import type { Qwen3NextConfig } from "./config.ts";
import { Qwen3NextGatedDeltaNet } from "./gated_delta_net.ts";

export class Qwen3NextRotaryEmbedding extends PartialRotaryEmbedding {}

export class Qwen3NextRMSNorm extends OnePlusRMSNorm {}

/** Attention of one layer, gated: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3NextAttention extends Attention<Qwen3NextConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim", 2], { bias: "attention_bias" });
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"], { bias: "attention_bias" });
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: "attention_bias" });
  q_norm = this.at.norm("q_norm", Qwen3NextRMSNorm, "head_dim");
  k_norm = this.at.norm("k_norm", Qwen3NextRMSNorm, "head_dim");

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

export class Qwen3NextMLP extends GatedMLP {}

export class Qwen3NextExperts extends GatedExperts {}

export class Qwen3NextTopKRouter extends SoftmaxTopKRouter {}

/**
 * hidden_states [B, S, hidden_size] -> the same shape: the chosen experts, and one that all tokens go to, behind a
 * gate.
 */
export class Qwen3NextSparseMoeBlock extends ConfiguredModule<Qwen3NextConfig> {
  gate = this.at.router("gate", Qwen3NextTopKRouter, "num_experts", { norm_topk_prob: this.config.norm_topk_prob });
  experts = this.at.experts("experts", Qwen3NextExperts, {
    experts: "num_experts",
    intermediate: "moe_intermediate_size",
    activation: this.config.hidden_act,
  });
  shared_expert = this.at.module("shared_expert", Qwen3NextMLP, {
    activation: this.config.hidden_act,
    intermediate: this.at.size("shared_expert_intermediate_size"),
  });
  shared_expert_gate = this.at.linear("shared_expert_gate", "hidden_size", 1, { bias: false });

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
export class Qwen3NextDecoderLayer extends LayerModule<Qwen3NextConfig> {
  layer_type = this.config.layer_types[this.layer_idx]!;
  linear_attn = this.layer_type === "linear_attention" ? this.at.module("linear_attn", Qwen3NextGatedDeltaNet) : null;
  self_attn =
    this.layer_type === "full_attention" ? this.at.module("self_attn", Qwen3NextAttention, this.layer_idx) : null;
  mlp = this.config.sparse_layers[this.layer_idx]
    ? this.at.module("mlp", Qwen3NextSparseMoeBlock)
    : this.at.module("mlp", Qwen3NextMLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", Qwen3NextRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Qwen3NextRMSNorm, "hidden_size");

  forward(hidden_states: Tensor, linear: LinearAttentionInputs, full: DecoderLayerInputs): Tensor {
    const normed = this.input_layernorm.call(hidden_states);
    hidden_states = add(hidden_states, this.linear_attn?.call(normed, linear) ?? this.self_attn!.call(normed, full));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class Qwen3NextModel extends ConfiguredModule<Qwen3NextConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Qwen3NextDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Qwen3NextRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Qwen3NextRotaryEmbedding);

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

export class Qwen3NextForCausalLM extends DecoderForCausalLM<Qwen3NextConfig> {
  model = this.at.module("model", Qwen3NextModel);
  lm_head = this.head("model.embed_tokens.weight");
}
