/** bert, read beside transformers 5.24.0, `models/bert/modeling_bert.py`: same classes, order and names. */
import { z } from "zod";
import type { AttentionInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { activation, configSchema, count, derive_heads, tokenId } from "../layers/config_schema.ts";
import { ConfiguredModule, LayerModule } from "../layers/configured_module.ts";
import type { Dropout } from "../layers/dropout.ts";
import { EncoderRootModel, SegmentEmbeddings } from "../layers/encoder.ts";
import type { Linear } from "../layers/linear.ts";
import { LayerNorm } from "../layers/normalization.ts";
import type { Scope } from "../layers/scope.ts";
import { add } from "../tensor/elementwise.ts";
import { reshape, slice } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `BertConfig`, with its defaults. */
export const BertConfig = configSchema({
  model_type: z.literal("bert").default("bert"),
  vocab_size: count.default(30_522),
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  hidden_act: activation.default("gelu"),
  hidden_dropout_prob: z.number().default(0.1), // of training
  max_position_embeddings: count.default(512),
  type_vocab_size: count.default(2),
  layer_norm_eps: z.number().default(1e-12),
  pad_token_id: tokenId.default(0),
  is_decoder: z.literal(false).default(false), // true is not implemented
  add_cross_attention: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(true),
  position_embedding_type: z.literal("absolute").optional(), // in older checkpoints
  gradient_checkpointing: z.boolean().optional(),
}).transform((config) => ({
  ...config,
  ...derive_heads(config),
}));
export type BertConfig = z.output<typeof BertConfig>;

export class BertEmbeddings extends SegmentEmbeddings<BertConfig> {}

/** Attention of one layer without what follows it: hidden_states [B, S, hidden_size] -> [B, S, heads * D]. */
export class BertSelfAttention extends Attention<BertConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  query = this.at.linear("query", "hidden_size", ["num_attention_heads", "head_dim"]);
  key = this.at.linear("key", "hidden_size", ["num_attention_heads", "head_dim"]);
  value = this.at.linear("value", "hidden_size", ["num_attention_heads", "head_dim"]);
  dropout = this.at.dropout("dropout");

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const query_layer = this.split_heads(this.query.call(hidden_states)); // [B, S, heads, D]
    const key_layer = this.split_heads(this.key.call(hidden_states));
    const value_layer = this.split_heads(this.value.call(hidden_states));
    return this.attend([query_layer, key_layer, value_layer], inputs);
  }
}

/** The end of attention and MLP: projected, added to `input_tensor`, normed. */
abstract class ResidualOutput extends ConfiguredModule<BertConfig> {
  abstract dense: Linear;
  abstract LayerNorm: LayerNorm;
  abstract dropout: Dropout;

  forward(hidden_states: Tensor, input_tensor: Tensor): Tensor {
    hidden_states = this.dense.call(hidden_states); // [B, S, hidden_size]
    hidden_states = this.dropout.call(hidden_states);
    return this.LayerNorm.call(this.add_residual(hidden_states, input_tensor));
  }

  add_residual(hidden_states: Tensor, input_tensor: Tensor): Tensor {
    return add(hidden_states, input_tensor);
  }
}

export class BertSelfOutput extends ResidualOutput {
  dense = this.at.linear("dense", "hidden_size", "hidden_size");
  LayerNorm = this.at.norm("LayerNorm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  dropout = this.at.dropout("dropout");
}

export class BertAttention extends LayerModule<BertConfig> {
  self = this.at.module("self", BertSelfAttention, this.layer_idx);
  output = this.at.module("output", BertSelfOutput);

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    return this.output.call(this.self.call(hidden_states, inputs), hidden_states);
  }
}

export class BertIntermediate extends ConfiguredModule<BertConfig> {
  dense = this.at.linear("dense", "hidden_size", "intermediate_size");
  intermediate_act_fn = this.at.activation("intermediate_act_fn", this.config.hidden_act);

  forward(hidden_states: Tensor): Tensor {
    return this.intermediate_act_fn.call(this.dense.call(hidden_states)); // [B, S, intermediate_size]
  }
}

