/** The parts that config schemas have in common. The defaults are each class's own and stand in its file. */
import { z } from "zod";
import { activations } from "../kernels/activations.ts";

/** Keys that change nothing in a forward, of every config. */
const inert = [
  "_name_or_path _model_name_or_path name_or_path _commit_hash architectures transformers_version auto_map",
  "dtype torch_dtype return_dict output_hidden_states output_attentions use_cache cache_implementation",
  "chunk_size_feed_forward is_encoder_decoder is_decoder id2label label2id num_labels problem_type",
  "attn_implementation experts_implementation tie_last_hidden_states pretraining_tp initializer_range",
  "allow_global_per_layer_attribute_access serialize_explicit_per_layer_config",
  "bos_token_id eos_token_id unk_token_id sep_token_id cls_token_id",
  "output_router_logits router_aux_loss_coef router_jitter_noise",
  "attention_dropout resid_pdrop embd_pdrop attn_pdrop hidden_dropout classifier_dropout attention_probs_dropout_prob",
].flatMap((line) => line.split(" "));

/**
 * An object of exactly `shape`'s keys and the inert ones, which are dropped. An absent key takes the default of its
 * schema.
 */
export function configSchema<S extends z.ZodRawShape>(shape: S) {
  const drop = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => !inert.includes(key) || Object.hasOwn(shape, key)))
      : value;
  return z.preprocess(drop, z.strictObject(shape));
}

/** A number of things, such as layers, heads or channels. */
export const count = z.int().positive();
/** A number that may be infinite, which JSON can't hold: transformers writes `{"__float__": "Infinity"}`. */
export const float = z.union([
  z.number(),
  z.strictObject({ __float__: z.enum(["Infinity", "-Infinity"]) }).transform(({ __float__ }) => Number(__float__)),
]);
export const tokenId = z.int().nonnegative().nullable();
export const layer_type = z.enum(["sliding_attention", "full_attention"]);
export type LayerType = z.output<typeof layer_type>;
export const activation = z.enum(Object.keys(activations) as (keyof typeof activations)[]);

const number = z.number();
const factors = z.array(z.number().positive());

/** `rope_parameters` of a config, or its older `rope_scaling`. */
export const rope_parameters = z.strictObject({
  rope_type: z.enum(["default", "linear", "dynamic", "yarn", "llama3", "longrope"]).optional(),
  type: z.enum(["default", "linear", "dynamic", "yarn", "llama3", "longrope"]).optional(), // the older name
  rope_theta: number.positive().optional(),
  partial_rotary_factor: number.positive().max(1).optional(),
  factor: number.positive().nullable().optional(),
  original_max_position_embeddings: count.optional(),
  attention_factor: number.nullable().optional(),
  beta_fast: number.optional(),
  beta_slow: number.optional(),
  mscale: number.optional(),
  mscale_all_dim: number.optional(),
  truncate: z.boolean().optional(),
  low_freq_factor: number.optional(),
  high_freq_factor: number.optional(),
  short_factor: factors.optional(),
  long_factor: factors.optional(),
});

/** The fields that say how a model of one kind of rope rotates, new and old. */
export const rope_fields = {
  rope_parameters: rope_parameters.nullish(),
  rope_scaling: rope_parameters.nullish(),
  rope_theta: number.positive().optional(),
  partial_rotary_factor: number.positive().max(1).optional(),
};

interface RopeFields extends z.output<z.ZodObject<typeof rope_fields>> {
  readonly max_position_embeddings: number;
}

/**
 * The rope parameters in one place, as the reference's `convert_rope_params_to_dict` leaves them. `default_theta` is
 * the class's own. Source: transformers 5.24.0, `modeling_rope_utils.py`, `RotaryEmbeddingConfigMixin`.
 */
export function standardize_rope_params<F extends RopeFields>(fields: F, default_theta = 10_000) {
  const { rope_parameters: current, rope_scaling, rope_theta, partial_rotary_factor, ...config } = fields;
  const { type, ...rope } = (rope_scaling ?? current ?? {}) as z.output<typeof rope_parameters>;
  const rope_type = rope.rope_type ?? type ?? "default";
  const partial = rope.partial_rotary_factor ?? partial_rotary_factor;
  const original =
    rope.original_max_position_embeddings ??
    (["yarn", "llama3", "longrope"].includes(rope_type) ? config.max_position_embeddings : undefined);
  return {
    ...config,
    rope_parameters: {
      ...rope,
      rope_type,
      rope_theta: rope.rope_theta ?? rope_theta ?? default_theta,
      ...(partial === undefined ? {} : { partial_rotary_factor: partial }),
      ...(original === undefined ? {} : { original_max_position_embeddings: original }),
    },
  };
}

/** Fields, their names separated by spaces, that checkpoints hold and a forward does not read, whatever they say. */
export function unread(names: string): Record<never, z.ZodOptional<z.ZodUnknown>> {
  return Object.fromEntries(names.split(" ").map((name) => [name, z.unknown().optional()]));
}

interface HeadFields {
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number | null | undefined;
  readonly head_dim?: number | null | undefined;
}

/**
 * `head_dim` and `num_key_value_heads`, also of a config without them: the width split among the heads, and as many key
 * heads.
 */
export function derive_heads({ hidden_size, num_attention_heads, num_key_value_heads, head_dim }: HeadFields) {
  return {
    head_dim: head_dim ?? Math.floor(hidden_size / num_attention_heads),
    num_key_value_heads: num_key_value_heads ?? num_attention_heads,
  };
}

/** The types of layers that are all alike: sliding ones where there is a window. */
export function alike({
  num_hidden_layers,
  sliding_window = null,
}: {
  readonly num_hidden_layers: number;
  readonly sliding_window?: number | null;
}): LayerType[] {
  const layer_type = sliding_window === null ? "full_attention" : "sliding_attention";
  return Array.from({ length: num_hidden_layers }, () => layer_type);
}

interface LayerFields {
  readonly num_hidden_layers: number;
  readonly layer_types?: readonly LayerType[] | null | undefined;
  readonly sliding_window: number | null;
}

/**
 * `layer_types`, or what `derive` gives for each layer; refuses a list of another length, and sliding layers without a
 * window.
 */
export function layerTypes(
  { num_hidden_layers, layer_types: given, sliding_window }: LayerFields,
  context: z.RefinementCtx,
  derive: (layer: number) => LayerType,
): LayerType[] {
  const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  const layer_types = given?.slice() ?? Array.from({ length: num_hidden_layers }, (_, layer) => derive(layer));
  if (layer_types.length !== num_hidden_layers)
    refuse("layer_types", `expected ${num_hidden_layers} entries (num_hidden_layers), found ${layer_types.length}`);
  if (sliding_window === null && layer_types.includes("sliding_attention"))
    refuse("sliding_window", "sliding_attention layers need one");
  return layer_types;
}
