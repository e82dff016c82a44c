/** bert, read beside transformers 5.24.0, `models/bert/modeling_bert.py`: same classes, same order, same names. */
import { Activation } from "../layers/activations.ts";
import type { AttentionInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { Dropout } from "../layers/dropout.ts";
import { EncoderRootModel, SegmentEmbeddings } from "../layers/encoder.ts";
import { Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add } from "../tensor/elementwise.ts";
import { reshape, slice } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { BertConfig } from "./bert.config.ts";

export class BertEmbeddings extends SegmentEmbeddings {
  constructor(config: BertConfig, at: Scope) {
    super(config, at, "hidden_size");
  }
}

/** Attention of one layer without what follows it: hidden_states [B, S, hidden_size] -> [B, S, heads * D]. */
export class BertSelfAttention extends Attention {
  query: Linear;
  key: Linear;
  value: Linear;
  dropout: Dropout;

  constructor(config: BertConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const all_head_size = size(config, "num_attention_heads", "head_dim");
    this.query = new Linear(at.child("query"), { in: hidden, out: all_head_size, bias: true });
    this.key = new Linear(at.child("key"), { in: hidden, out: all_head_size, bias: true });
    this.value = new Linear(at.child("value"), { in: hidden, out: all_head_size, bias: true });
    this.dropout = new Dropout(at.child("dropout"));
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const query_layer = this.split_heads(this.query.call(hidden_states)); // [B, S, heads, D]
    const key_layer = this.split_heads(this.key.call(hidden_states));
    const value_layer = this.split_heads(this.value.call(hidden_states));
    return this.attend([query_layer, key_layer, value_layer], inputs);
  }
}

/** What attention and MLP end with: projected, added to `input_tensor`, normed. */
abstract class ResidualOutput extends Module {
  dense: Linear;
  LayerNorm: LayerNorm;
  dropout: Dropout;

  constructor(config: BertConfig, at: Scope, from: "hidden_size" | "intermediate_size") {
    super(at);
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    this.dense = new Linear(at.child("dense"), { in: size(config, from), out: hidden, bias: true });
    this.LayerNorm = new LayerNorm(at.child("LayerNorm"), { dim: hidden, eps: config.layer_norm_eps });
    this.dropout = new Dropout(at.child("dropout"));
  }

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
  constructor(config: BertConfig, at: Scope) {
    super(config, at, "hidden_size");
  }
}

export class BertAttention extends Module {
  self: BertSelfAttention;
  output: BertSelfOutput;

  constructor(config: BertConfig, layer_idx: number, at: Scope) {
    super(at);
    this.self = new BertSelfAttention(config, layer_idx, at.child("self"));
    this.output = new BertSelfOutput(config, at.child("output"));
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    return this.output.call(this.self.call(hidden_states, inputs), hidden_states);
  }
}

export class BertIntermediate extends Module {
  dense: Linear;
  intermediate_act_fn: Activation;

  constructor(config: BertConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [hidden, intermediate] = [size(config, "hidden_size"), size(config, "intermediate_size")];
    this.dense = new Linear(at.child("dense"), { in: hidden, out: intermediate, bias: true });
    this.intermediate_act_fn = new Activation(at.child("intermediate_act_fn"), config.hidden_act);
  }

  forward(hidden_states: Tensor): Tensor {
    return this.intermediate_act_fn.call(this.dense.call(hidden_states)); // [B, S, intermediate_size]
  }
}

export class BertOutput extends ResidualOutput {
  constructor(config: BertConfig, at: Scope) {
    super(config, at, "intermediate_size");
  }
}

export class BertLayer extends Module {
  attention: BertAttention;
  intermediate: BertIntermediate;
  output: BertOutput;

  constructor(config: BertConfig, layer_idx: number, at: Scope) {
    super(at);
    this.attention = new BertAttention(config, layer_idx, at.child("attention"));
    this.intermediate = new BertIntermediate(config, at.child("intermediate"));
    this.output = new BertOutput(config, at.child("output"));
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const attention_output = this.attention.call(hidden_states, inputs); // [B, S, hidden_size]
    return this.output.call(this.intermediate.call(attention_output), attention_output);
  }
}

export class BertEncoder extends Module {
  layer: ModuleList<BertLayer>;

  constructor(config: BertConfig, at: Scope) {
    super(at);
    const { num_hidden_layers } = at.read(config);
    this.layer = new ModuleList(at.child("layer"), num_hidden_layers, (i, at) => new BertLayer(config, i, at));
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    for (const layer_module of this.layer.elements) hidden_states = layer_module.call(hidden_states, inputs);
    return hidden_states;
  }
}

/** The first token's states [B, hidden_size] of hidden_states [B, S, hidden_size], projected. */
export class BertPooler extends Module {
  dense: Linear;
  activation: Activation;

  constructor(config: BertConfig, at: Scope) {
    super(at);
    const hidden = size(at.read(config), "hidden_size");
    this.dense = new Linear(at.child("dense"), { in: hidden, out: hidden, bias: true });
    this.activation = new Activation(at.child("activation"), "tanh");
  }

  forward(hidden_states: Tensor): Tensor {
    return this.activation.call(this.dense.call(this.first_token(hidden_states)));
  }

  first_token(hidden_states: Tensor): Tensor {
    return reshape(slice(hidden_states, 1, 0, 1), [hidden_states.size(0), hidden_states.size(2)]);
  }
}

export class BertPredictionHeadTransform extends Module {
  dense: Linear;
  transform_act_fn: Activation;
  LayerNorm: LayerNorm;

  constructor(config: BertConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    this.dense = new Linear(at.child("dense"), { in: hidden, out: hidden, bias: true });
    this.transform_act_fn = new Activation(at.child("transform_act_fn"), config.hidden_act);
    this.LayerNorm = new LayerNorm(at.child("LayerNorm"), { dim: hidden, eps: config.layer_norm_eps });
  }

  forward(hidden_states: Tensor): Tensor {
    return this.LayerNorm.call(this.transform_act_fn.call(this.dense.call(hidden_states)));
  }
}

/** hidden_states [B, S, hidden_size] -> [B, S, vocab_size], with the word embeddings as its weight where the config ties them. */
export class BertLMPredictionHead extends Module {
  transform: BertPredictionHeadTransform;
  decoder: Linear;
  bias: Tensor;

  constructor(config: BertConfig, at: Scope, { word_embeddings }: BertEmbeddings) {
    super(at);
    config = at.read(config);
    const [hidden, vocabulary] = [size(config, "hidden_size"), size(config, "vocab_size")];
    this.transform = new BertPredictionHeadTransform(config, at.child("transform"));
    this.bias = at.weight("bias", [vocabulary]); // read by the decoder alone, where it is tied
    const bias = { name: `${at.path}.bias`, weight: this.bias };
    const tied = { name: `${word_embeddings.path}.weight`, weight: word_embeddings.weight };
    const options = config.tie_word_embeddings ? { bias, tied } : { bias: true };
    this.decoder = new Linear(at.child("decoder"), { in: hidden, out: vocabulary, ...options });
  }

  forward(hidden_states: Tensor): Tensor {
    return this.decoder.call(this.transform.call(hidden_states));
  }
}

export class BertOnlyMLMHead extends Module {
  predictions: BertLMPredictionHead;

  constructor(config: BertConfig, at: Scope, embeddings: BertEmbeddings) {
    super(at);
    this.predictions = new BertLMPredictionHead(config, at.child("predictions"), embeddings);
  }

  forward(sequence_output: Tensor): Tensor {
    return this.predictions.call(sequence_output);
  }
}

/** The model without a head: input_ids [B, S] -> hidden states [B, S, hidden_size]. */
export class BertModel extends EncoderRootModel {
  embeddings: BertEmbeddings;
  encoder: BertEncoder;
  pooler: BertPooler | null;

  constructor(config: BertConfig, at: Scope, add_pooling_layer = true) {
    super(at);
    this.embeddings = new BertEmbeddings(config, at.child("embeddings"));
    this.encoder = new BertEncoder(config, at.child("encoder"));
    this.pooler = add_pooling_layer ? new BertPooler(config, at.child("pooler")) : null;
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const embedding_output = this.embeddings.call(input_ids, inputs); // [B, S, hidden_size]
    const attention_mask = inputs.attention_masks.full_attention;
    const sequence_output = this.encoder.call(embedding_output, { attention_mask, cache: null });
    this.pooler?.call(sequence_output); // no site of the root, but has its own
    return sequence_output;
  }
}

export class BertForMaskedLM extends EncoderRootModel {
  bert: BertModel;
  cls: BertOnlyMLMHead;

  constructor(config: BertConfig, at: Scope) {
    super(at);
    this.bert = new BertModel(config, at.child("bert"), false);
    this.cls = new BertOnlyMLMHead(config, at.child("cls"), this.bert.embeddings);
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    return this.cls.call(this.bert.call(input_ids, inputs)); // [B, S, vocab_size]
  }
}