export class BertOutput extends ResidualOutput {
  dense = this.at.linear("dense", "intermediate_size", "hidden_size");
  LayerNorm = this.at.norm("LayerNorm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  dropout = this.at.dropout("dropout");
}

export class BertLayer extends LayerModule<BertConfig> {
  attention = this.at.module("attention", BertAttention, this.layer_idx);
  intermediate = this.at.module("intermediate", BertIntermediate);
  output = this.at.module("output", BertOutput);

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const attention_output = this.attention.call(hidden_states, inputs); // [B, S, hidden_size]
    return this.output.call(this.intermediate.call(attention_output), attention_output);
  }
}

export class BertEncoder extends ConfiguredModule<BertConfig> {
  layer = this.at.list("layer", BertLayer, "num_hidden_layers");

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    for (const layer_module of this.layer.elements) hidden_states = layer_module.call(hidden_states, inputs);
    return hidden_states;
  }
}

/** The first token's states [B, hidden_size] of hidden_states [B, S, hidden_size], projected. */
export class BertPooler extends ConfiguredModule<BertConfig> {
  dense = this.at.linear("dense", "hidden_size", "hidden_size");
  activation = this.at.activation("activation", "tanh");

  forward(hidden_states: Tensor): Tensor {
    return this.activation.call(this.dense.call(this.first_token(hidden_states)));
  }

  first_token(hidden_states: Tensor): Tensor {
    return reshape(slice(hidden_states, 1, 0, 1), [hidden_states.size(0), hidden_states.size(2)]);
  }
}

export class BertPredictionHeadTransform extends ConfiguredModule<BertConfig> {
  dense = this.at.linear("dense", "hidden_size", "hidden_size");
  transform_act_fn = this.at.activation("transform_act_fn", this.config.hidden_act);
  LayerNorm = this.at.norm("LayerNorm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });

  forward(hidden_states: Tensor): Tensor {
    return this.LayerNorm.call(this.transform_act_fn.call(this.dense.call(hidden_states)));
  }
}

/** The weights that the decoder shares where the config ties embeddings: the reference's `_tied_weights_keys`. */
const tied_weights_keys = { weight: "bert.embeddings.word_embeddings.weight", bias: "cls.predictions.bias" };

/** hidden_states [B, S, hidden_size] -> [B, S, vocab_size]. */
export class BertLMPredictionHead extends ConfiguredModule<BertConfig> {
  transform = this.at.module("transform", BertPredictionHeadTransform);
  bias = this.at.parameter("bias", "vocab_size"); // read by the decoder alone, where it is tied
  decoder = this.at.linear("decoder", "hidden_size", "vocab_size", {
    tied: this.config.tie_word_embeddings ? tied_weights_keys : null,
  });

  forward(hidden_states: Tensor): Tensor {
    return this.decoder.call(this.transform.call(hidden_states));
  }
}

export class BertOnlyMLMHead extends ConfiguredModule<BertConfig> {
  predictions = this.at.module("predictions", BertLMPredictionHead);

  forward(sequence_output: Tensor): Tensor {
    return this.predictions.call(sequence_output);
  }
}

/** The model without a head: input_ids [B, S] -> hidden states [B, S, hidden_size]. */
export class BertModel extends EncoderRootModel<BertConfig> {
  embeddings = this.at.module("embeddings", BertEmbeddings, "hidden_size");
  encoder = this.at.module("encoder", BertEncoder);
  pooler: BertPooler | null;

  constructor(at: Scope, config: BertConfig, { add_pooling_layer }: PoolingOptions = { add_pooling_layer: true }) {
    super(at, config);
    this.pooler = add_pooling_layer ? this.at.module("pooler", BertPooler) : null;
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const embedding_output = this.embeddings.call(input_ids, inputs); // [B, S, hidden_size]
    const attention_mask = inputs.attention_masks.full_attention;
    const sequence_output = this.encoder.call(embedding_output, { attention_mask, cache: null });
    this.pooler?.call(sequence_output); // no site of the root, but has its own
    return sequence_output;
  }
}

interface PoolingOptions {
  readonly add_pooling_layer: boolean;
}

export class BertForMaskedLM extends EncoderRootModel<BertConfig> {
  bert = this.at.module("bert", BertModel, { add_pooling_layer: false });
  cls = this.at.module("cls", BertOnlyMLMHead);

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    return this.cls.call(this.bert.call(input_ids, inputs)); // [B, S, vocab_size]
  }
}
