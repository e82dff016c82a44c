/**
 * Configs of qwen2_5_vl, read beside transformers 5.24.0, `models/qwen2_5_vl/configuration_qwen2_5_vl.py`. The defaults
 * are those of the reference's classes.
 */
import { z } from "zod";
import {
  activation,
  configSchema,
  count,
  layer_type,
  layerTypes,
  rope_fields,
  rope_parameters,
  standardize_rope_params,
  tokenId,
} from "../../layers/config_schema.ts";

/** `Qwen2_5_VLVisionConfig`; `num_heads` and `depth` also under the names that its `attribute_map` has. */
export const Qwen2_5_VLVisionConfig = configSchema({
  model_type: z.enum(["qwen2_5_vl_vision", "qwen2_5_vl"]).default("qwen2_5_vl_vision"), // the latter in older configs
  depth: count.default(32),
  hidden_size: count.default(3584),
  hidden_act: activation.default("silu"),
  intermediate_size: count.default(3420),
  num_heads: count.default(16),
  in_channels: count.default(3),
  patch_size: count.default(14),
  spatial_merge_size: count.default(2),
  temporal_patch_size: count.default(2),
  tokens_per_second: z.number().positive().default(4),
  window_size: count.default(112),
  out_hidden_size: count.default(3584),
  fullatt_block_indexes: z.array(z.int().nonnegative()).default([7, 15, 23, 31]),
  rope_parameters: z
    .strictObject({ rope_type: z.literal("axial").default("axial"), rope_theta: z.number().positive().default(10_000) })
    .prefault({}),
  in_chans: z.unknown().optional(), // in checkpoints; the reference does not read these two
  spatial_patch_size: z.unknown().optional(),
}).transform(({ in_chans: _channels, spatial_patch_size: _patch, ...fields }) => ({
  ...fields,
  num_attention_heads: fields.num_heads,
  num_key_value_heads: fields.num_heads,
  head_dim: Math.floor(fields.hidden_size / fields.num_heads),
}));
export type Qwen2_5_VLVisionConfig = z.output<typeof Qwen2_5_VLVisionConfig>;

const multimodal_rope = rope_parameters.extend({
  rope_type: z.enum([...rope_parameters.shape.rope_type.unwrap().options, "mrope"]).optional(),
  type: z.enum([...rope_parameters.shape.type.unwrap().options, "mrope"]).optional(),
  mrope_section: z.array(count).optional(),
});

const text_fields = {
  vocab_size: count.default(152_064),
  hidden_size: count.default(8192),
  intermediate_size: count.default(29_568),
  num_hidden_layers: count.default(80),
  num_attention_heads: count.default(64),
  num_key_value_heads: count.nullable().default(8),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(32_768),
  rms_norm_eps: z.number().default(1e-5),
  ...rope_fields,
  rope_parameters: multimodal_rope.nullish(),
  rope_scaling: multimodal_rope.nullish(),
  use_sliding_window: z.boolean().nullable().default(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: z.int().nonnegative().nullable().default(80),
  layer_types: z.array(layer_type).nullish(),
  pad_token_id: tokenId.default(null),
};

/** `Qwen2_5_VLTextConfig`. */
export const Qwen2_5_VLTextConfig = configSchema({
  model_type: z.literal("qwen2_5_vl_text").default("qwen2_5_vl_text"),
  ...text_fields,
  tie_word_embeddings: z.boolean().default(false), // read by the whole model's config
}).transform((given, context) => {
  const { mrope_section = [16, 24, 24], ...rope } = given.rope_scaling ?? given.rope_parameters ?? {};
  const { partial_rotary_factor: _unused, ...fields } = given;
  // "mrope" is the default kind, of which the sections say more.
  const plain = (type: typeof rope.type) => (type === "mrope" ? "default" : type);
  const rope_parameters = { ...rope, rope_type: plain(rope.rope_type ?? rope.type), type: undefined };
  const sliding_window = fields.use_sliding_window ? fields.sliding_window : null;
  const head_dim = Math.floor(fields.hidden_size / fields.num_attention_heads);
  if (mrope_section.reduce((sum, width) => sum + width, 0) !== head_dim / 2)
    context.addIssue({
      code: "custom",
      path: ["rope_parameters", "mrope_section"],
      message: `expected sections of ${head_dim / 2} frequencies in all (half of head_dim), found ${mrope_section.join(" + ")}`,
    });
  return {
    ...standardize_rope_params({ ...fields, rope_scaling: null, rope_parameters }, 1_000_000),
    mrope_section,
    sliding_window,
    head_dim,
    num_key_value_heads: fields.num_key_value_heads ?? fields.num_attention_heads,
    layer_types: layerTypes({ ...fields, sliding_window }, context, (i) =>
      sliding_window !== null && i >= (fields.max_window_layers ?? 0) ? "sliding_attention" : "full_attention",
    ),
  };
});
export type Qwen2_5_VLTextConfig = z.output<typeof Qwen2_5_VLTextConfig>;

/** `Qwen2_5_VLConfig`; checkpoints have the fields of the text config beside those of the whole model. */
export const Qwen2_5_VLConfig = z.preprocess(
  nest_text_config,
  configSchema({
    model_type: z.literal("qwen2_5_vl").default("qwen2_5_vl"),
    text_config: Qwen2_5_VLTextConfig.prefault({}),
    vision_config: Qwen2_5_VLVisionConfig.prefault({}),
    image_token_id: tokenId.default(151_655),
    video_token_id: tokenId.default(151_656),
    vision_start_token_id: tokenId.default(151_652),
    vision_end_token_id: tokenId.default(151_653),
    vision_token_id: tokenId.optional(), // in checkpoints; the reference does not read it
    tie_word_embeddings: z.boolean().default(false),
  }).transform(({ vision_token_id: _unread, ...fields }) => ({
    ...fields,
    tie_word_embeddings: fields.tie_word_embeddings || fields.text_config.tie_word_embeddings,
  })),
);
export type Qwen2_5_VLConfig = z.output<typeof Qwen2_5_VLConfig>;

function nest_text_config(json: unknown): unknown {
  if (typeof json !== "object" || json === null || ("text_config" in json && json.text_config)) return json;
  const of_text = ([key]: [string, unknown]): boolean => Object.hasOwn(text_fields, key);
  const entries = Object.entries(json);
  const text_config = Object.fromEntries(entries.filter(of_text));
  return { ...Object.fromEntries(entries.filter((entry) => !of_text(entry))), text_config };
}
