import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor } from "../tensor/tensor.ts";
import type { KVCache } from "./kv_cache.ts";
import type { AttentionMasks, MaskInputs } from "./masks.ts";
import { ConfiguredModule } from "./configured_module.ts";

/** The modality tensors of docs/protocol.md, null where a run has none. */
export interface ModalityInputs {
  readonly pixel_values: Tensor | null;
  readonly image_position_ids: IndexTensor | null;
  readonly image_grid_thw: IndexTensor | null;
  readonly pixel_values_videos: Tensor | null;
  readonly video_position_ids: IndexTensor | null;
  readonly num_frames_per_video: IndexTensor | null;
  readonly video_grid_thw: IndexTensor | null;
  readonly second_per_grid_ts: Tensor | null;
  readonly input_features: Tensor | null;
  readonly input_features_mask: IndexTensor | null;
}

/** The inputs of a text-only forward: no modality tensors. */
export const noModalities: ModalityInputs = {
  pixel_values: null,
  image_position_ids: null,
  image_grid_thw: null,
  pixel_values_videos: null,
  video_position_ids: null,
  num_frames_per_video: null,
  video_grid_thw: null,
  second_per_grid_ts: null,
  input_features: null,
  input_features_mask: null,
};

/** The inputs of one forward of a model beside its tokens. */
export interface CausalModelInputs extends ModalityInputs {
  readonly attention_masks: AttentionMasks;
  /** [B, S]; [B, S, kinds] of models with several kinds of positions. */
  readonly position_ids: IndexTensor;
  /** [B, S], which segment a token belongs to; null where a run does not say, and in forwards that continue a cache. */
  readonly token_type_ids: IndexTensor | null;
  readonly cache: KVCache | null;
  /** The number of last tokens whose logits are wanted; all when absent. */
  readonly logits_to_keep?: number;
}

/** The facts that the masks of a forward are made from, as the reference's `generate` prepares them. */
export interface MaskRequest extends MaskInputs {
  /** [B, S], 0 text, 1 image, 2 video, 3 audio; null in forwards that continue a cache. */
  readonly mm_token_type_ids: IndexTensor | null;
  /** [B, S], for older multimodal models 1 = image; null in forwards that continue a cache. */
  readonly token_type_ids?: IndexTensor | null;
}

/** The facts that positions may follow from besides the attention mask. */
export interface PositionRequest extends ModalityInputs {
  /** [B, S] of the whole sequence, 0 text, 1 image, 2 video, 3 audio; null where a run does not say. */
  readonly mm_token_type_ids: IndexTensor | null;
  /** False in forwards that continue a cache. */
  readonly is_first_iteration: boolean;
}

/**
 * The root of a model. It has no sites of its own; its output is the site `logits`: of a model without a head, the
 * hidden states.
 */
export abstract class RootModel<C extends object = object> extends ConfiguredModule<C> {
  /** The names of the modality tensors that the model takes. */
  abstract readonly modalities: readonly (keyof ModalityInputs)[];
  /** An empty cache for one batch; null of a model that keeps none. */
  abstract create_cache(): KVCache | null;
  abstract create_masks_for_generate(request: MaskRequest): AttentionMasks;
  /** input_ids [B, S] -> logits [B, S, vocabulary]. */
  abstract forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor;

  /**
   * Positions [B, S] of a whole sequence: `cumsum(attention_mask) - 1`, clamped at 0, so that padding on the left takes
   * none. Models whose tokens have several kinds of positions return [B, S, kinds].
   */
  create_position_ids(attention_mask: IndexTensor, _request: PositionRequest): IndexTensor {
    const [batch, length] = attention_mask.shape as [number, number];
    const positions = new Int32Array(attention_mask.data.length);
    for (let b = 0; b < batch; b++) {
      let seen = 0;
      for (let i = b * length; i < (b + 1) * length; i++) {
        seen += attention_mask.data[i]!;
        positions[i] = Math.max(seen - 1, 0);
      }
    }
    return indexTensor(attention_mask.shape, positions);
  }
}

/** The root of a model with a language-model head that continues a sequence. */
export abstract class CausalModel<C extends object = object> extends RootModel<C> {
  abstract override create_cache(): KVCache;
}
