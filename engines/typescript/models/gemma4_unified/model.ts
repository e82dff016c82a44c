/**
 * gemma4_unified with images, video and audio, read beside transformers 5.24.0,
 * `models/gemma4_unified/modeling_gemma4_unified.py`: same classes, order and names. `text.ts` holds the language model
 * of that file.
 */
import { factorized_positions } from "../../kernels/embedding.ts";
import type { CausalModelInputs, MaskRequest, ModalityInputs } from "../../layers/causal_model.ts";
import { ConfiguredModule } from "../../layers/configured_module.ts";
import type { AttentionMasks } from "../../layers/masks.ts";
import { block_sequence_ids } from "../../layers/masks.ts";
import type { Linear } from "../../layers/linear.ts";
import { LayerNorm } from "../../layers/normalization.ts";
import { outOfRange } from "../../layers/out_of_range.ts";
import type { Scope } from "../../layers/scope.ts";
import type { Size } from "../../layers/size.ts";
import { add, cast } from "../../tensor/elementwise.ts";
import { countTrue, maskedScatter, selectRows, where } from "../../tensor/select.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import { ShapeError, expectShape, indexTensor, roundedTensor } from "../../tensor/tensor.ts";
import type { Gemma4UnifiedConfig, Gemma4UnifiedTextConfig, Gemma4UnifiedVisionConfig } from "./config.ts";
import { Gemma4UnifiedCausalModel } from "./causal_lm.ts";
import { Gemma4UnifiedRMSNorm, Gemma4UnifiedTextModel } from "./text.ts";

/**
 * Raw patches into the language model's space, without a vision tower: LN, dense, LN, + positions, LN, RMS norm,
 * projection.
 */
export class Gemma4UnifiedVisionEmbedder extends ConfiguredModule<Gemma4UnifiedVisionConfig> {
  /** The pixels of a merged patch. */
  patch_dim = this.at.size(["patch_size", "pooling_kernel_size", "patch_size", "pooling_kernel_size", 3]);
  patch_ln1 = this.at.norm("patch_ln1", LayerNorm, this.patch_dim, { eps: 1e-5 });
  patch_dense = this.at.linear("patch_dense", this.patch_dim, "mm_embed_dim");
  patch_ln2 = this.at.norm("patch_ln2", LayerNorm, "mm_embed_dim", { eps: 1e-5 });
  pos_embedding = this.at.parameter("pos_embedding", "mm_posemb_size", 2, "mm_embed_dim");
  pos_norm = this.at.norm("pos_norm", LayerNorm, "mm_embed_dim", { eps: 1e-5 });
  multimodal_embedder: Gemma4UnifiedMultimodalEmbedder;

  constructor(at: Scope, vision_config: Gemma4UnifiedVisionConfig, text_config: Gemma4UnifiedTextConfig) {
    super(at, vision_config);
    this.multimodal_embedder = new Gemma4UnifiedMultimodalEmbedder(at.child("multimodal_embedder"), text_config, {
      width: this.at.size("output_proj_dims"),
      eps: this.config.rms_norm_eps,
    });
  }

  /**
   * pixel_values [images, patches, patch_dim], image_position_ids [images, patches, 2] -> last_hidden_state,
   * pooler_output.
   */
  forward(
    pixel_values: Tensor,
    image_position_ids: IndexTensor,
  ): readonly [last_hidden_state: Tensor, pooler_output: Tensor] {
    pixel_values = cast(pixel_values, this.patch_dense.weight.dtype);
    let hidden_states = this.patch_ln1.call(pixel_values);
    hidden_states = this.patch_dense.call(hidden_states);
    hidden_states = this.patch_ln2.call(hidden_states); // [images, patches, mm_embed_dim]
    hidden_states = add(hidden_states, this.pos_embs(image_position_ids));
    hidden_states = this.pos_norm.call(hidden_states);
    return [hidden_states, this.multimodal_embedder.call(hidden_states)]; // pooled: [images, patches, hidden_size]
  }

