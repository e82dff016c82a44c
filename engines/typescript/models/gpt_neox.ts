/** gpt_neox, read beside transformers 5.24.0, `models/gpt_neox/modeling_gpt_neox.py`: same classes, same order, same names. */
import { z } from "zod";
import { Activation } from "../layers/activations.ts";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { activation, config, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM } from "../layers/decoder.ts";
import { Dropout } from "../layers/dropout.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { compute_partial_rope_parameters } from "../layers/rope_init.ts";
import { apply_partial_rotary_pos_emb, RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add } from "../tensor/elementwise.ts";
import { reshape, slice } from "../tensor/layout.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `GPTNeoXConfig`, with its defaults. */
export const GPTNeoXConfig = config({
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
  layer_types: Array.from({ length: fields.num_hidden_layers }, () => "full_attention" as const),
}));
export type GPTNeoXConfig = z.output<typeof GPTNeoXConfig>;

export class GPTNeoXMLP extends Module {
  dense_h_to_4h: Linear;
  dense_4h_to_h: Linear;
  act: Activation;

  constructor(config: GPTNeoXConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [hidden, intermediate] = [size(config, "hidden_size"), size(config, "intermediate_size")];
    this.dense_h_to_4h = new Linear(at.child("dense_h_to_4h"), { in: hidden, out: intermediate, bias: true });
    this.dense_4h_to_h = new Linear(at.child("dense_4h_to_h"), { in: intermediate, out: hidden, bias: true });
    this.act = new Activation(at.child("act"), config.hidden_act);
  }

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.dense_h_to_4h.call(hidden_states); // [B, S, intermediate_size]
    hidden_states = this.act.call(hidden_states);
    return this.dense_4h_to_h.call(hidden_states); // [B, S, hidden_size]
  }
}

/** Rotates the first `partial_rotary_factor` of the channels, with every kind of rope. */
export class GPTNeoXRotaryEmbedding extends RotaryEmbedding {
  constructor(config: GPTNeoXConfig, at: Scope) {
    super(config, at, { default: compute_partial_rope_parameters });
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GPTNeoXAttention extends Attention {
  query_key_value: Linear;
  dense: Linear;

  constructor(config: GPTNeoXConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const bias = config.attention_bias;
    this.query_key_value = new Linear(at.child("query_key_value"), {
      in: hidden,
      out: size(config, 3, "hidden_size"),
      bias,
    });
    this.dense = new Linear(at.child("dense"), { in: hidden, out: hidden, bias });
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let [query_states, key_states, value_states] = this.chunk(this.query_key_value.call(hidden_states)); // [B, S, heads, D]
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

export class GPTNeoXLayer extends Module {
  use_parallel_residual: boolean;
  input_layernorm: LayerNorm;
  post_attention_layernorm: LayerNorm;
  post_attention_dropout: Dropout;
  post_mlp_dropout: Dropout;
  attention: GPTNeoXAttention;
  mlp: GPTNeoXMLP;

  constructor(config: GPTNeoXConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.layer_norm_eps };
    this.use_parallel_residual = config.use_parallel_residual;
    this.input_layernorm = new LayerNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new LayerNorm(at.child("post_attention_layernorm"), norm);
    this.post_attention_dropout = new Dropout(at.child("post_attention_dropout"));
    this.post_mlp_dropout = new Dropout(at.child("post_mlp_dropout"));
    this.attention = new GPTNeoXAttention(config, layer_idx, at.child("attention"));
    this.mlp = new GPTNeoXMLP(config, at.child("mlp"));
  }

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
export class GPTNeoXModel extends Module {
  embed_in: Embedding;
  emb_dropout: Dropout;
  layers: ModuleList<GPTNeoXLayer>;
  final_layer_norm: LayerNorm;
  rotary_emb: GPTNeoXRotaryEmbedding;

  constructor(config: GPTNeoXConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_in = new Embedding(at.child("embed_in"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.emb_dropout = new Dropout(at.child("emb_dropout"));
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (i, at) => new GPTNeoXLayer(config, i, at),
    );
    this.final_layer_norm = new LayerNorm(at.child("final_layer_norm"), { dim: hidden, eps: config.layer_norm_eps });
    this.rotary_emb = new GPTNeoXRotaryEmbedding(config, at.child("rotary_emb"));
  }

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

export class GPTNeoXForCausalLM extends DecoderForCausalLM {
  gpt_neox: GPTNeoXModel;
  lm_head: Linear;

  constructor(config: GPTNeoXConfig, at: Scope) {
    super(config, at);
    this.gpt_neox = new GPTNeoXModel(config, at.child("gpt_neox"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.gpt_neox.embed_in });
  }

  get model(): GPTNeoXModel {
    return this.gpt_neox;
  }
}
