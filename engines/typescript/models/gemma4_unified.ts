/**
 * gemma4_unified with images, video and audio, read beside transformers 5.24.0, `models/gemma4_unified/modeling_gemma4_unified.py`: same classes,
 * same order, same names. `gemma4_unified_text.ts` holds the language model of that file.
 */
import { factorized_positions } from "../kernels/embedding.ts";
import type { CausalModelInputs, MaskRequest, ModalityInputs } from "../layers/causal_model.ts";
import { Linear } from "../layers/linear.ts";
import type { AttentionMasks } from "../layers/masks.ts";
import { block_sequence_ids } from "../layers/masks.ts";
import { Module } from "../layers/module.ts";
import type { RMSNorm } from "../layers/normalization.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { outOfRange } from "../layers/out_of_range.ts";
import type { Scope, Size } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, cast } from "../tensor/elementwise.ts";
import { countTrue, maskedScatter, selectRows, where } from "../tensor/select.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { ShapeError, expectShape, indexTensor, roundedTensor } from "../tensor/tensor.ts";
import type { Gemma4UnifiedConfig, Gemma4UnifiedTextConfig, Gemma4UnifiedVisionConfig } from "./gemma4_unified.config.ts";
import { Gemma4UnifiedCausalModel } from "./gemma4_unified_causal_lm.ts";
import { Gemma4UnifiedRMSNorm, Gemma4UnifiedTextModel } from "./gemma4_unified_text.ts";

/** Raw patches into the language model's space, without a vision tower: LN, dense, LN, + positions, LN, RMS norm, projection. */
export class Gemma4UnifiedVisionEmbedder extends Module {
  patch_ln1: LayerNorm;
  patch_dense: Linear;
  patch_ln2: LayerNorm;
  pos_embedding: Tensor;
  pos_norm: LayerNorm;
  multimodal_embedder: Gemma4UnifiedMultimodalEmbedder;

  constructor(vision_config: Gemma4UnifiedVisionConfig, text_config: Gemma4UnifiedTextConfig, at: Scope) {
    super(at);
    const config = at.read(vision_config);
    const patch = ["patch_size", "pooling_kernel_size"] as const;
    const patch_dim = size(config, ...patch, ...patch, 3); // the pixels of a merged patch
    const mm_embed_dim = size(config, "mm_embed_dim");
    this.patch_ln1 = new LayerNorm(at.child("patch_ln1"), { dim: patch_dim });
    this.patch_dense = new Linear(at.child("patch_dense"), { in: patch_dim, out: mm_embed_dim, bias: true });
    this.patch_ln2 = new LayerNorm(at.child("patch_ln2"), { dim: mm_embed_dim });
    this.pos_embedding = at.weight("pos_embedding", [size(config, "mm_posemb_size"), size(config, 2), mm_embed_dim]);
    this.pos_norm = new LayerNorm(at.child("pos_norm"), { dim: mm_embed_dim });
    this.multimodal_embedder = new Gemma4UnifiedMultimodalEmbedder(
      { hidden_size: size(config, "output_proj_dims"), eps: config.rms_norm_eps },
      text_config,
      at.child("multimodal_embedder"),
    );
  }

  /** pixel_values [images, patches, patch_dim], image_position_ids [images, patches, 2] -> last_hidden_state, pooler_output. */
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
export class Gemma4UnifiedMultimodalEmbedder extends Module {
  embedding_projection: Linear;
  embedding_pre_projection_norm: RMSNorm;

  constructor(multimodal: { hidden_size: Size; eps: number }, text_config: Gemma4UnifiedTextConfig, at: Scope) {
    super(at);
    const text_hidden_size = size(at.read(text_config), "hidden_size");
    const projection = { in: multimodal.hidden_size, out: text_hidden_size, bias: false };
    this.embedding_projection = new Linear(at.child("embedding_projection"), projection);
    const norm = { dim: multimodal.hidden_size, eps: multimodal.eps, with_scale: false };
    this.embedding_pre_projection_norm = new Gemma4UnifiedRMSNorm(at.child("embedding_pre_projection_norm"), norm);
  }

  forward(inputs_embeds: Tensor): Tensor {
    inputs_embeds = cast(inputs_embeds, this.embedding_projection.weight.dtype);
    return this.embedding_projection.call(this.embedding_pre_projection_norm.call(inputs_embeds));
  }
}

/** mm_token_type_ids [B, S] -> the number of the run of image or video tokens that a token lies in, -1 outside. */
export function get_block_sequence_ids_for_mask(mm_token_type_ids: IndexTensor): IndexTensor {
  return block_sequence_ids(mm_token_type_ids, (type) => type === 1 || type === 2);
}

/** Embeds tokens, images, video frames and sound, and runs the language model: input_ids [B, S] -> [B, S, hidden_size]. */
export class Gemma4UnifiedModel extends Module {
  image_token_id: number | null;
  video_token_id: number | null;
  audio_token_id: number | null;
  pad_token_id: number | null;
  language_model: Gemma4UnifiedTextModel;
  embed_vision: Gemma4UnifiedVisionEmbedder | null;
  embed_audio: Gemma4UnifiedMultimodalEmbedder | null;

  constructor(config: Gemma4UnifiedConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const { text_config, vision_config, audio_config } = config;
    this.image_token_id = config.image_token_id;
    this.video_token_id = config.video_token_id;
    this.audio_token_id = config.audio_token_id;
    this.pad_token_id = text_config.pad_token_id;
    this.language_model = new Gemma4UnifiedTextModel(text_config, at.child("language_model"));
    this.embed_vision =
      vision_config && new Gemma4UnifiedVisionEmbedder(vision_config, text_config, at.child("embed_vision"));
    const audio = audio_config && {
      hidden_size: size(audio_config, "audio_embed_dim"),
      eps: audio_config.rms_norm_eps,
    };
    this.embed_audio = audio && new Gemma4UnifiedMultimodalEmbedder(audio, text_config, at.child("embed_audio"));
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
    return this.language_model.call(null, inputs_embeds, inputs);
  }
}

/** The multimodal model: input_ids [B, S] and media -> logits [B, S, vocab_size]. */
export class Gemma4UnifiedForConditionalGeneration extends Gemma4UnifiedCausalModel {
  readonly modalities = [
    "pixel_values",
    "image_position_ids",
    "pixel_values_videos",
    "video_position_ids",
    "num_frames_per_video",
    "input_features",
    "input_features_mask",
  ] as const satisfies (keyof ModalityInputs)[];
  model: Gemma4UnifiedModel;
  lm_head: Linear;
  /** "vision": image and video tokens see the rest of their block, in sliding layers only. */
  use_bidirectional_attention: "all" | "vision" | null;

  constructor(config: Gemma4UnifiedConfig, at: Scope) {
    super(config.text_config, at);
    config = at.read(config);
    const { text_config } = config;
    this.use_bidirectional_attention = text_config.use_bidirectional_attention;
    this.model = new Gemma4UnifiedModel(config, at.child("model"));
    const { weight } = this.model.language_model.embed_tokens;
    const tied = { tied: { name: "model.language_model.embed_tokens.weight", weight } };
    const sizes = { in: size(text_config, "hidden_size"), out: size(text_config, "vocab_size"), bias: false };
    this.lm_head = new Linear(at.child("lm_head"), { ...sizes, ...(config.tie_word_embeddings ? tied : {}) });
  }

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
