/** mistral, read beside transformers 5.24.0, `models/mistral/modeling_mistral.py`: same classes, same order, same names. */
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
import type { Tensor } from "../tensor/tensor.ts";

/** `MistralConfig`, with its defaults. */
export const MistralConfig = config({
  model_type: z.literal("mistral").default("mistral"),
  vocab_size: count.default(32_000),
  hidden_size: count.default(4096),
  intermediate_size: count.default(14_336),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullable().default(8),
  head_dim: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(131_072),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(null),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  sliding_window: count.nullable().default(4096),
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  head_dim: fields.head_dim ?? Math.floor(fields.hidden_size / fields.num_attention_heads),
  num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
  layer_types: Array.from({ length: fields.num_hidden_layers }, () =>
    fields.sliding_window === null ? ("full_attention" as const) : ("sliding_attention" as const),
  ),
}));
export type MistralConfig = z.output<typeof MistralConfig>;

export class MistralMLP extends GatedMLP {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class MistralAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(config: MistralConfig, layer_idx: number, at: Scope) {
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

export class MistralRMSNorm extends RoundedRMSNorm {}

export class MistralDecoderLayer extends PreNormDecoderLayer {
  self_attn: MistralAttention;
  mlp: MistralMLP;
  input_layernorm: MistralRMSNorm;
  post_attention_layernorm: MistralRMSNorm;

  constructor(config: MistralConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_act: activation, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new MistralAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = new MistralMLP(config, at.child("mlp"), { activation });
    this.input_layernorm = new MistralRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new MistralRMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class MistralRotaryEmbedding extends RotaryEmbedding {}

export class MistralModel extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<MistralDecoderLayer>;
  norm: MistralRMSNorm;
  rotary_emb: MistralRotaryEmbedding;

  constructor(config: MistralConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new MistralDecoderLayer(config, layer_idx, at),
    );
    this.norm = new MistralRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new MistralRotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class MistralForCausalLM extends DecoderForCausalLM {
  model: MistralModel;
  lm_head: Linear;

  constructor(config: MistralConfig, at: Scope) {
    super(config, at);
    this.model = new MistralModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
