/** gpt_neox, read beside transformers 5.24.0, `models/gpt_neox/modeling_gpt_neox.py`: same classes, order and names. */
import { z } from "zod";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import {
  activation,
  alike,
  configSchema,
  count,
  rope_fields,
  standardize_rope_params,
  tokenId,
} from "../layers/config_schema.ts";
import { ConfiguredModule } from "../layers/configured_module.ts";
import { DecoderForCausalLM, DecoderLayer } from "../layers/decoder.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { apply_partial_rotary_pos_emb, PartialRotaryEmbedding } from "../layers/rotary_embedding.ts";
import { add } from "../tensor/elementwise.ts";
import { reshape, slice } from "../tensor/layout.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `GPTNeoXConfig`, with its defaults. */
export const GPTNeoXConfig = configSchema({
  model_type: z.literal("gpt_neox").default("gpt_neox"),
  vocab_size: count.default(50_432),
  hidden_size: count.default(6144),
  num_hidden_layers: count.default(44),
  num_attention_heads: count.default(64),
  intermediate_size: count.default(24_576),
  hidden_act: activation.default("gelu"),
  max_position_embeddings: count.default(2048),
  layer_norm_eps: z.number().default(1e-5),
  pad_token_id: tokenId.default(null),
  tie_word_embeddings: z.boolean().default(false),
  use_parallel_residual: z.boolean().default(true),
  rope_parameters: rope_fields.rope_parameters,
  rope_scaling: rope_fields.rope_scaling,
  rotary_emb_base: z.number().positive().default(10_000), // older configs
  rotary_pct: z.number().positive().max(1).default(0.25),
  attention_bias: z.boolean().default(true),
}).transform(({ rotary_emb_base, rotary_pct, ...fields }) => ({
  ...standardize_rope_params({ ...fields, rope_theta: rotary_emb_base, partial_rotary_factor: rotary_pct }),
  head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
  num_key_value_heads: fields.num_attention_heads,
  layer_types: alike(fields),
}));
export type GPTNeoXConfig = z.output<typeof GPTNeoXConfig>;

export class GPTNeoXMLP extends ConfiguredModule<GPTNeoXConfig> {
  dense_h_to_4h = this.at.linear("dense_h_to_4h", "hidden_size", "intermediate_size");
  dense_4h_to_h = this.at.linear("dense_4h_to_h", "intermediate_size", "hidden_size");
  act = this.at.activation("act", this.config.hidden_act);

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.dense_h_to_4h.call(hidden_states); // [B, S, intermediate_size]
    hidden_states = this.act.call(hidden_states);
    return this.dense_4h_to_h.call(hidden_states); // [B, S, hidden_size]
  }
}

export class GPTNeoXRotaryEmbedding extends PartialRotaryEmbedding {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GPTNeoXAttention extends Attention<GPTNeoXConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  query_key_value = this.at.linear("query_key_value", "hidden_size", [3, "hidden_size"], { bias: "attention_bias" });
  dense = this.at.linear("dense", "hidden_size", "hidden_size", { bias: "attention_bias" });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const qkv = this.query_key_value.call(hidden_states); // [B, S, heads * 3 * D]
    let [query_states, key_states, value_states] = this.chunk(qkv); // [B, S, heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.dense.call(attn_output); // [B, S, hidden_size]
  }

  /** Queries, keys and values, which lie side by side within each head. */
  chunk(qkv: Tensor): [query: Tensor, key: Tensor, value: Tensor] {
    const { head_dim } = this;
    const heads = reshape(qkv, [...qkv.shape.slice(0, -1), -1, 3 * head_dim]); // [B, S, heads, 3 * D]
    const part = (n: number) => slice(heads, 3, n * head_dim, (n + 1) * head_dim);
    return [part(0), part(1), part(2)];
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return apply_partial_rotary_pos_emb(x, cos, sin);
  }
}

export class GPTNeoXLayer extends DecoderLayer<GPTNeoXConfig> {
  use_parallel_residual = this.config.use_parallel_residual;
  input_layernorm = this.at.norm("input_layernorm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  post_attention_layernorm = this.at.norm("post_attention_layernorm", LayerNorm, "hidden_size", {
    eps: "layer_norm_eps",
  });
  post_attention_dropout = this.at.dropout("post_attention_dropout");
  post_mlp_dropout = this.at.dropout("post_mlp_dropout");
  attention = this.at.module("attention", GPTNeoXAttention, this.layer_idx);
  mlp = this.at.module("mlp", GPTNeoXMLP);

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let attn_output = this.attention.call(this.input_layernorm.call(hidden_states), inputs);
    attn_output = this.post_attention_dropout.call(attn_output);

    if (this.use_parallel_residual) {
      const mlp_output = this.post_mlp_dropout.call(this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
      return add(add(mlp_output, attn_output), hidden_states);
    }
    attn_output = add(attn_output, hidden_states);
    const mlp_output = this.post_mlp_dropout.call(this.mlp.call(this.post_attention_layernorm.call(attn_output)));
    return add(mlp_output, attn_output);
  }
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class GPTNeoXModel extends ConfiguredModule<GPTNeoXConfig> {
  embed_in = this.at.embedding("embed_in", "vocab_size", "hidden_size");
  emb_dropout = this.at.dropout("emb_dropout");
  layers = this.at.list("layers", GPTNeoXLayer, "num_hidden_layers");
  final_layer_norm = this.at.norm("final_layer_norm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  rotary_emb = this.at.module("rotary_emb", GPTNeoXRotaryEmbedding);

  forward(input_ids: IndexTensor, { position_ids, attention_masks, cache }: CausalModelInputs): Tensor {
    let hidden_states = this.emb_dropout.call(this.embed_in.call(input_ids)); // [B, S, hidden_size]
    const position_embeddings = this.rotary_emb.call(hidden_states, position_ids);
    const attention_mask = attention_masks.full_attention;
    for (const layer of this.layers.elements) {
      const states = hidden_states;
      hidden_states = scratch(() => layer.call(states, { position_embeddings, attention_mask, cache }));
    }
    return this.final_layer_norm.call(hidden_states);
  }
}

export class GPTNeoXForCausalLM extends DecoderForCausalLM<GPTNeoXConfig> {
  gpt_neox = this.at.module("gpt_neox", GPTNeoXModel);
  lm_head = this.head("gpt_neox.embed_in.weight");

  get model(): GPTNeoXModel {
    return this.gpt_neox;
  }
}
