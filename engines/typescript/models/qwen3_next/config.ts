/** The config of qwen3_next, read beside transformers 5.24.0, `models/qwen3_next/configuration_qwen3_next.py`. */
import { z } from "zod";
import {
  activation,
  configSchema,
  count,
  rope_fields,
  standardize_rope_params,
  tokenId,
} from "../../layers/config_schema.ts";

/** `Qwen3NextConfig`, with its defaults. */
export const Qwen3NextConfig = configSchema({
  model_type: z.literal("qwen3_next").default("qwen3_next"),
  vocab_size: count.default(151_936),
  hidden_size: count.default(2048),
  intermediate_size: count.default(5632),
  num_hidden_layers: count.default(48),
  num_attention_heads: count.default(16),
  num_key_value_heads: count.default(2),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(32_768),
  rms_norm_eps: z.number().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  partial_rotary_factor: rope_fields.partial_rotary_factor.default(0.25),
  attention_bias: z.boolean().default(false),
  head_dim: count.default(256),
  linear_conv_kernel_dim: count.default(4),
  linear_key_head_dim: count.default(128),
  linear_value_head_dim: count.default(128),
  linear_num_key_heads: count.default(16),
  linear_num_value_heads: count.default(32),
  decoder_sparse_step: count.default(1),
  moe_intermediate_size: count.default(512),
  shared_expert_intermediate_size: count.default(512),
  num_experts_per_tok: count.default(10),
  num_experts: z.int().nonnegative().default(512),
  norm_topk_prob: z.boolean().default(true),
  mlp_only_layers: z.array(z.int().nonnegative()).nullish(),
  layer_types: z.array(z.enum(["linear_attention", "full_attention"])).nullish(),
  full_attention_interval: count.default(4), // of older configs, which have no layer_types
  pad_token_id: tokenId.default(null),
}).transform(({ full_attention_interval, layer_types, ...fields }, context) => {
  const { num_hidden_layers, num_experts, decoder_sparse_step } = fields;
  const types =
    layer_types ??
    Array.from({ length: num_hidden_layers }, (_, i) =>
      (i + 1) % full_attention_interval === 0 ? "full_attention" : "linear_attention",
    );
  if (types.length !== num_hidden_layers)
    context.addIssue({
      code: "custom",
      path: ["layer_types"],
      message: `expected ${num_hidden_layers} entries (num_hidden_layers), found ${types.length}`,
    });
  const mlp_only_layers = fields.mlp_only_layers ?? [];
  return {
    ...standardize_rope_params(fields),
    mlp_only_layers,
    layer_types: types,
    /** Layers whose MLP is a mixture of experts. */
    sparse_layers: types.map(
      (_, i) => !mlp_only_layers.includes(i) && num_experts > 0 && (i + 1) % decoder_sparse_step === 0,
    ),
  };
});
export type Qwen3NextConfig = z.output<typeof Qwen3NextConfig>;
