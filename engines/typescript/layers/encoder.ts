/** The frame of a text encoder, whose tokens all see each other, and the embeddings of BERT and its relatives. */
import { add } from "../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor } from "../tensor/tensor.ts";
import type { CausalModelInputs, MaskRequest } from "./causal_model.ts";
import { RootModel } from "./causal_model.ts";
import { Dropout } from "./dropout.ts";
import { Embedding } from "./linear.ts";
import type { AttentionMasks } from "./masks.ts";
import { MaskBuilder } from "./masks.ts";
import { Module } from "./module.ts";
import { LayerNorm } from "./normalization.ts";
import type { Scope } from "./scope.ts";
import { size } from "./scope.ts";

/** The root of an encoder: input_ids [B, S] -> logits or hidden states [B, S, ...], in one forward without a cache. */
export abstract class EncoderRootModel extends RootModel {
  readonly modalities = [];
  masks: MaskBuilder;

  constructor(at: Scope) {
    super(at);
    this.masks = new MaskBuilder({ sliding_window: Infinity, is_causal: false, shapesOnly: at.context.shapesOnly });
  }

  create_cache(): null {
    return null;
  }

  create_masks_for_generate(request: MaskRequest): AttentionMasks {
    return {
      full_attention: this.masks.create_causal_mask(request), // causal in its name only: `is_causal` is false
      sliding_attention: this.masks.create_sliding_window_causal_mask(request),
    };
  }
}

/** The fields that the embeddings of BERT and its relatives read. */
export interface SegmentEmbeddingsConfig {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
  readonly layer_norm_eps: number;
}

/** Embeddings of words, places and segments, summed and normed: input_ids [B, S] -> [B, S, config[width]]. */
export class SegmentEmbeddings extends Module {
  word_embeddings: Embedding;
  position_embeddings: Embedding;
  token_type_embeddings: Embedding;
  LayerNorm: LayerNorm;
  dropout: Dropout;

  constructor(config: SegmentEmbeddingsConfig, at: Scope, width: string) {
    super(at);
    config = at.read(config);
    const embedding_dim = size(config as SegmentEmbeddingsConfig & Record<string, number>, width);
    const table = (name: string, rows: keyof SegmentEmbeddingsConfig) =>
      new Embedding(at.child(name), { num_embeddings: size(config, rows), embedding_dim });
    this.word_embeddings = table("word_embeddings", "vocab_size");
    this.position_embeddings = table("position_embeddings", "max_position_embeddings");
    this.token_type_embeddings = table("token_type_embeddings", "type_vocab_size");
    this.LayerNorm = new LayerNorm(at.child("LayerNorm"), { dim: embedding_dim, eps: config.layer_norm_eps });
    this.dropout = new Dropout(at.child("dropout"));
  }

  forward(input_ids: IndexTensor, inputs: Pick<CausalModelInputs, "token_type_ids" | "position_ids">): Tensor {
    const { token_type_ids, position_ids } = this.places(input_ids, inputs);
    const inputs_embeds = this.word_embeddings.call(input_ids);
    let embeddings = add(inputs_embeds, this.token_type_embeddings.call(token_type_ids)); // [B, S, width]
    embeddings = add(embeddings, this.position_embeddings.call(position_ids));
    return this.dropout.call(this.LayerNorm.call(embeddings));
  }

  /** The segments and places of tokens; without segments all are of the first. */
  places(
    input_ids: IndexTensor,
    { token_type_ids, position_ids }: Pick<CausalModelInputs, "token_type_ids" | "position_ids">,
  ): { token_type_ids: IndexTensor; position_ids: IndexTensor } {
    const first = indexTensor(input_ids.shape, new Int32Array(input_ids.data.length));
    return { token_type_ids: token_type_ids ?? first, position_ids };
  }
}
