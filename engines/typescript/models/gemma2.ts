/** gemma2, read beside transformers 5.24.0, `models/gemma2/modeling_gemma2.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import { activation, config, layer_type, layerTypes, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, SandwichNormDecoderLayer } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Linear, ScaledEmbedding } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { OnePlusRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { softcap } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Gemma2Config`, with its defaults. */
export const Gemma2Config = config({
  model_type: z.literal("gemma2").default("gemma2"),
  vocab_size: count.default(256_000),
  hidden_size: count.default(2304),
  intermediate_size: count.default(9216),
  num_hidden_layers: count.default(26),
  num_attention_heads: count.default(8),
  num_key_value_heads: count.default(4),
  head_dim: count.default(256),
  hidden_activation: activation.default("gelu_pytorch_tanh"),
  hidden_act: z.string().optional(), // in many checkpoints; the reference does not read it
  max_position_embeddings: count.default(8192),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: z.number().positive().default(256),
  sliding_window: count.nullable().default(4096),
  layer_types: z.array(layer_type).nullish(),
  final_logit_softcapping: z.number().positive().nullable().default(30),
  attn_logit_softcapping: z.number().positive().nullable().default(50),
  use_bidirectional_attention: z.literal(false).nullish(), // true is not implemented
}).transform((fields, context) => ({
  ...standardize_rope_params(fields),
  layer_types: layerTypes(fields, context, (i) => ((i + 1) % 2 === 0 ? "full_attention" : "sliding_attention")),
}));
export type Gemma2Config = z.output<typeof Gemma2Config>;

export class Gemma2RMSNorm extends OnePlusRMSNorm {}

export class Gemma2MLP extends GatedMLP {}

export class Gemma2RotaryEmbedding extends RotaryEmbedding {}

/** Scores `tanh(scores / cap) * cap`, before the mask. */
class SoftcappedAttentionCore extends AttentionCore {
  attn_logit_softcapping: number | null = null;

  override compute_scores(query: Tensor, key: Tensor): Tensor {
    const scores = super.compute_scores(query, key);
    return this.attn_logit_softcapping === null ? scores : softcap(scores, this.attn_logit_softcapping);
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Gemma2Attention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  override attention: SoftcappedAttentionCore;

  constructor(config: Gemma2Config, layer_idx: number, at: Scope) {
    const scaling = at.read(config).query_pre_attn_scalar ** -0.5;
    super(config, layer_idx, { at, scaling });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    const bias = config.attention_bias;
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias });
    this.attention = new SoftcappedAttentionCore(config, layer_idx, scaling, at.functional("attention"));
    this.attention.attn_logit_softcapping = config.attn_logit_softcapping;
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

export class Gemma2DecoderLayer extends SandwichNormDecoderLayer {
  self_attn: Gemma2Attention;
  mlp: Gemma2MLP;
  input_layernorm: Gemma2RMSNorm;
  post_attention_layernorm: Gemma2RMSNorm;
  pre_feedforward_layernorm: Gemma2RMSNorm;
  post_feedforward_layernorm: Gemma2RMSNorm;

  constructor(config: Gemma2Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_activation: activation, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new Gemma2Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Gemma2MLP(config, at.child("mlp"), { activation });
    this.input_layernorm = new Gemma2RMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Gemma2RMSNorm(at.child("post_attention_layernorm"), norm);
    this.pre_feedforward_layernorm = new Gemma2RMSNorm(at.child("pre_feedforward_layernorm"), norm);
    this.post_feedforward_layernorm = new Gemma2RMSNorm(at.child("post_feedforward_layernorm"), norm);
  }
}

export class Gemma2TextScaledWordEmbedding extends ScaledEmbedding {}

export class Gemma2Model extends DecoderModel {
  embed_tokens: Gemma2TextScaledWordEmbedding;
  layers: ModuleList<Gemma2DecoderLayer>;
  norm: Gemma2RMSNorm;
  rotary_emb: Gemma2RotaryEmbedding;

  constructor(config: Gemma2Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    const embedding = { num_embeddings: vocabulary, embedding_dim: hidden };
    this.embed_tokens = new Gemma2TextScaledWordEmbedding(at.child("embed_tokens"), embedding);
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Gemma2DecoderLayer(config, layer_idx, at),
    );
    this.norm = new Gemma2RMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Gemma2RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class Gemma2ForCausalLM extends DecoderForCausalLM {
  model: Gemma2Model;
  lm_head: Linear;
  final_logit_softcapping: number | null;

  constructor(config: Gemma2Config, at: Scope) {
    super(config, at);
    this.final_logit_softcapping = at.read(config).final_logit_softcapping;
    this.model = new Gemma2Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
  override logits(logits: Tensor): Tensor {
    return this.final_logit_softcapping === null ? logits : softcap(logits, this.final_logit_softcapping);
  }
}
