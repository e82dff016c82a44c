/**
 * deepseek_v3, read beside transformers 5.24.0, `models/deepseek_v3/modeling_deepseek_v3.py`: same classes, same order, same names. `deepseek_v3_moe.ts`
 * holds the experts.
 */
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size, sum } from "../layers/scope.ts";
import { concat, reshape, swapMiddle } from "../tensor/layout.ts";
import { split } from "../tensor/split.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { DeepseekV3Config } from "./deepseek_v3.config.ts";
import { DeepseekV3MLP, DeepseekV3MoE } from "./deepseek_v3_moe.ts";

export class DeepseekV3RMSNorm extends RoundedRMSNorm {}

export class DeepseekV3RotaryEmbedding extends RotaryEmbedding {}

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

/** Channels x0, x1, x2, x3 as x0, x2, x1, x3: those at even places first. */
function deinterleave({ data, shape, dtype }: Tensor): Tensor {
  const width = shape.at(-1)!;
  const source = (i: number) => ((i * 2) % width) + (i * 2 >= width ? 1 : 0);
  const moved = data && Float32Array.from(data, (_, i) => data[i - (i % width) + source(i % width)]!);
  return floatTensor(shape, moved, dtype);
}
