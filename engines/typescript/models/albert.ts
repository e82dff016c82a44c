/** albert, read beside transformers 5.24.0, `models/albert/modeling_albert.py`: same classes, order and names. */
import { z } from "zod";
import type { AttentionInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { activation, configSchema, count, derive_heads, tokenId, unread } from "../layers/config_schema.ts";
import { ConfiguredModule } from "../layers/configured_module.ts";
import type { Activation } from "../layers/activations.ts";
import { EncoderRootModel, SegmentEmbeddings } from "../layers/encoder.ts";
import type { Linear } from "../layers/linear.ts";
import { LayerNorm } from "../layers/normalization.ts";
import type { Scope } from "../layers/scope.ts";
import { add } from "../tensor/elementwise.ts";
import { reshape, slice } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `AlbertConfig`, with its defaults. */
export const AlbertConfig = configSchema({
  model_type: z.literal("albert").default("albert"),
  vocab_size: count.default(30_000),
  embedding_size: count.default(128),
  hidden_size: count.default(4096),
  num_hidden_layers: count.default(12),
  num_hidden_groups: count.default(1),
  num_attention_heads: count.default(64),
  intermediate_size: count.default(16_384),
  inner_group_num: count.default(1),
  hidden_act: activation.default("gelu_new"),
  hidden_dropout_prob: z.number().default(0), // of training, as the next
  classifier_dropout_prob: z.number().default(0.1),
  max_position_embeddings: count.default(512),
  type_vocab_size: count.default(2),
  layer_norm_eps: z.number().default(1e-12),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  position_embedding_type: z.literal("absolute").optional(), // in older checkpoints, as what follows
  ...unread("down_scale_factor gap_size net_structure_type num_memory_blocks output_past pruned_heads use_bfloat16"),
  ...unread("torchscript eos_token_ids finetuning_task"),
}).transform((config) => ({
  ...config,
  ...derive_heads(config),
}));
export type AlbertConfig = z.output<typeof AlbertConfig>;

/** Embeddings that are narrower than the layers: `embedding_hidden_mapping_in` widens what they give. */
export class AlbertEmbeddings extends SegmentEmbeddings<AlbertConfig> {}

/** Attention with its residual and norm: hidden_states [B, S, hidden_size] -> the same shape. */
export class AlbertAttention extends Attention<AlbertConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  attention_dropout = this.at.dropout("attention_dropout");
  output_dropout = this.at.dropout("output_dropout");
  query = this.at.linear("query", "hidden_size", ["num_attention_heads", "head_dim"]);
  key = this.at.linear("key", "hidden_size", ["num_attention_heads", "head_dim"]);
  value = this.at.linear("value", "hidden_size", ["num_attention_heads", "head_dim"]);
  dense = this.at.linear("dense", "hidden_size", "hidden_size");
  LayerNorm = this.at.norm("LayerNorm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const query_layer = this.split_heads(this.query.call(hidden_states)); // [B, S, heads, D]
    const key_layer = this.split_heads(this.key.call(hidden_states));
    const value_layer = this.split_heads(this.value.call(hidden_states));
    let attn_output = this.attend([query_layer, key_layer, value_layer], inputs); // [B, S, heads * D]
    attn_output = this.output_dropout.call(this.dense.call(attn_output)); // [B, S, hidden_size]
    return this.LayerNorm.call(add(hidden_states, attn_output));
  }
}

export class AlbertLayer extends ConfiguredModule<AlbertConfig> {
  full_layer_layer_norm = this.at.norm("full_layer_layer_norm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  attention = this.at.module("attention", AlbertAttention, 0);
  ffn = this.at.linear("ffn", "hidden_size", "intermediate_size");
  ffn_output = this.at.linear("ffn_output", "intermediate_size", "hidden_size");
  activation = this.at.activation("activation", this.config.hidden_act);
  dropout = this.at.dropout("dropout");

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const attention_output = this.attention.call(hidden_states, inputs); // [B, S, hidden_size]
    const ffn_output = this.ff_chunk(attention_output);
    return this.full_layer_layer_norm.call(this.add_residual(ffn_output, attention_output));
  }

  ff_chunk(attention_output: Tensor): Tensor {
    return this.ffn_output.call(this.activation.call(this.ffn.call(attention_output)));
  }

  add_residual(ffn_output: Tensor, attention_output: Tensor): Tensor {
    return add(ffn_output, attention_output);
  }
}

