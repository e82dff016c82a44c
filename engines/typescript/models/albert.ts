/** albert, read beside transformers 5.24.0, `models/albert/modeling_albert.py`: same classes, same order, same names. */
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
import type { AlbertConfig } from "./albert.config.ts";

/** Narrower than the layers: `embedding_hidden_mapping_in` widens what they give. */
export class AlbertEmbeddings extends SegmentEmbeddings {
  constructor(config: AlbertConfig, at: Scope) {
    super(config, at, "embedding_size");
  }
}

/** Attention with its residual and norm: hidden_states [B, S, hidden_size] -> the same shape. */
export class AlbertAttention extends Attention {
  attention_dropout: Dropout;
  output_dropout: Dropout;
  query: Linear;
  key: Linear;
  value: Linear;
  dense: Linear;
  LayerNorm: LayerNorm;

  constructor(config: AlbertConfig, at: Scope) {
    super(config, 0, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const all_head_size = size(config, "num_attention_heads", "head_dim");
    this.attention_dropout = new Dropout(at.child("attention_dropout"));
    this.output_dropout = new Dropout(at.child("output_dropout"));
    this.query = new Linear(at.child("query"), { in: hidden, out: all_head_size, bias: true });
    this.key = new Linear(at.child("key"), { in: hidden, out: all_head_size, bias: true });
    this.value = new Linear(at.child("value"), { in: hidden, out: all_head_size, bias: true });
    this.dense = new Linear(at.child("dense"), { in: hidden, out: hidden, bias: true });
    this.LayerNorm = new LayerNorm(at.child("LayerNorm"), { dim: hidden, eps: config.layer_norm_eps });
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const query_layer = this.split_heads(this.query.call(hidden_states)); // [B, S, heads, D]
    const key_layer = this.split_heads(this.key.call(hidden_states));
    const value_layer = this.split_heads(this.value.call(hidden_states));
    let attn_output = this.attend([query_layer, key_layer, value_layer], inputs); // [B, S, heads * D]
    attn_output = this.output_dropout.call(this.dense.call(attn_output)); // [B, S, hidden_size]
    return this.LayerNorm.call(add(hidden_states, attn_output));
  }
}

export class AlbertLayer extends Module {
  full_layer_layer_norm: LayerNorm;
  attention: AlbertAttention;
  ffn: Linear;
  ffn_output: Linear;
  activation: Activation;
  dropout: Dropout;

  constructor(config: AlbertConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [hidden, intermediate] = [size(config, "hidden_size"), size(config, "intermediate_size")];
    const norm = { dim: hidden, eps: config.layer_norm_eps };
    this.full_layer_layer_norm = new LayerNorm(at.child("full_layer_layer_norm"), norm);
    this.attention = new AlbertAttention(config, at.child("attention"));
    this.ffn = new Linear(at.child("ffn"), { in: hidden, out: intermediate, bias: true });
    this.ffn_output = new Linear(at.child("ffn_output"), { in: intermediate, out: hidden, bias: true });
    this.activation = new Activation(at.child("activation"), config.hidden_act);
    this.dropout = new Dropout(at.child("dropout"));
  }

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

export class AlbertLayerGroup extends Module {
  albert_layers: ModuleList<AlbertLayer>;

  constructor(config: AlbertConfig, at: Scope) {
    super(at);
    const { inner_group_num } = at.read(config);
    this.albert_layers = new ModuleList(
      at.child("albert_layers"),
      inner_group_num,
      (_, at) => new AlbertLayer(config, at),
    );
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    for (const albert_layer of this.albert_layers.elements) hidden_states = albert_layer.call(hidden_states, inputs);
    return hidden_states;
  }
}

/** `num_hidden_layers` passes through `num_hidden_groups` groups of layers, one group after the other. */
export class AlbertTransformer extends Module {
  num_hidden_layers: number;
  num_hidden_groups: number;
  embedding_hidden_mapping_in: Linear;
  albert_layer_groups: ModuleList<AlbertLayerGroup>;

  constructor(config: AlbertConfig, at: Scope) {
    super(at);
    config = at.read(config);
    this.num_hidden_layers = config.num_hidden_layers;
    this.num_hidden_groups = config.num_hidden_groups;
    const [width, hidden] = [size(config, "embedding_size"), size(config, "hidden_size")];
    this.embedding_hidden_mapping_in = new Linear(at.child("embedding_hidden_mapping_in"), {
      in: width,
      out: hidden,
      bias: true,
    });
    this.albert_layer_groups = new ModuleList(
      at.child("albert_layer_groups"),
      config.num_hidden_groups,
      (_, at) => new AlbertLayerGroup(config, at),
    );
  }

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
export class AlbertModel extends EncoderRootModel {
  embeddings: AlbertEmbeddings;
  encoder: AlbertTransformer;
  pooler: Linear | null;
  pooler_activation: Activation | null;

  constructor(config: AlbertConfig, at: Scope, add_pooling_layer = true) {
    super(at);
    this.embeddings = new AlbertEmbeddings(config, at.child("embeddings"));
    this.encoder = new AlbertTransformer(config, at.child("encoder"));
    const hidden = size(at.read(config), "hidden_size");
    this.pooler = add_pooling_layer ? new Linear(at.child("pooler"), { in: hidden, out: hidden, bias: true }) : null;
    this.pooler_activation = add_pooling_layer ? new Activation(at.child("pooler_activation"), "tanh") : null;
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

/** hidden_states [B, S, hidden_size] -> [B, S, vocab_size], with the word embeddings as its weight where the config ties them. */
export class AlbertMLMHead extends Module {
  LayerNorm: LayerNorm;
  bias: Tensor;
  dense: Linear;
  decoder: Linear;
  activation: Activation;

  constructor(config: AlbertConfig, at: Scope, { word_embeddings }: AlbertEmbeddings) {
    super(at);
    config = at.read(config);
    const [width, vocabulary] = [size(config, "embedding_size"), size(config, "vocab_size")];
    this.LayerNorm = new LayerNorm(at.child("LayerNorm"), { dim: width, eps: config.layer_norm_eps });
    this.bias = at.weight("bias", [vocabulary]); // read by the decoder alone, where it is tied
    this.dense = new Linear(at.child("dense"), { in: size(config, "hidden_size"), out: width, bias: true });
    const bias = { name: `${at.path}.bias`, weight: this.bias };
    const tied = { name: `${word_embeddings.path}.weight`, weight: word_embeddings.weight };
    const options = config.tie_word_embeddings ? { bias, tied } : { bias: true };
    this.decoder = new Linear(at.child("decoder"), { in: width, out: vocabulary, ...options });
    this.activation = new Activation(at.child("activation"), config.hidden_act);
  }

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.dense.call(hidden_states); // [B, S, embedding_size]
    hidden_states = this.activation.call(hidden_states);
    hidden_states = this.LayerNorm.call(hidden_states);
    return this.decoder.call(hidden_states); // [B, S, vocab_size]
  }
}

export class AlbertForMaskedLM extends EncoderRootModel {
  albert: AlbertModel;
  predictions: AlbertMLMHead;

  constructor(config: AlbertConfig, at: Scope) {
    super(at);
    this.albert = new AlbertModel(config, at.child("albert"), false);
    this.predictions = new AlbertMLMHead(config, at.child("predictions"), this.albert.embeddings);
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    return this.predictions.call(this.albert.call(input_ids, inputs));
  }
}
