/** The config of whisper, read beside transformers 5.24.0, `models/whisper/configuration_whisper.py`. */
import { z } from "zod";
import { activation, configSchema, count, tokenId, unread } from "../../layers/config_schema.ts";

/** `WhisperConfig`, with its defaults; sizes also under the names of other models, as its `attribute_map` has them. */
export const WhisperConfig = configSchema({
  model_type: z.literal("whisper").default("whisper"),
  vocab_size: count.default(51_865),
  num_mel_bins: count.default(80),
  encoder_layers: count.default(4),
  encoder_attention_heads: count.default(6),
  decoder_layers: count.default(4),
  decoder_attention_heads: count.default(6),
  decoder_ffn_dim: count.default(1536),
  encoder_ffn_dim: count.default(1536),
  activation_function: activation.default("gelu"),
  d_model: count.default(384),
  max_source_positions: count.default(1500),
  max_target_positions: count.default(448),
  pad_token_id: tokenId.default(50_256),
  tie_word_embeddings: z.boolean().default(true),
  // Of training, of generation, of other heads and time stamps; `scale_embedding` the reference does not use either.
  ...unread("encoder_layerdrop decoder_layerdrop dropout activation_dropout apply_spec_augment mask_time_prob"),
  ...unread(
    "mask_time_length mask_time_min_masks mask_feature_prob mask_feature_length mask_feature_min_masks init_std",
  ),
  ...unread("decoder_start_token_id suppress_tokens begin_suppress_tokens forced_decoder_ids max_length"),
  ...unread("use_weighted_layer_sum classifier_proj_size median_filter_width scale_embedding"),
}).transform((config) => ({
  ...config,
  max_position_embeddings: config.max_target_positions,
  num_attention_heads: config.encoder_attention_heads,
  num_key_value_heads: config.encoder_attention_heads,
  head_dim: Math.floor(config.d_model / config.encoder_attention_heads),
}));
export type WhisperConfig = z.output<typeof WhisperConfig>;
