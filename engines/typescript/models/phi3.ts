/** phi3, read beside transformers 5.24.0, `models/phi3/modeling_phi3.py`: same classes, order and names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import {
  activation,
  alike,
  configSchema,
  count,
  derive_heads,
  rope_fields,
  rope_parameters,
  standardize_rope_params,
  tokenId,
} from "../layers/config_schema.ts";
import { ConfiguredModule } from "../layers/configured_module.ts";
import { DecoderForCausalLM, DecoderLayer, DecoderModel } from "../layers/decoder.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { apply_partial_rotary_pos_emb, PartialRotaryEmbedding } from "../layers/rotary_embedding.ts";
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
export const Phi3Config = configSchema({
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
    ...derive_heads(fields),
    layer_types: alike(fields),
  };
});
export type Phi3Config = z.output<typeof Phi3Config>;

/** Gated MLP with one projection for gate and up: hidden_states [B, S, hidden_size] -> the same shape. */
export class Phi3MLP extends ConfiguredModule<Phi3Config> {
  gate_up_proj = this.at.linear("gate_up_proj", "hidden_size", [2, "intermediate_size"], { bias: false });
  down_proj = this.at.linear("down_proj", "intermediate_size", "hidden_size", { bias: false });
  activation_fn = this.at.activation("activation_fn", this.config.hidden_act);

  forward(hidden_states: Tensor): Tensor {
    const [gate, up_states] = this.chunk(this.gate_up_proj.call(hidden_states)); // each [B, S, intermediate_size]
    return this.down_proj.call(mul(up_states, this.activation_fn.call(gate)));
  }

  chunk(states: Tensor): [gate: Tensor, up_states: Tensor] {
    const width = states.size(-1);
    return [slice(states, 2, 0, width / 2), slice(states, 2, width / 2, width)];
  }
}

export class Phi3RotaryEmbedding extends PartialRotaryEmbedding {}

/**
 * Attention of one layer, with one projection for queries, keys and values: hidden_states [B, S, hidden_size] -> the
 * same shape.
 */
export class Phi3Attention extends Attention<Phi3Config> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  query_size = this.at.size(["num_attention_heads", "head_dim"]);
  key_size = this.at.size(["num_key_value_heads", "head_dim"]);
  op_size = this.at.sum(this.query_size, [2, "num_key_value_heads", "head_dim"]);
  o_proj = this.at.linear("o_proj", this.query_size, "hidden_size", { bias: false });
  qkv_proj = this.at.linear("qkv_proj", "hidden_size", this.op_size, { bias: false });
  /** Columns of queries, of keys and of values in `qkv_proj`. */
  op_sizes: readonly [number, number, number] = [this.query_size.value, this.key_size.value, this.key_size.value];

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

export class Phi3DecoderLayer extends DecoderLayer<Phi3Config> {
  self_attn = this.at.module("self_attn", Phi3Attention, this.layer_idx);
  mlp = this.at.module("mlp", Phi3MLP);
  input_layernorm = this.at.norm("input_layernorm", Phi3RMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Phi3RMSNorm, "hidden_size");
  resid_attn_dropout = this.at.dropout("resid_attn_dropout");
  resid_mlp_dropout = this.at.dropout("resid_mlp_dropout");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const attn_output = this.self_attn.call(this.input_layernorm.call(hidden_states), inputs);
    hidden_states = add(hidden_states, this.resid_attn_dropout.call(attn_output));
    const mlp_output = this.mlp.call(this.post_attention_layernorm.call(hidden_states));
    return add(hidden_states, this.resid_mlp_dropout.call(mlp_output));
  }
}

export class Phi3Model extends DecoderModel<Phi3Config> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Phi3DecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Phi3RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Phi3RotaryEmbedding);
}

export class Phi3ForCausalLM extends DecoderForCausalLM<Phi3Config> {
  model = this.at.module("model", Phi3Model);
  lm_head = this.head("model.embed_tokens.weight");
}
