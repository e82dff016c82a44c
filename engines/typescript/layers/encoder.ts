/** The frame of a text encoder, whose tokens all see each other, and the embeddings of BERT and its relatives. */
import { add } from "../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor } from "../tensor/tensor.ts";
import type { CausalModelInputs, MaskRequest } from "./causal_model.ts";
import { RootModel } from "./causal_model.ts";
import { ConfigScope } from "./config_scope.ts";
import { ConfiguredModule } from "./configured_module.ts";
import type { Dropout } from "./dropout.ts";
import type { Embedding } from "./linear.ts";
import type { AttentionMasks } from "./masks.ts";
import { MaskBuilder } from "./masks.ts";
import { LayerNorm } from "./normalization.ts";
import type { Scope } from "./scope.ts";
import type { NumberField } from "./size.ts";

/** The root of an encoder: input_ids [B, S] -> logits or hidden states [B, S, ...], in one forward without a cache. */
export abstract class EncoderRootModel<C extends object = object> extends RootModel<C> {
  readonly modalities = [];
  masks = new MaskBuilder({ sliding_window: Infinity, is_causal: false, shapesOnly: this.context.shapesOnly });

  create_cache(): null {
    return null;
  }

  /** Positions [B, S], counted from the first place on whatever is padding: nobody gives an encoder any. */
  override create_position_ids({ shape }: IndexTensor): IndexTensor {
    const [batch, length] = shape as [number, number];
    return indexTensor(
      shape,
      Int32Array.from({ length: batch * length }, (_, place) => place % length),
    );
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
export class SegmentEmbeddings<C extends SegmentEmbeddingsConfig> extends ConfiguredModule<C> {
  word_embeddings: Embedding;
  position_embeddings: Embedding;
  token_type_embeddings: Embedding;
  LayerNorm: LayerNorm;
  dropout: Dropout;

  constructor(at: Scope, config: C, width: NumberField<C>) {
    super(at, config);
    const own: ConfigScope<SegmentEmbeddingsConfig> = new ConfigScope(at, config);
    const embedding_dim = this.at.size(width);
    this.word_embeddings = own.embedding("word_embeddings", "vocab_size", embedding_dim);
    this.position_embeddings = own.embedding("position_embeddings", "max_position_embeddings", embedding_dim);
    this.token_type_embeddings = own.embedding("token_type_embeddings", "type_vocab_size", embedding_dim);
    this.LayerNorm = own.norm("LayerNorm", LayerNorm, embedding_dim, { eps: "layer_norm_eps" });
    this.dropout = own.dropout("dropout");
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