export class AlbertLayerGroup extends ConfiguredModule<AlbertConfig> {
  albert_layers = this.at.list("albert_layers", AlbertLayer, "inner_group_num");

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    for (const albert_layer of this.albert_layers.elements) hidden_states = albert_layer.call(hidden_states, inputs);
    return hidden_states;
  }
}

/** `num_hidden_layers` passes through `num_hidden_groups` groups of layers, one group after the other. */
export class AlbertTransformer extends ConfiguredModule<AlbertConfig> {
  num_hidden_layers = this.config.num_hidden_layers;
  num_hidden_groups = this.config.num_hidden_groups;
  embedding_hidden_mapping_in = this.at.linear("embedding_hidden_mapping_in", "embedding_size", "hidden_size");
  albert_layer_groups = this.at.list("albert_layer_groups", AlbertLayerGroup, "num_hidden_groups");

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    hidden_states = this.embedding_hidden_mapping_in.call(hidden_states); // [B, S, hidden_size]
    for (let i = 0; i < this.num_hidden_layers; i++)
      hidden_states = this.albert_layer_groups.elements[this.group_idx(i)]!.call(hidden_states, inputs);
    return hidden_states;
  }

  /** The group that pass `i` goes through. */
  group_idx(i: number): number {
    return Math.floor(i / (this.num_hidden_layers / this.num_hidden_groups));
  }
}

/** The model without a head: input_ids [B, S] -> hidden states [B, S, hidden_size]. */
export class AlbertModel extends EncoderRootModel<AlbertConfig> {
  embeddings = this.at.module("embeddings", AlbertEmbeddings, "embedding_size");
  encoder = this.at.module("encoder", AlbertTransformer);
  pooler: Linear | null;
  pooler_activation: Activation | null;

  constructor(at: Scope, config: AlbertConfig, { add_pooling_layer }: PoolingOptions = { add_pooling_layer: true }) {
    super(at, config);
    this.pooler = add_pooling_layer ? this.at.linear("pooler", "hidden_size", "hidden_size") : null;
    this.pooler_activation = add_pooling_layer ? this.at.activation("pooler_activation", "tanh") : null;
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const embedding_output = this.embeddings.call(input_ids, inputs); // [B, S, embedding_size]
    const attention_mask = inputs.attention_masks.full_attention;
    const sequence_output = this.encoder.call(embedding_output, { attention_mask, cache: null }); // [B, S, hidden_size]
    this.pool(sequence_output); // has sites of its own, but is no output of the root
    return sequence_output;
  }

  /** The first token's states, projected: [B, hidden_size]; null without a pooler. */
  pool(sequence_output: Tensor): Tensor | null {
    if (this.pooler === null || this.pooler_activation === null) return null;
    const first_token = reshape(slice(sequence_output, 1, 0, 1), [sequence_output.size(0), sequence_output.size(2)]);
    return this.pooler_activation.call(this.pooler.call(first_token));
  }
}

interface PoolingOptions {
  readonly add_pooling_layer: boolean;
}

/** The weights that the decoder shares where the config ties embeddings: the reference's `_tied_weights_keys`. */
const tied_weights_keys = { weight: "albert.embeddings.word_embeddings.weight", bias: "predictions.bias" };

/** hidden_states [B, S, hidden_size] -> [B, S, vocab_size]. */
export class AlbertMLMHead extends ConfiguredModule<AlbertConfig> {
  LayerNorm = this.at.norm("LayerNorm", LayerNorm, "embedding_size", { eps: "layer_norm_eps" });
  bias = this.at.parameter("bias", "vocab_size"); // read by the decoder alone, where it is tied
  dense = this.at.linear("dense", "hidden_size", "embedding_size");
  decoder = this.at.linear("decoder", "embedding_size", "vocab_size", {
    tied: this.config.tie_word_embeddings ? tied_weights_keys : null,
  });
  activation = this.at.activation("activation", this.config.hidden_act);

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.dense.call(hidden_states); // [B, S, embedding_size]
    hidden_states = this.activation.call(hidden_states);
    hidden_states = this.LayerNorm.call(hidden_states);
    return this.decoder.call(hidden_states); // [B, S, vocab_size]
  }
}

export class AlbertForMaskedLM extends EncoderRootModel<AlbertConfig> {
  albert = this.at.module("albert", AlbertModel, { add_pooling_layer: false });
  predictions = this.at.module("predictions", AlbertMLMHead);

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    return this.predictions.call(this.albert.call(input_ids, inputs));
  }
}