  /** The sum of the x and the y embedding of each patch; padding patches (-1) get zeros. */
  pos_embs(image_position_ids: IndexTensor): Tensor {
    const [places, axes, width] = this.pos_embedding.shape as [number, number, number];
    expectShape("patch positions", image_position_ids.shape, image_position_ids.shape.with(-1, axes));
    const outside = image_position_ids.data.find((position) => position >= places);
    if (outside !== undefined) throw outOfRange(this.path, "patch position", { found: outside, count: places });
    const shape = image_position_ids.shape.with(-1, width);
    const { data, dtype } = this.pos_embedding;
    const pos_embs = data && factorized_positions(data, image_position_ids.data, { axes, width });
    return roundedTensor(shape, pos_embs, dtype);
  }
}

/** Embeds soft tokens of an image or a sound into the language model's space. */
export class Gemma4UnifiedMultimodalEmbedder extends ConfiguredModule<Gemma4UnifiedTextConfig> {
  embedding_projection: Linear;
  embedding_pre_projection_norm: Gemma4UnifiedRMSNorm;

  constructor(at: Scope, text_config: Gemma4UnifiedTextConfig, { width, eps }: SoftTokens) {
    super(at, text_config);
    this.embedding_projection = this.at.linear("embedding_projection", width, "hidden_size", { bias: false });
    this.embedding_pre_projection_norm = this.at.norm("embedding_pre_projection_norm", Gemma4UnifiedRMSNorm, width, {
      eps,
      with_scale: false,
    });
  }

  forward(inputs_embeds: Tensor): Tensor {
    inputs_embeds = cast(inputs_embeds, this.embedding_projection.weight.dtype);
    return this.embedding_projection.call(this.embedding_pre_projection_norm.call(inputs_embeds));
  }
}

/** The width of the soft tokens of one modality, and the eps of their norm. */
interface SoftTokens {
  readonly width: Size;
  readonly eps: number;
}

/** mm_token_type_ids [B, S] -> the number of the run of image or video tokens that a token lies in, -1 outside. */
export function get_block_sequence_ids_for_mask(mm_token_type_ids: IndexTensor): IndexTensor {
  return block_sequence_ids(mm_token_type_ids, (type) => type === 1 || type === 2);
}

/**
 * Embeds tokens, images, video frames and sound, and runs the language model: input_ids [B, S] -> [B, S, hidden_size].
 */
export class Gemma4UnifiedModel extends ConfiguredModule<Gemma4UnifiedConfig> {
  image_token_id = this.config.image_token_id;
  video_token_id = this.config.video_token_id;
  audio_token_id = this.config.audio_token_id;
  pad_token_id = this.config.text_config.pad_token_id;
  language_model = new Gemma4UnifiedTextModel(this.at.child("language_model"), this.config.text_config);
  embed_vision = this.vision_embedder(this.config);
  embed_audio = this.audio_embedder(this.config);

  vision_embedder({ vision_config, text_config }: Gemma4UnifiedConfig): Gemma4UnifiedVisionEmbedder | null {
    return vision_config && new Gemma4UnifiedVisionEmbedder(this.at.child("embed_vision"), vision_config, text_config);
  }

  audio_embedder({ audio_config, text_config }: Gemma4UnifiedConfig): Gemma4UnifiedMultimodalEmbedder | null {
    if (audio_config === null) return null;
    return new Gemma4UnifiedMultimodalEmbedder(this.at.child("embed_audio"), text_config, {
      width: this.at.with(audio_config).size("audio_embed_dim"),
      eps: audio_config.rms_norm_eps,
    });
  }

  /** Soft tokens of images or video frames without padding patches: [valid patches, hidden_size]. */
  get_image_features(pixel_values: Tensor, image_position_ids: IndexTensor): Tensor {
    const [, pooler_output] = this.embed_vision!.call(pixel_values, image_position_ids);
    return selectRows(pooler_output, this.non_pad_mask(image_position_ids));
  }

  /** [images, patches], 1 = a patch with a position on every axis. */
  non_pad_mask(image_position_ids: IndexTensor): IndexTensor {
    const axes = image_position_ids.size(-1);
    const padding = (patch: number) => image_position_ids.data.subarray(patch * axes, (patch + 1) * axes).includes(-1);
    const patches = indexTensor(image_position_ids.shape.slice(0, -1), new Int32Array(image_position_ids.rows));
    return where(patches, (_, patch) => !padding(patch));
  }

  /** Soft tokens of the real audio frames: [valid frames, hidden_size]. */
  get_audio_features(input_features: Tensor, input_features_mask: IndexTensor): Tensor {
    return selectRows(this.embed_audio!.call(input_features), input_features_mask);
  }

