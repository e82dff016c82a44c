/** cohere2, read beside transformers 5.24.0, `models/cohere2/modeling_cohere2.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import type { LayerType } from "../layers/config_schema.ts";
import { activation, config, layer_type, layerTypes, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { apply_interleaved_rotary_pos_emb, RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, cast, scale } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Cohere2Config`, with its defaults. */
export const Cohere2Config = config({
  model_type: z.literal("cohere2").default("cohere2"),
  vocab_size: count.default(256_000),
  hidden_size: count.default(8192),
  intermediate_size: count.default(22_528),
  logit_scale: z.number().default(0.0625),
  num_hidden_layers: count.default(40),
  num_attention_heads: count.default(64),
  num_key_value_heads: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(8192),
  layer_norm_eps: z.number().default(1e-5),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  sliding_window_pattern: count.default(4),
  layer_types: z.array(layer_type).nullish(),
}).transform((fields, context) => ({
  ...standardize_rope_params(fields),
  head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
  num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
  layer_types: layerTypes(fields, context, (i) =>
    (i + 1) % fields.sliding_window_pattern === 0 ? "full_attention" : "sliding_attention",
  ),
}));
export type Cohere2Config = z.output<typeof Cohere2Config>;

/** Each frequency twice in a row: channels rotate in pairs (2i, 2i + 1). */
export class Cohere2RotaryEmbedding extends RotaryEmbedding {
  override table(positions: Int32Array, inv_freq: Float32Array, scaling: number) {
    const { cos, sin } = super.table(positions, inv_freq, scaling);
    const half = inv_freq.length;
    const repeat_interleave = (halves: Float32Array) =>
      halves.map((_, i) => halves[i - (i % (2 * half)) + Math.floor((i % (2 * half)) / 2)]!);
    return { cos: repeat_interleave(cos), sin: repeat_interleave(sin) };
  }
}

/** Layer norm without a bias. */
export class Cohere2LayerNorm extends LayerNorm {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Cohere2Attention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  layer_type: LayerType;

  constructor(config: Cohere2Config, layer_idx: number, at: Scope) {
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
    this.layer_type = config.layer_types[layer_idx]!;
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    if (this.layer_type === "sliding_attention")
      // full-attention layers have no positions
      [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return cast(apply_interleaved_rotary_pos_emb(cast(x, "F32"), cast(cos, "F32"), cast(sin, "F32")), x.dtype);
  }
}

export class Cohere2MLP extends GatedMLP {}

/** Attention and MLP side by side on one normed input. */
export class Cohere2DecoderLayer extends DecoderLayer {
  self_attn: Cohere2Attention;
  mlp: Cohere2MLP;
  input_layernorm: Cohere2LayerNorm;

  constructor(config: Cohere2Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.layer_norm_eps, bias: false };
    this.self_attn = new Cohere2Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Cohere2MLP(config, at.child("mlp"), { activation: config.hidden_act });
    this.input_layernorm = new Cohere2LayerNorm(at.child("input_layernorm"), norm);
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const residual = hidden_states;
    hidden_states = this.input_layernorm.call(hidden_states);
    const hidden_states_attention = this.self_attn.call(hidden_states, inputs);
    const hidden_states_mlp = this.mlp.call(hidden_states);
    return add(add(residual, hidden_states_attention), hidden_states_mlp);
  }
}

export class Cohere2Model extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<Cohere2DecoderLayer>;
  norm: Cohere2LayerNorm;
  rotary_emb: Cohere2RotaryEmbedding;

  constructor(config: Cohere2Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Cohere2DecoderLayer(config, layer_idx, at),
    );
    this.norm = new Cohere2LayerNorm(at.child("norm"), { dim: hidden, eps: config.layer_norm_eps, bias: false });
    this.rotary_emb = new Cohere2RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class Cohere2ForCausalLM extends DecoderForCausalLM {
  model: Cohere2Model;
  lm_head: Linear;
  logit_scale: number;

  constructor(config: Cohere2Config, at: Scope) {
    super(config, at);
    this.model = new Cohere2Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
    this.logit_scale = at.read(config).logit_scale;
  }

  override logits(logits: Tensor): Tensor {
    return scale(logits, this.logit_scale);
  }
}
