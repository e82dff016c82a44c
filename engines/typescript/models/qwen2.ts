/** qwen2, read beside transformers 5.24.0, `models/qwen2/modeling_qwen2.py`: same classes, same order, same names. */
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

/** `Qwen2Config`, with its defaults. */
export const Qwen2Config = config({
  model_type: z.literal("qwen2").default("qwen2"),
  vocab_size: count.default(151_936),
  hidden_size: count.default(4096),
  intermediate_size: count.default(22_016),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullable().default(32),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(32_768),
  rms_norm_eps: z.number().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: z.int().nonnegative().default(28),
  layer_types: z.array(layer_type).nullish(),
  pad_token_id: tokenId.default(null),
}).transform((fields, context) => {
  const sliding_window = fields.use_sliding_window ? fields.sliding_window : null;
  return {
    ...standardize_rope_params(fields),
    sliding_window,
    head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
    num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
    layer_types: layerTypes({ ...fields, sliding_window }, context, (i) =>
      sliding_window !== null && i >= fields.max_window_layers ? "sliding_attention" : "full_attention",
    ),
  };
});
export type Qwen2Config = z.output<typeof Qwen2Config>;

export class Qwen2MLP extends GatedMLP {}

export class Qwen2RotaryEmbedding extends RotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen2Attention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(config: Qwen2Config, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias: true });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias: true });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias: true });
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

export class Qwen2RMSNorm extends RoundedRMSNorm {}

export class Qwen2DecoderLayer extends PreNormDecoderLayer {
  self_attn: Qwen2Attention;
  mlp: Qwen2MLP;
  input_layernorm: Qwen2RMSNorm;
  post_attention_layernorm: Qwen2RMSNorm;

  constructor(config: Qwen2Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_act: activation, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new Qwen2Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Qwen2MLP(config, at.child("mlp"), { activation });
    this.input_layernorm = new Qwen2RMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Qwen2RMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class Qwen2Model extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<Qwen2DecoderLayer>;
  norm: Qwen2RMSNorm;
  rotary_emb: Qwen2RotaryEmbedding;

  constructor(config: Qwen2Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Qwen2DecoderLayer(config, layer_idx, at),
    );
    this.norm = new Qwen2RMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Qwen2RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class Qwen2ForCausalLM extends DecoderForCausalLM {
  model: Qwen2Model;
  lm_head: Linear;

  constructor(config: Qwen2Config, at: Scope) {
    super(config, at);
    this.model = new Qwen2Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
