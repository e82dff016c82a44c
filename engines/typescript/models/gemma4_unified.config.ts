/**
 * Configs of gemma4_unified, read beside transformers 5.24.0,
 * `models/gemma4_unified/configuration_gemma4_unified.py`. The defaults are those of the reference's classes.
 */
import { z } from "zod";
import { activation, config, layer_type, size, tokenId } from "../layers/config_schema.ts";

const rope = z.strictObject({
  rope_type: z.enum(["default", "proportional"]).default("default"),
  rope_theta: z.number().positive(),
  partial_rotary_factor: z.number().nonnegative().optional(),
  factor: z.number().positive().optional(),
});

const layer_overrides = z.strictObject({ head_dim: size.optional(), num_key_value_heads: size.optional() });

const text_fields = config({
  model_type: z.literal("gemma4_unified_text").default("gemma4_unified_text"),
  vocab_size: size.default(262_144),
  hidden_size: size.default(2304),
  intermediate_size: size.default(9216),
  num_hidden_layers: size.default(30),
  num_attention_heads: size.default(8),
  num_key_value_heads: size.default(4),
  head_dim: size.default(256),
  hidden_activation: activation.default("gelu_pytorch_tanh"),
  max_position_embeddings: size.default(262_144),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  rope_parameters: z.strictObject({ sliding_attention: rope.optional(), full_attention: rope.optional() }).nullish(),
  attention_bias: z.boolean().default(false),
  sliding_window: size.default(1024),
  layer_types: z.array(layer_type).nullish(),
  final_logit_softcapping: z.number().positive().nullable().default(null),
  is_causal: z.boolean().optional(), // the reference writes what it derives
  use_bidirectional_attention: z.enum(["all", "vision"]).nullable().default("vision"),
  attention_k_eq_v: z.boolean().default(false),
  num_kv_shared_layers: z.int().nonnegative().default(0),
  use_double_wide_mlp: z.boolean().default(false),
  global_head_dim: size.default(512),
  num_global_key_value_heads: size.nullable().default(null),
  per_layer_config: z.record(z.string().regex(/^\d+$/), layer_overrides).nullish(),
});

const default_rope_params: Record<z.output<typeof layer_type>, z.output<typeof rope>> = {
  sliding_attention: { rope_type: "default", rope_theta: 10_000 },
  full_attention: { rope_type: "proportional", partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
};

/** `Gemma4UnifiedTextConfig`: the values that the reference's `__post_init__` derives are filled in. */
export const Gemma4UnifiedTextConfig = text_fields.transform((fields, context) => {
  const { global_head_dim, num_global_key_value_heads, rope_parameters, ...config } = fields;
  const layers = config.num_hidden_layers;
  const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });

  // All tokens see each other: the window is given as the width of both sides.
  const is_causal = config.use_bidirectional_attention !== "all";
  if ((config.is_causal ?? is_causal) !== is_causal)
    refuse(
      "is_causal",
      `${config.is_causal} is implemented for use_bidirectional_attention "all" alone, and only false`,
    );
  const sliding_window = is_causal ? config.sliding_window : Math.floor(config.sliding_window / 2) + 1;

  const layer_types: z.output<typeof layer_type>[] =
    config.layer_types?.slice() ??
    Array.from({ length: layers }, (_, i) => ((i + 1) % 6 === 0 ? "full_attention" : "sliding_attention"));
  if (layer_types.length !== layers)
    refuse("layer_types", `expected ${layers} entries (num_hidden_layers), found ${layer_types.length}`);
  layer_types[layer_types.length - 1] = "full_attention"; // the reference forces it
  const rope = rope_parameters ?? default_rope_params;
  for (const type of new Set(layer_types))
    if (!rope[type]) refuse("rope_parameters", `no entry for layer type ${type}`);

  const kv_heads = config.attention_k_eq_v ? num_global_key_value_heads : null;
  const full_layer = { head_dim: global_head_dim, ...(kv_heads === null ? {} : { num_key_value_heads: kv_heads }) };
  const overrides: [number, z.output<typeof layer_overrides>][] = config.per_layer_config
    ? Object.entries(config.per_layer_config).map(([layer, values]) => [Number(layer), values])
    : layer_types.flatMap((type, layer) => (type === "full_attention" ? [[layer, full_layer]] : []));
  if (overrides.some(([layer]) => layer >= layers)) refuse("per_layer_config", `layers are 0 .. ${layers - 1}`);
  const own_keys = new Set(layer_types.slice(0, Math.max(layers - config.num_kv_shared_layers, 0)));
  for (const type of new Set(layer_types))
    if (!own_keys.has(type)) refuse("num_kv_shared_layers", `leaves no ${type} layer that makes keys`);
  return {
    ...config,
    is_causal,
    sliding_window,
    layer_types,
    rope_parameters: rope,
    per_layer_config: Object.fromEntries(overrides.map(([layer, values]) => [layer, different(values, config)])),
  };
});
export type Gemma4UnifiedTextConfig = z.output<typeof Gemma4UnifiedTextConfig>;

/** `Gemma4UnifiedVisionConfig`. */
export const Gemma4UnifiedVisionConfig = config({
  model_type: z.literal("gemma4_unified_vision").default("gemma4_unified_vision"),
  patch_size: size.default(16),
  pooling_kernel_size: size.default(3),
  mm_embed_dim: size.default(3840),
  mm_posemb_size: size.default(1120),
  rms_norm_eps: z.number().default(1e-6),
  output_proj_dims: size.default(3840),
  model_patch_size: size.optional(), // derived: patch_size * pooling_kernel_size
}).refine(
  ({ model_patch_size, patch_size, pooling_kernel_size }) =>
    model_patch_size === undefined || model_patch_size === patch_size * pooling_kernel_size,
  { path: ["model_patch_size"], message: "must be patch_size * pooling_kernel_size" },
);
export type Gemma4UnifiedVisionConfig = z.output<typeof Gemma4UnifiedVisionConfig>;

/** `Gemma4UnifiedAudioConfig`. */
export const Gemma4UnifiedAudioConfig = config({
  model_type: z.literal("gemma4_unified_audio").default("gemma4_unified_audio"),
  audio_embed_dim: size.default(640),
  rms_norm_eps: z.number().default(1e-6),
});
export type Gemma4UnifiedAudioConfig = z.output<typeof Gemma4UnifiedAudioConfig>;

/** `Gemma4UnifiedConfig`: the whole multimodal model. Without `vision_config` or `audio_config` it has no such embedder. */
export const Gemma4UnifiedConfig = config({
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

/**
 * Per layer: null makes its own keys, "store" also keeps them for others, "reuse" reads those of the last "store" layer of its type. Reading the config made
 * sure that there is one.
 */
export function kv_sharing_modes(config: Gemma4UnifiedTextConfig): ("store" | "reuse" | null)[] {
  const { layer_types, num_hidden_layers, num_kv_shared_layers } = config;
  const first_shared_layer = num_hidden_layers - num_kv_shared_layers;
  const producers = [...new Set(layer_types)].map((type) => layer_types.lastIndexOf(type, first_shared_layer - 1));
  return layer_types.map((_, i) => (i >= first_shared_layer ? "reuse" : producers.includes(i) ? "store" : null));
}

/** Overrides that differ from the model's value; the reference drops the others too. */
function different(
  values: z.output<typeof layer_overrides>,
  config: { head_dim: number; num_key_value_heads: number },
) {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([key, value]) => value !== undefined && value !== config[key as keyof typeof config],
    ),
  );
}
