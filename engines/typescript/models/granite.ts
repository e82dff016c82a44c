/** granite, read beside transformers 5.24.0, `models/granite/modeling_granite.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, scale } from "../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `GraniteConfig`, with its defaults. */
export const GraniteConfig = config({
  model_type: z.literal("granite").default("granite"),
  vocab_size: count.default(32_000),
  hidden_size: count.default(4096),
  intermediate_size: count.default(11_008),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(2048),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(null),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  embedding_multiplier: z.number().default(1),
  logits_scaling: z.number().default(1),
  residual_multiplier: z.number().default(1),
  attention_multiplier: z.number().default(1),
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
  num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
  layer_types: Array.from({ length: fields.num_hidden_layers }, () => "full_attention" as const),
}));
export type GraniteConfig = z.output<typeof GraniteConfig>;

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GraniteAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(config: GraniteConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).attention_multiplier });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    const bias = config.attention_bias;
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias });
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

export class GraniteRMSNorm extends RoundedRMSNorm {}

export class GraniteMLP extends GatedMLP {}

export class GraniteDecoderLayer extends PreNormDecoderLayer {
  self_attn: GraniteAttention;
  mlp: GraniteMLP;
  input_layernorm: GraniteRMSNorm;
  post_attention_layernorm: GraniteRMSNorm;
  residual_multiplier: number;

  constructor(config: GraniteConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_act: activation, mlp_bias: bias, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new GraniteAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = new GraniteMLP(config, at.child("mlp"), { activation, bias });
    this.input_layernorm = new GraniteRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new GraniteRMSNorm(at.child("post_attention_layernorm"), norm);
    this.residual_multiplier = config.residual_multiplier;
  }

  override add_residual(residual: Tensor, hidden_states: Tensor): Tensor {
    return add(residual, scale(hidden_states, this.residual_multiplier));
  }
}

export class GraniteRotaryEmbedding extends RotaryEmbedding {}

export class GraniteModel extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<GraniteDecoderLayer>;
  norm: GraniteRMSNorm;
  rotary_emb: GraniteRotaryEmbedding;
  embedding_multiplier: number;

  constructor(config: GraniteConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new GraniteDecoderLayer(config, layer_idx, at),
    );
    this.norm = new GraniteRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new GraniteRotaryEmbedding(config, at.child("rotary_emb"));
    this.embedding_multiplier = config.embedding_multiplier;
  }

  override embed(input_ids: IndexTensor): Tensor {
    return scale(super.embed(input_ids), this.embedding_multiplier);
  }
}

export class GraniteForCausalLM extends DecoderForCausalLM {
  model: GraniteModel;
  lm_head: Linear;
  logits_scaling: number;

  constructor(config: GraniteConfig, at: Scope) {
    super(config, at);
    this.model = new GraniteModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
    this.logits_scaling = at.read(config).logits_scaling;
  }

  override logits(logits: Tensor): Tensor {
    return scale(logits, 1 / this.logits_scaling);
  }
}
