/** starcoder2, read beside transformers 5.24.0, `models/starcoder2/modeling_starcoder2.py`: same classes, same order, same names. */
import { z } from "zod";
import { Activation } from "../layers/activations.ts";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `Starcoder2Config`, with its defaults. */
export const Starcoder2Config = config({
  model_type: z.literal("starcoder2").default("starcoder2"),
  vocab_size: count.default(49_152),
  hidden_size: count.default(3072),
  intermediate_size: count.default(12_288),
  num_hidden_layers: count.default(30),
  num_attention_heads: count.default(24),
  num_key_value_heads: count.default(2),
  hidden_act: activation.default("gelu_pytorch_tanh"),
  max_position_embeddings: count.default(4096),
  norm_epsilon: z.number().default(1e-5),
  pad_token_id: tokenId.default(null),
  sliding_window: count.nullable().default(null),
  residual_dropout: z.number().optional(), // of training
  embedding_dropout: z.number().optional(),
  use_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
  ...rope_fields,
}).transform((fields) => ({
  ...standardize_rope_params(fields),
  head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
  layer_types: Array.from({ length: fields.num_hidden_layers }, () =>
    fields.sliding_window === null ? ("full_attention" as const) : ("sliding_attention" as const),
  ),
}));
export type Starcoder2Config = z.output<typeof Starcoder2Config>;

export class Starcoder2MLP extends Module {
  c_fc: Linear;
  c_proj: Linear;
  act: Activation;

  constructor(config: Starcoder2Config, at: Scope) {
    super(at);
    config = at.read(config);
    this.c_fc = new Linear(at.child("c_fc"), {
      in: size(config, "hidden_size"),
      out: size(config, "intermediate_size"),
      bias: config.use_bias,
    });
    this.c_proj = new Linear(at.child("c_proj"), {
      in: size(config, "intermediate_size"),
      out: size(config, "hidden_size"),
      bias: config.use_bias,
    });
    this.act = new Activation(at.child("act"), config.hidden_act);
  }

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.c_fc.call(hidden_states); // [B, S, intermediate_size]
    hidden_states = this.act.call(hidden_states);
    return this.c_proj.call(hidden_states); // [B, S, hidden_size]
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Starcoder2Attention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(config: Starcoder2Config, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    this.q_proj = new Linear(at.child("q_proj"), {
      in: size(config, "hidden_size"),
      out: size(config, "hidden_size"),
      bias: config.use_bias,
    });
    this.k_proj = new Linear(at.child("k_proj"), {
      in: size(config, "hidden_size"),
      out: size(config, "num_key_value_heads", "head_dim"),
      bias: config.use_bias,
    });
    this.v_proj = new Linear(at.child("v_proj"), {
      in: size(config, "hidden_size"),
      out: size(config, "num_key_value_heads", "head_dim"),
      bias: config.use_bias,
    });
    this.o_proj = new Linear(at.child("o_proj"), {
      in: size(config, "hidden_size"),
      out: size(config, "hidden_size"),
      bias: config.use_bias,
    });
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

export class Starcoder2DecoderLayer extends PreNormDecoderLayer {
  self_attn: Starcoder2Attention;
  mlp: Starcoder2MLP;
  input_layernorm: LayerNorm;
  post_attention_layernorm: LayerNorm;

  constructor(config: Starcoder2Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    this.self_attn = new Starcoder2Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Starcoder2MLP(config, at.child("mlp"));
    this.input_layernorm = new LayerNorm(at.child("input_layernorm"), {
      dim: size(config, "hidden_size"),
      eps: config.norm_epsilon,
    });
    this.post_attention_layernorm = new LayerNorm(at.child("post_attention_layernorm"), {
      dim: size(config, "hidden_size"),
      eps: config.norm_epsilon,
    });
  }
}

export class Starcoder2RotaryEmbedding extends RotaryEmbedding {}

export class Starcoder2Model extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<Starcoder2DecoderLayer>;
  norm: LayerNorm;
  rotary_emb: Starcoder2RotaryEmbedding;

  constructor(config: Starcoder2Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    this.embed_tokens = new Embedding(at.child("embed_tokens"), {
      num_embeddings: size(config, "vocab_size"),
      embedding_dim: size(config, "hidden_size"),
    });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Starcoder2DecoderLayer(config, layer_idx, at),
    );
    this.norm = new LayerNorm(at.child("norm"), { dim: size(config, "hidden_size"), eps: config.norm_epsilon });
    this.rotary_emb = new Starcoder2RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class Starcoder2ForCausalLM extends DecoderForCausalLM {
  model: Starcoder2Model;
  lm_head: Linear;

  constructor(config: Starcoder2Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    this.model = new Starcoder2Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
