/**
 * deepseek_v3, read beside transformers 5.24.0, `models/deepseek_v3/modeling_deepseek_v3.py`: same classes, order and
 * names. `moe.ts` holds the experts.
 */
import type { DecoderLayerInputs } from "../../layers/attention.ts";
import { Attention } from "../../layers/attention.ts";
import { AttentionCore } from "../../layers/attention_core.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../../layers/decoder.ts";
import { RoundedRMSNorm } from "../../layers/normalization.ts";
import { RotaryEmbedding } from "../../layers/rotary_embedding.ts";
import { add } from "../../tensor/elementwise.ts";
import { concat, reshape, swapMiddle } from "../../tensor/layout.ts";
import { split } from "../../tensor/split.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { DeepseekV3Config } from "./config.ts";
import { DeepseekV3MLP, DeepseekV3MoE } from "./moe.ts";

export class DeepseekV3RMSNorm extends RoundedRMSNorm {}

export class DeepseekV3RotaryEmbedding extends RotaryEmbedding {}

/** `scaling` times the square of `mscale`, by which YaRN makes scores larger. */
export function yarn_apply_mscale(rope: DeepseekV3Config["rope_parameters"], scaling: number): number {
  const { rope_type, factor, mscale_all_dim } = rope;
  if (rope_type === "default" || !mscale_all_dim || !factor) return scaling;
  const mscale = factor <= 1 ? 1 : 0.1 * mscale_all_dim * Math.log(factor) + 1;
  return scaling * mscale * mscale;
}

/** Epsilon of the norms of latents: the class's default, whatever rms_norm_eps says. */
const latent_eps = 1e-6;

/**
 * Latent attention: keys and values of all heads are made from one short vector per token, which is what the cache
 * keeps.
 */
export class DeepseekV3Attention extends Attention<DeepseekV3Config> {
  qk_nope_head_dim = this.config.qk_nope_head_dim;
  qk_rope_head_dim = this.config.qk_rope_head_dim;
  qk_head_dim = this.config.qk_head_dim;
  v_head_dim = this.config.v_head_dim;
  kv_lora_rank = this.config.kv_lora_rank;
  rope_interleave = this.config.rope_interleave;
  low_rank_queries = this.config.q_lora_rank !== null;
  attention = this.core(AttentionCore, {
    scaling: yarn_apply_mscale(this.config.rope_parameters, this.qk_head_dim ** -0.5),
    sizes: { head_dim: this.qk_head_dim, v_head_dim: this.v_head_dim },
  });
  q_proj = this.low_rank_queries
    ? null
    : this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "qk_head_dim"], { bias: false });
  q_a_proj = this.low_rank_queries
    ? this.at.linear("q_a_proj", "hidden_size", "q_lora_rank", { bias: "attention_bias" })
    : null;
  q_a_layernorm = this.low_rank_queries
    ? this.at.norm("q_a_layernorm", DeepseekV3RMSNorm, "q_lora_rank", { eps: latent_eps })
    : null;
  q_b_proj = this.low_rank_queries
    ? this.at.linear("q_b_proj", "q_lora_rank", ["num_attention_heads", "qk_head_dim"], { bias: false })
    : null;
  kv_a_proj_with_mqa = this.at.linear(
    "kv_a_proj_with_mqa",
    "hidden_size",
    this.at.sum("kv_lora_rank", "qk_rope_head_dim"),
    { bias: "attention_bias" },
  );
  kv_a_layernorm = this.at.norm("kv_a_layernorm", DeepseekV3RMSNorm, "kv_lora_rank", { eps: latent_eps });
  kv_b_proj = this.at.linear(
    "kv_b_proj",
    "kv_lora_rank",
    this.at.sum(["num_attention_heads", "qk_nope_head_dim"], ["num_attention_heads", "v_head_dim"]),
    { bias: false },
  );
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "v_head_dim"], "hidden_size", { bias: "attention_bias" });

  /**
   * Latents [B, 1, T, kv_lora_rank] and rotated keys [B, 1, T, qk_rope_head_dim] -> keys and values [B, heads, T, ...].
   */
  expand_kv(kv_nope: Tensor, k_rot: Tensor): [key_states: Tensor, value_states: Tensor] {
    const [batch, , length] = kv_nope.shape as [number, number, number, number];
    const width = this.qk_nope_head_dim + this.v_head_dim;
    const by_head = reshape(this.kv_b_proj.call(kv_nope), [batch, length, -1, width]);
    const expanded = swapMiddle(by_head); // [B, heads, T, width]
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
    const shape = [batch, length, -1, this.qk_head_dim];
    const q_states = reshape(this.query_states(hidden_states), shape); // [B, S, heads, D]
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

export class DeepseekV3DecoderLayer extends DecoderLayer<DeepseekV3Config> {
  self_attn = this.at.module("self_attn", DeepseekV3Attention, this.layer_idx);
  mlp =
    this.layer_idx >= this.config.first_k_dense_replace
      ? this.at.module("mlp", DeepseekV3MoE)
      : this.at.module("mlp", DeepseekV3MLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", DeepseekV3RMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", DeepseekV3RMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

export class DeepseekV3Model extends DecoderModel<DeepseekV3Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", DeepseekV3DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", DeepseekV3RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", DeepseekV3RotaryEmbedding);
}

export class DeepseekV3ForCausalLM extends DecoderForCausalLM<DeepseekV3Config> {
  model = this.at.module("model", DeepseekV3Model);
  lm_head = this.head("model.embed_tokens.weight");
}

/** Channels x0, x1, x2, x3 as x0, x2, x1, x3: those at even places first. */
function deinterleave({ data, shape, dtype }: Tensor): Tensor {
  const width = shape.at(-1)!;
  const source = (i: number) => ((i * 2) % width) + (i * 2 >= width ? 1 : 0);
  const moved = data && Float32Array.from(data, (_, i) => data[i - (i % width) + source(i % width)]!);
  return floatTensor(shape, moved, dtype);
}
