/** Configs of deepseek_v3. Source: transformers 5.24.0, `models/deepseek_v3/configuration_deepseek_v3.py`. */
import { z } from "zod";
import {
  activation,
  alike,
  configSchema,
  count,
  rope_fields,
  standardize_rope_params,
  tokenId,
} from "../../layers/config_schema.ts";

/** `DeepseekV3Config`, with its defaults. */
export const DeepseekV3Config = configSchema({
  model_type: z.literal("deepseek_v3").default("deepseek_v3"),
  vocab_size: count.default(129_280),
  hidden_size: count.default(7168),
  intermediate_size: count.default(18_432),
  moe_intermediate_size: count.default(2048),
  num_hidden_layers: count.default(61),
  num_attention_heads: count.default(128),
  num_key_value_heads: count.nullable().default(128),
  n_shared_experts: count.default(1),
  n_routed_experts: count.default(256),
  routed_scaling_factor: z.number().default(2.5),
  kv_lora_rank: count.default(512),
  q_lora_rank: count.nullable().default(1536),
  qk_rope_head_dim: count.default(64),
  v_head_dim: count.default(128),
  qk_nope_head_dim: count.default(128),
  n_group: count.default(8),
  topk_group: count.default(4),
  num_experts_per_tok: count.default(8),
  first_k_dense_replace: z.int().nonnegative().default(3),
  norm_topk_prob: z.boolean().default(true),
  hidden_act: activation.default("silu"),
  max_position_embeddings: count.default(4096),
  rms_norm_eps: z.number().default(1e-6),
  pad_token_id: tokenId.default(null),
  tie_word_embeddings: z.boolean().default(false),
  ...rope_fields,
  rope_interleave: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  // Written by the reference: what follows from other fields.
  head_dim: count.optional(),
  qk_head_dim: count.optional(),
  // In published checkpoints; the reference knows only what these say there.
  scoring_func: z.literal("sigmoid").optional(),
  topk_method: z.literal("noaux_tc").optional(),
  moe_layer_freq: z.literal(1).optional(),
  // Of training, of expert parallelism, and of layers that predict further tokens.
  aux_loss_alpha: z.number().optional(),
  seq_aux: z.boolean().optional(),
  ep_size: z.int().optional(),
  num_nextn_predict_layers: z.int().nonnegative().optional(),
}).transform((fields, context) => {
  const { num_attention_heads, n_routed_experts, n_group } = fields;
  const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  const num_key_value_heads = fields.num_key_value_heads ?? num_attention_heads;
  if (num_key_value_heads !== num_attention_heads)
    refuse("num_key_value_heads", `latent attention has one per query head, ${num_attention_heads}`);
  const { head_dim = fields.qk_rope_head_dim } = fields;
  if (head_dim !== fields.qk_rope_head_dim)
    refuse("head_dim", `is what rotates, qk_rope_head_dim ${fields.qk_rope_head_dim}`);
  if (n_routed_experts % n_group !== 0) refuse("n_group", `does not divide n_routed_experts ${n_routed_experts}`);
  return {
    ...standardize_rope_params(fields),
    num_key_value_heads,
    qk_head_dim: fields.qk_nope_head_dim + fields.qk_rope_head_dim,
    head_dim, // what rotates
    layer_types: alike(fields),
  };
});
export type DeepseekV3Config = z.output<typeof DeepseekV3Config>;
