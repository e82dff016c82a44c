/** olmo2, read beside transformers 5.24.0, `models/olmo2/modeling_olmo2.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { RMSNorm } from "../layers/normalization.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, cast } from "../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `Olmo2Config`, with its defaults. */
export const Olmo2Config = config({
  model_type: z.literal("olmo2").default("olmo2"),
  vocab_size: count.default(50_304),
  hidden_size: count.default(4096),
  intermediate_size: count.default(11_008),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(2048),
  pad_token_id: tokenId.default(1),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  attention_bias: z.boolean().default(false),
  rms_norm_eps: z.number().default(1e-5),
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
  num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
  layer_types: Array.from({ length: fields.num_hidden_layers }, () => "full_attention" as const),
}));
export type Olmo2Config = z.output<typeof Olmo2Config>;

/** Multiplies by the weight before it rounds. */
export class Olmo2RMSNorm extends RMSNorm {}

/** Cosines and sines stay in float32. */
export class Olmo2RotaryEmbedding extends RotaryEmbedding {
  override forward(x: Tensor, position_ids: IndexTensor): PositionEmbeddings {
    return super.forward(cast(x, "F32"), position_ids);
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Olmo2Attention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  q_norm: Olmo2RMSNorm;
  k_norm: Olmo2RMSNorm;

  constructor(config: Olmo2Config, layer_idx: number, at: Scope) {
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
    const { rms_norm_eps: eps } = config;
    this.q_norm = new Olmo2RMSNorm(at.child("q_norm"), { dim: query, eps, with_scale: true }); // over all heads together
    this.k_norm = new Olmo2RMSNorm(at.child("k_norm"), { dim: key, eps, with_scale: true });
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_norm.call(this.q_proj.call(hidden_states))); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_norm.call(this.k_proj.call(hidden_states))); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return cast(super.apply_rotary_pos_emb(cast(x, "F32"), cos, sin), x.dtype);
  }
}

export class Olmo2MLP extends GatedMLP {}

/** Norms the output of attention and MLP, not their input. */
export class Olmo2DecoderLayer extends DecoderLayer {
  self_attn: Olmo2Attention;
  mlp: Olmo2MLP;
  post_attention_layernorm: Olmo2RMSNorm;
  post_feedforward_layernorm: Olmo2RMSNorm;

  constructor(config: Olmo2Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps, with_scale: true };
    this.self_attn = new Olmo2Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Olmo2MLP(config, at.child("mlp"), { activation: config.hidden_act });
    this.post_attention_layernorm = new Olmo2RMSNorm(at.child("post_attention_layernorm"), norm);
    this.post_feedforward_layernorm = new Olmo2RMSNorm(at.child("post_feedforward_layernorm"), norm);
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.self_attn.call(hidden_states, inputs);
    hidden_states = this.post_attention_layernorm.call(hidden_states);
    hidden_states = add(residual, hidden_states);

    residual = hidden_states;
    hidden_states = this.mlp.call(hidden_states);
    hidden_states = this.post_feedforward_layernorm.call(hidden_states);
    return add(residual, hidden_states);
  }
}

export class Olmo2Model extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<Olmo2DecoderLayer>;
  norm: Olmo2RMSNorm;
  rotary_emb: Olmo2RotaryEmbedding;

  constructor(config: Olmo2Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Olmo2DecoderLayer(config, layer_idx, at),
    );
    this.norm = new Olmo2RMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Olmo2RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class Olmo2ForCausalLM extends DecoderForCausalLM {
  model: Olmo2Model;
  lm_head: Linear;

  constructor(config: Olmo2Config, at: Scope) {
    super(config, at);
    this.model = new Olmo2Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
