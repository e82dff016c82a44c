/** gemma3_text, read beside transformers 5.24.0, `models/gemma3/modeling_gemma3.py`: the same classes of the text model, same order, same names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { activation, config, layer_type, layerTypes, rope_parameters, size as count, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM, DecoderModel, SandwichNormDecoderLayer } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { LayerTypeRotaryEmbedding } from "../layers/layer_type_rotary_embedding.ts";
import { Linear, ScaledEmbedding } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { OnePlusRMSNorm } from "../layers/normalization.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { softcap } from "../tensor/elementwise.ts";
import { swapMiddle } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** Rope of one layer type; types that change with the length of the sequence are not implemented here. */
const rope = rope_parameters.extend({
  rope_type: z.enum(["default", "linear"]).optional(),
  type: z.enum(["default", "linear"]).optional(), // the older name
});

/** With the default of the layer type for `rope_theta`. */
function complete({ type, ...rope_params }: z.output<typeof rope>, rope_theta: number) {
  const rope_type = rope_params.rope_type ?? type ?? "default";
  return { ...rope_params, rope_type, rope_theta: rope_params.rope_theta ?? rope_theta };
}

/** `Gemma3TextConfig`, with its defaults. */
export const Gemma3TextConfig = config({
  model_type: z.literal("gemma3_text").default("gemma3_text"),
  vocab_size: count.default(262_208),
  hidden_size: count.default(2304),
  intermediate_size: count.default(9216),
  num_hidden_layers: count.default(26),
  num_attention_heads: count.default(8),
  num_key_value_heads: count.default(4),
  head_dim: count.default(256),
  hidden_activation: activation.default("gelu_pytorch_tanh"),
  max_position_embeddings: count.default(131_072),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  rope_parameters: z.strictObject({ sliding_attention: rope.nullish(), full_attention: rope.nullish() }).nullish(),
  rope_scaling: rope.nullish(), // older configs: of full-attention layers alone
  rope_theta: z.number().default(1_000_000),
  rope_local_base_freq: z.number().default(10_000),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: z.number().positive().default(256),
  sliding_window: count.nullable().default(4096),
  sliding_window_pattern: count.default(6),
  layer_types: z.array(layer_type).nullish(),
  final_logit_softcapping: z.number().positive().nullable().default(null),
  attn_logit_softcapping: z.number().nullish(), // the reference does not use it
  use_bidirectional_attention: z.literal(false).nullish(), // true is not implemented
}).transform((fields, context) => {
  const { rope_parameters, rope_scaling, rope_theta, rope_local_base_freq, ...config } = fields;
  return {
    ...config,
    layer_types: layerTypes(fields, context, (i) =>
      (i + 1) % fields.sliding_window_pattern === 0 ? "full_attention" : "sliding_attention",
    ),
    rope_parameters: {
      sliding_attention: complete({ ...rope_parameters?.sliding_attention }, rope_local_base_freq),
      full_attention: complete({ ...rope_parameters?.full_attention, ...rope_scaling }, rope_theta),
    },
  };
});
export type Gemma3TextConfig = z.output<typeof Gemma3TextConfig>;

export class Gemma3TextScaledWordEmbedding extends ScaledEmbedding {}

export class Gemma3MLP extends GatedMLP {}

export class Gemma3RMSNorm extends OnePlusRMSNorm {}

export class Gemma3RotaryEmbedding extends LayerTypeRotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Gemma3Attention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  q_norm: Gemma3RMSNorm;
  k_norm: Gemma3RMSNorm;

  constructor(config: Gemma3TextConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).query_pre_attn_scalar ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    const bias = config.attention_bias;
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias });
    const norm = { dim: size(config, "head_dim"), eps: config.rms_norm_eps, with_scale: true };
    this.q_norm = new Gemma3RMSNorm(at.child("q_norm"), norm);
    this.k_norm = new Gemma3RMSNorm(at.child("k_norm"), norm);
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    query_states = swapMiddle(this.q_norm.call(swapMiddle(query_states))); // the norms see [B, heads, S, D]
    key_states = swapMiddle(this.k_norm.call(swapMiddle(key_states)));
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class Gemma3DecoderLayer extends SandwichNormDecoderLayer {
  self_attn: Gemma3Attention;
  mlp: Gemma3MLP;
  input_layernorm: Gemma3RMSNorm;
  post_attention_layernorm: Gemma3RMSNorm;
  pre_feedforward_layernorm: Gemma3RMSNorm;
  post_feedforward_layernorm: Gemma3RMSNorm;

  constructor(config: Gemma3TextConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_activation: activation, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new Gemma3Attention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Gemma3MLP(config, at.child("mlp"), { activation });
    this.input_layernorm = new Gemma3RMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Gemma3RMSNorm(at.child("post_attention_layernorm"), norm);
    this.pre_feedforward_layernorm = new Gemma3RMSNorm(at.child("pre_feedforward_layernorm"), norm);
    this.post_feedforward_layernorm = new Gemma3RMSNorm(at.child("post_feedforward_layernorm"), norm);
  }
}

export class Gemma3TextModel extends DecoderModel {
  embed_tokens: Gemma3TextScaledWordEmbedding;
  layers: ModuleList<Gemma3DecoderLayer>;
  norm: Gemma3RMSNorm;
  rotary_emb: Gemma3RotaryEmbedding;

  constructor(config: Gemma3TextConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    const embedding = { num_embeddings: vocabulary, embedding_dim: hidden };
    this.embed_tokens = new Gemma3TextScaledWordEmbedding(at.child("embed_tokens"), embedding);
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Gemma3DecoderLayer(config, layer_idx, at),
    );
    this.norm = new Gemma3RMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Gemma3RotaryEmbedding(config, at.child("rotary_emb"));
  }

  override position_embeddings(hidden_states: Tensor, position_ids: IndexTensor) {
    const tables: Record<string, PositionEmbeddings> = {};
    for (const layer_type of new Set(this.layer_types))
      tables[layer_type] = this.rotary_emb.call(hidden_states, position_ids, layer_type);
    return (layer_type: string) => tables[layer_type]!;
  }
}

export class Gemma3ForCausalLM extends DecoderForCausalLM {
  model: Gemma3TextModel;
  lm_head: Linear;
  final_logit_softcapping: number | null;

  constructor(config: Gemma3TextConfig, at: Scope) {
    super(config, at);
    this.final_logit_softcapping = at.read(config).final_logit_softcapping;
    this.model = new Gemma3TextModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
  override logits(logits: Tensor): Tensor {
    return this.final_logit_softcapping === null ? logits : softcap(logits, this.final_logit_softcapping);
  }
}
