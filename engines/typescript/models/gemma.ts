/** gemma, read beside transformers 5.24.0, `models/gemma/modeling_gemma.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Linear, ScaledEmbedding } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { OnePlusRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `GemmaConfig`, with its defaults. */
export const GemmaConfig = config({
  model_type: z.literal("gemma").default("gemma"),
  vocab_size: count.default(256_000),
  hidden_size: count.default(3072),
  intermediate_size: count.default(24_576),
  num_hidden_layers: count.default(28),
  num_attention_heads: count.default(16),
  num_key_value_heads: count.default(16),
  head_dim: count.default(256),
  hidden_act: activation.default("gelu_pytorch_tanh"),
  hidden_activation: z.string().nullish(), // in some checkpoints; the reference does not read it
  max_position_embeddings: count.default(8192),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  use_bidirectional_attention: z.literal(false).nullish(), // true is not implemented
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  // A legacy value of the official releases: it means the tanh approximation.
  hidden_act: fields.hidden_act === "gelu" ? ("gelu_pytorch_tanh" as const) : fields.hidden_act,
  layer_types: Array.from({ length: fields.num_hidden_layers }, () => "full_attention" as const),
}));
export type GemmaConfig = z.output<typeof GemmaConfig>;

export class GemmaTextScaledWordEmbedding extends ScaledEmbedding {}

export class GemmaRMSNorm extends OnePlusRMSNorm {}

export class GemmaMLP extends GatedMLP {}

export class GemmaRotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GemmaAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(config: GemmaConfig, layer_idx: number, at: Scope) {
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

export class GemmaDecoderLayer extends PreNormDecoderLayer {
  self_attn: GemmaAttention;
  mlp: GemmaMLP;
  input_layernorm: GemmaRMSNorm;
  post_attention_layernorm: GemmaRMSNorm;

  constructor(config: GemmaConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_act: activation, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new GemmaAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = new GemmaMLP(config, at.child("mlp"), { activation });
    this.input_layernorm = new GemmaRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new GemmaRMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class GemmaModel extends DecoderModel {
  embed_tokens: GemmaTextScaledWordEmbedding;
  layers: ModuleList<GemmaDecoderLayer>;
  norm: GemmaRMSNorm;
  rotary_emb: GemmaRotaryEmbedding;

  constructor(config: GemmaConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    const embedding = { num_embeddings: vocabulary, embedding_dim: hidden };
    this.embed_tokens = new GemmaTextScaledWordEmbedding(at.child("embed_tokens"), embedding);
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new GemmaDecoderLayer(config, layer_idx, at),
    );
    this.norm = new GemmaRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new GemmaRotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class GemmaForCausalLM extends DecoderForCausalLM {
  model: GemmaModel;
  lm_head: Linear;

  constructor(config: GemmaConfig, at: Scope) {
    super(config, at);
    this.model = new GemmaModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
