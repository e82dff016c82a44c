/**
 * The config fields of Gemma 4's language models: layers that reuse the keys of others, and types of layers that differ
 * in head size and key heads. The defaults are those of the reference's classes where these agree. Source: transformers
 * 5.24.0, `models/gemma4/configuration_gemma4.py`.
 */
import { z } from "zod";
import { activation, count, layer_type, tokenId } from "./config_schema.ts";
import type { Size } from "./size.ts";
import { sizeOf } from "./size.ts";

const rope = z.strictObject({
  rope_type: z.enum(["default", "proportional"]).default("default"),
  rope_theta: z.number().positive(),
  partial_rotary_factor: z.number().nonnegative().optional(),
  factor: z.number().positive().optional(),
});

const layer_overrides = z.strictObject({ head_dim: count.optional(), num_key_value_heads: count.optional() });

/** The tokens that may look ahead: all of them, those of images, or none. */
export const bidirectional = z.enum(["all", "vision"]).nullable();

/**
 * All fields but those of which the defaults differ: `max_position_embeddings`, `sliding_window`,
 * `use_bidirectional_attention`.
 */
export const kv_sharing_fields = {
  vocab_size: count.default(262_144),
  hidden_size: count.default(2304),
  intermediate_size: count.default(9216),
  num_hidden_layers: count.default(30),
  num_attention_heads: count.default(8),
  num_key_value_heads: count.default(4),
  head_dim: count.default(256),
  hidden_activation: activation.default("gelu_pytorch_tanh"),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  rope_parameters: z.strictObject({ sliding_attention: rope.optional(), full_attention: rope.optional() }).nullish(),
  attention_bias: z.boolean().default(false),
  layer_types: z.array(layer_type).nullish(),
  final_logit_softcapping: z.number().positive().nullable().default(null),
  is_causal: z.boolean().optional(), // the reference writes what it derives
  attention_k_eq_v: z.boolean().default(false),
  num_kv_shared_layers: z.int().nonnegative().default(0),
  use_double_wide_mlp: z.boolean().default(false),
  global_head_dim: count.default(512),
  num_global_key_value_heads: count.nullable().default(null),
  per_layer_config: z.record(z.string().regex(/^\d+$/), layer_overrides).nullish(),
} satisfies z.ZodRawShape;

const default_rope_params: Record<z.output<typeof layer_type>, z.output<typeof rope>> = {
  sliding_attention: { rope_type: "default", rope_theta: 10_000 },
  full_attention: { rope_type: "proportional", partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
};

type Fields = z.output<z.ZodObject<typeof kv_sharing_fields>> & {
  readonly sliding_window: number;
  readonly use_bidirectional_attention: z.output<typeof bidirectional>;
};

/** The fields with the values that the reference's `__post_init__` derives. */
export function derive_layers<F extends Fields>(fields: F, context: z.RefinementCtx) {
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
}

/**
 * The part that each layer plays: null makes its own keys, "store" also keeps them for others, "reuse" reads those of
 * the last "store" layer of its type. Reading the config made sure that there is one.
 */
export function kv_sharing_modes(config: {
  readonly layer_types: readonly z.output<typeof layer_type>[];
  readonly num_hidden_layers: number;
  readonly num_kv_shared_layers: number;
}): ("store" | "reuse" | null)[] {
  const { layer_types, num_hidden_layers, num_kv_shared_layers } = config;
  const first_shared_layer = num_hidden_layers - num_kv_shared_layers;
  const producers = [...new Set(layer_types)].map((type) => layer_types.lastIndexOf(type, first_shared_layer - 1));
  return layer_types.map((_, i) => (i >= first_shared_layer ? "reuse" : producers.includes(i) ? "store" : null));
}

/** The width of a layer's MLP: twice the config's in layers that reuse keys when `use_double_wide_mlp`. */
export function mlp_size(
  config: Parameters<typeof kv_sharing_modes>[0] & { intermediate_size: number; use_double_wide_mlp: boolean },
  layer_idx: number,
): Size {
  const wide = config.use_double_wide_mlp && kv_sharing_modes(config)[layer_idx] === "reuse";
  return sizeOf(config, wide ? ["intermediate_size", 2] : "intermediate_size");
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
