/** smollm3, read beside transformers 5.24.0, `models/smollm3/modeling_smollm3.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, layer_type, layerTypes, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `SmolLM3Config`, with its defaults. */
export const SmolLM3Config = config({
  model_type: z.literal("smollm3").default("smollm3"),
  vocab_size: count.default(128_256),
  hidden_size: count.default(2048),
  intermediate_size: count.default(11_008),
  num_hidden_layers: count.default(36),
  num_attention_heads: count.default(16),
  num_key_value_heads: count.nullable().default(4),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(32_768),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(128_004),
  ...rope_fields,
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(null),
  no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)])).nullish(), // 1: a layer that does rotate
  no_rope_layer_interval: count.default(4),
  layer_types: z.array(layer_type).nullish(),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
}).transform((fields, context) => {
  const { num_hidden_layers, use_sliding_window, no_rope_layer_interval } = fields;
  const no_rope_layers =
    fields.no_rope_layers ??
    Array.from({ length: num_hidden_layers }, (_, i) => ((i + 1) % no_rope_layer_interval === 0 ? 0 : 1));
  const sliding = use_sliding_window && fields.sliding_window !== null;
  return {
    ...standardize_rope_params(fields),
    no_rope_layers,
    head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
    num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
    layer_types: layerTypes(fields, context, (i) =>
      sliding && no_rope_layers[i] === 0 ? "sliding_attention" : "full_attention",
    ),
  };
});
export type SmolLM3Config = z.output<typeof SmolLM3Config>;

export class SmolLM3RotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class SmolLM3Attention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  use_rope: boolean;

  constructor(config: SmolLM3Config, layer_idx: number, at: Scope) {
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
    this.use_rope = config.no_rope_layers[layer_idx] === 1;
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    if (this.use_rope) [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class SmolLM3RMSNorm extends RoundedRMSNorm {}

export class SmolLM3MLP extends GatedMLP {}

export class SmolLM3DecoderLayer extends PreNormDecoderLayer {
  self_attn: SmolLM3Attention;
  mlp: SmolLM3MLP;
  input_layernorm: SmolLM3RMSNorm;
  post_attention_layernorm: SmolLM3RMSNorm;

  constructor(config: SmolLM3Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_act: activation, mlp_bias: bias, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new SmolLM3Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new SmolLM3MLP(config, at.child("mlp"), { activation, bias });
    this.input_layernorm = new SmolLM3RMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new SmolLM3RMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class SmolLM3Model extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<SmolLM3DecoderLayer>;
  norm: SmolLM3RMSNorm;
  rotary_emb: SmolLM3RotaryEmbedding;

  constructor(config: SmolLM3Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new SmolLM3DecoderLayer(config, layer_idx, at),
    );
    this.norm = new SmolLM3RMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new SmolLM3RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class SmolLM3ForCausalLM extends DecoderForCausalLM {
  model: SmolLM3Model;
  lm_head: Linear;

  constructor(config: SmolLM3Config, at: Scope) {
    super(config, at);
    this.model = new SmolLM3Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