  get_placeholder_mask(input_ids: IndexTensor): {
    image_mask: IndexTensor;
    video_mask: IndexTensor;
    audio_mask: IndexTensor;
  } {
    return {
      image_mask: where(input_ids, (id) => id === this.image_token_id),
      video_mask: where(input_ids, (id) => id === this.video_token_id),
      audio_mask: where(input_ids, (id) => id === this.audio_token_id),
    };
  }

  /** input_ids with placeholders replaced by the padding token: their ids may lie outside the vocabulary. */
  replace_placeholders(input_ids: IndexTensor, masks: readonly IndexTensor[]): IndexTensor {
    const pad = this.pad_token_id;
    const data = input_ids.data.map((id, i) => (pad !== null && masks.some((mask) => mask.data[i] === 1) ? pad : id));
    return indexTensor(input_ids.shape, data);
  }

  /** Features in place of their placeholder tokens. Throws ShapeError when their numbers differ. */
  merge_features(inputs_embeds: Tensor, mask: IndexTensor, features: Tensor): Tensor {
    const expected = [countTrue(mask), features.size(-1)];
    if (features.size(0) !== expected[0])
      throw new ShapeError("soft tokens for the placeholders of input_ids", { expected, found: features.shape });
    return maskedScatter(inputs_embeds, mask, features);
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const { image_mask, video_mask, audio_mask } = this.get_placeholder_mask(input_ids);
    const llm_input_ids = this.replace_placeholders(input_ids, [image_mask, video_mask, audio_mask]);
    let inputs_embeds = this.language_model.embed_tokens.call(llm_input_ids); // [B, S, hidden_size]
    const { pixel_values, image_position_ids, pixel_values_videos, video_position_ids } = inputs;
    const { input_features, input_features_mask } = inputs;
    if (pixel_values && image_position_ids) {
      const features = this.get_image_features(pixel_values, image_position_ids);
      inputs_embeds = this.merge_features(inputs_embeds, image_mask, features);
    }
    if (pixel_values_videos && video_position_ids) {
      const features = this.get_image_features(pixel_values_videos, video_position_ids);
      inputs_embeds = this.merge_features(inputs_embeds, video_mask, features);
    }
    if (input_features && input_features_mask) {
      const features = this.get_audio_features(input_features, input_features_mask);
      inputs_embeds = this.merge_features(inputs_embeds, audio_mask, features);
    }
    return this.language_model.call(null, inputs, inputs_embeds);
  }
}

/** The multimodal model: input_ids [B, S] and media -> logits [B, S, vocab_size]. */
export class Gemma4UnifiedForConditionalGeneration extends Gemma4UnifiedCausalModel<Gemma4UnifiedConfig> {
  readonly modalities = [
    "pixel_values",
    "image_position_ids",
    "pixel_values_videos",
    "video_position_ids",
    "num_frames_per_video",
    "input_features",
    "input_features_mask",
  ] as const satisfies (keyof ModalityInputs)[];
  model = this.at.module("model", Gemma4UnifiedModel);
  lm_head = this.at.with(this.text_config).linear("lm_head", "hidden_size", "vocab_size", {
    bias: false,
    tied: this.config.tie_word_embeddings ? { weight: "model.language_model.embed_tokens.weight" } : null,
  });
  /** "vision": image and video tokens see the rest of their block, in sliding layers only. */
  use_bidirectional_attention = this.text_config.use_bidirectional_attention;

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    return this.softcap_logits(this.lm_head.call(this.model.call(input_ids, inputs))); // [B, S, vocab_size]
  }

  override create_masks_for_generate(request: MaskRequest): AttentionMasks {
    const { mm_token_type_ids } = request;
    if (this.use_bidirectional_attention !== "vision" || mm_token_type_ids === null)
      return super.create_masks_for_generate(request);
    return this.create_masks_for_vision_model(request, get_block_sequence_ids_for_mask(mm_token_type_ids));
  }

  /** Full layers stay causal; sliding layers: window AND (causal OR same block). */
  create_masks_for_vision_model(request: MaskRequest, block_sequence_ids: IndexTensor): AttentionMasks {
    return {
      full_attention: this.masks.create_causal_mask(request),
      sliding_attention: this.masks.create_sliding_window_block_mask(request, block_sequence_ids),
    };
  }
}
