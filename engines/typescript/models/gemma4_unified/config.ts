/**
 * Configs of gemma4_unified, read beside transformers 5.24.0, `models/gemma4_unified/configuration_gemma4_unified.py`.
 * The defaults are those of the reference's classes.
 */
import { z } from "zod";
import { configSchema, count, tokenId } from "../../layers/config_schema.ts";
import { bidirectional, derive_layers, kv_sharing_fields } from "../../layers/kv_sharing_config.ts";

/** `Gemma4UnifiedTextConfig`: the values that the reference's `__post_init__` derives are filled in. */
export const Gemma4UnifiedTextConfig = configSchema({
  model_type: z.literal("gemma4_unified_text").default("gemma4_unified_text"),
  ...kv_sharing_fields,
  max_position_embeddings: count.default(262_144),
  sliding_window: count.default(1024),
  use_bidirectional_attention: bidirectional.default("vision"),
}).transform(derive_layers);
export type Gemma4UnifiedTextConfig = z.output<typeof Gemma4UnifiedTextConfig>;

/** `Gemma4UnifiedVisionConfig`. */
export const Gemma4UnifiedVisionConfig = configSchema({
  model_type: z.literal("gemma4_unified_vision").default("gemma4_unified_vision"),
  patch_size: count.default(16),
  pooling_kernel_size: count.default(3),
  mm_embed_dim: count.default(3840),
  mm_posemb_size: count.default(1120),
  rms_norm_eps: z.number().default(1e-6),
  output_proj_dims: count.default(3840),
  model_patch_size: count.optional(), // derived: patch_size * pooling_kernel_size
}).refine(
  ({ model_patch_size, patch_size, pooling_kernel_size }) =>
    model_patch_size === undefined || model_patch_size === patch_size * pooling_kernel_size,
  { path: ["model_patch_size"], message: "must be patch_size * pooling_kernel_size" },
);
export type Gemma4UnifiedVisionConfig = z.output<typeof Gemma4UnifiedVisionConfig>;

/** `Gemma4UnifiedAudioConfig`. */
export const Gemma4UnifiedAudioConfig = configSchema({
  model_type: z.literal("gemma4_unified_audio").default("gemma4_unified_audio"),
  audio_embed_dim: count.default(640),
  rms_norm_eps: z.number().default(1e-6),
});
export type Gemma4UnifiedAudioConfig = z.output<typeof Gemma4UnifiedAudioConfig>;

/**
 * `Gemma4UnifiedConfig`: the whole multimodal model. Without `vision_config` or `audio_config` it has no such embedder.
 */
export const Gemma4UnifiedConfig = configSchema({
  model_type: z.literal("gemma4_unified").default("gemma4_unified"),
  text_config: Gemma4UnifiedTextConfig.prefault({}),
  vision_config: Gemma4UnifiedVisionConfig.nullable().default(null),
  audio_config: Gemma4UnifiedAudioConfig.nullable().default(null),
  boi_token_id: tokenId.default(255_999),
  eoi_token_id: tokenId.default(258_882),
  image_token_id: tokenId.default(258_880),
  video_token_id: tokenId.default(258_884),
  boa_token_id: tokenId.default(256_000),
  eoa_token_index: tokenId.default(258_883),
  audio_token_id: tokenId.default(258_881),
  tie_word_embeddings: z.boolean().default(true),
});
export type Gemma4UnifiedConfig = z.output<typeof Gemma4UnifiedConfig>;
