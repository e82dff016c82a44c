/** phi3, read beside transformers 5.24.0, `models/phi3/modeling_phi3.py`: same classes, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Activation } from "../layers/activations.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, rope_fields, rope_parameters, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { Dropout } from "../layers/dropout.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { compute_partial_rope_parameters } from "../layers/rope_init.ts";
import { apply_partial_rotary_pos_emb, RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, mul } from "../tensor/elementwise.ts";
import { slice } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Older configs call longrope "su" or "yarn". */
const rope = z.preprocess(
  (value) => {
    if (typeof value !== "object" || value === null) return value;
    const { type, rope_type = type, ...others } = value as Record<string, unknown>;
    return { ...others, rope_type: rope_type === "su" || rope_type === "yarn" ? "longrope" : rope_type };
  },
  rope_parameters.extend({ rope_type: z.enum(["default", "longrope"]).optional() }).nullish(),
);

/** `Phi3Config`, with its defaults. */
export const Phi3Config = config({
  model_type: z.literal("phi3").default("phi3"),
  vocab_size: count.default(32_064),
  hidden_size: count.default(3072),
  intermediate_size: count.default(8192),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullish(),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(4096),
  original_max_position_embeddings: count.default(4096),
  rms_norm_eps: z.number().default(1e-5),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  rope_parameters: rope,
  rope_scaling: rope,
  pad_token_id: tokenId.default(32_000),
  sliding_window: count.nullable().default(null),
  attention_bias: z.literal(false).optional(), // in checkpoints; the reference does not read these
  lm_head_bias: z.literal(false).optional(),
  full_attn_mod: z.literal(1).optional(),
  interpolate_factor: z.literal(1).optional(),
}).transform((fields) => {
  const { rope_parameters, ...config } = standardize_rope_params(fields);
  return {
    ...config,
    // The field of the config goes before that of its rope parameters.
    rope_parameters: {
      ...rope_parameters,
      original_max_position_embeddings: fields.original_max_position_embeddings,
    },
    head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
    num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
    layer_types: Array.from({ length: fields.num_hidden_layers }, () =>
      fields.sliding_window === null ? ("full_attention" as const) : ("sliding_attention" as const),
    ),
  };
});
export type Phi3Config = z.output<typeof Phi3Config>;

/** Gated MLP with one projection for gate and up: hidden_states [B, S, hidden_size] -> the same shape. */
export class Phi3MLP extends Module {
  gate_up_proj: Linear;
  down_proj: Linear;
  activation_fn: Activation;

  constructor(config: Phi3Config, at: Scope) {
    super(at);
    config = at.read(config);
    const [hidden, intermediate] = [size(config, "hidden_size"), size(config, "intermediate_size")];
    const both = size(config, 2, "intermediate_size");
    this.gate_up_proj = new Linear(at.child("gate_up_proj"), { in: hidden, out: both, bias: false });
    this.down_proj = new Linear(at.child("down_proj"), { in: intermediate, out: hidden, bias: false });
    this.activation_fn = new Activation(at.child("activation_fn"), config.hidden_act);
  }

  forward(hidden_states: Tensor): Tensor {
    const [gate, up_states] = this.chunk(this.gate_up_proj.call(hidden_states)); // each [B, S, intermediate_size]
    return this.down_proj.call(mul(up_states, this.activation_fn.call(gate)));
  }

  chunk(states: Tensor): [gate: Tensor, up_states: Tensor] {
    const width = states.size(-1);
    return [slice(states, 2, 0, width / 2), slice(states, 2, width / 2, width)];
  }
}

/** Rotates the first `partial_rotary_factor` of the channels, with every kind of rope. */
export class Phi3RotaryEmbedding extends RotaryEmbedding {
  constructor(config: Phi3Config, at: Scope) {
    super(config, at, { default: compute_partial_rope_parameters });
  }
}

/** Attention of one layer, with one projection for queries, keys and values: hidden_states [B, S, hidden_size] -> the same shape. */
export class Phi3Attention extends Attention {
  o_proj: Linear;
  qkv_proj: Linear;
  /** Columns of queries, of keys and of values in `qkv_proj`. */
  op_sizes: readonly [number, number, number];

  constructor(config: Phi3Config, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    this.op_sizes = [query.value, key.value, key.value];
    const op_size = { value: query.value + 2 * key.value, text: `${query.text} + 2 x ${key.text}` };
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias: false });
    this.qkv_proj = new Linear(at.child("qkv_proj"), { in: hidden, out: op_size, bias: false });
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let [query_states, key_states, value_states] = this.split(this.qkv_proj.call(hidden_states)); // [B, S, heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }

  split(qkv: Tensor): [query: Tensor, key: Tensor, value: Tensor] {
    const [query, key, value] = this.op_sizes;
    const part = (start: number, width: number) => this.split_heads(slice(qkv, 2, start, start + width));
    return [part(0, query), part(query, key), part(query + key, value)];
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return apply_partial_rotary_pos_emb(x, cos, sin);
  }
}

export class Phi3RMSNorm extends RoundedRMSNorm {}

export class Phi3DecoderLayer extends DecoderLayer {
  self_attn: Phi3Attention;
  mlp: Phi3MLP;
  input_layernorm: Phi3RMSNorm;
  post_attention_layernorm: Phi3RMSNorm;
  resid_attn_dropout: Dropout;
  resid_mlp_dropout: Dropout;

  constructor(config: Phi3Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps, with_scale: true };
    this.self_attn = new Phi3Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Phi3MLP(config, at.child("mlp"));
    this.input_layernorm = new Phi3RMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Phi3RMSNorm(at.child("post_attention_layernorm"), norm);
    this.resid_attn_dropout = new Dropout(at.child("resid_attn_dropout"));
    this.resid_mlp_dropout = new Dropout(at.child("resid_mlp_dropout"));
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.input_layernorm.call(hidden_states);
    hidden_states = this.self_attn.call(hidden_states, inputs);
    hidden_states = add(residual, this.resid_attn_dropout.call(hidden_states));

    residual = hidden_states;
    hidden_states = this.post_attention_layernorm.call(hidden_states);
    hidden_states = this.mlp.call(hidden_states);
    return add(residual, this.resid_mlp_dropout.call(hidden_states));
  }
}

export class Phi3Model extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<Phi3DecoderLayer>;
  norm: Phi3RMSNorm;
  rotary_emb: Phi3RotaryEmbedding;

  constructor(config: Phi3Config, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Phi3DecoderLayer(config, layer_idx, at),
    );
    this.norm = new Phi3RMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Phi3RotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class Phi3ForCausalLM extends DecoderForCausalLM {
  model: Phi3Model;
  lm_head: Linear;

  constructor(config: Phi3Config, at: Scope) {
    super(config, at);
    this.model = new Phi3Model(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
