/** The config of mamba2, read beside transformers 5.24.0, `models/mamba2/configuration_mamba2.py`. The defaults are those of the reference's class. */
import { z } from "zod";
import { activation, config, count, float, tokenId, unread } from "../../layers/config_schema.ts";

/** `Mamba2Config`, with its defaults. */
export const Mamba2Config = config({
  model_type: z.literal("mamba2").default("mamba2"),
  num_heads: count.default(128),
  head_dim: count.default(64),
  vocab_size: count.default(32_768),
  hidden_size: count.default(4096),
  state_size: count.default(128),
  num_hidden_layers: count.default(64),
  layer_norm_epsilon: z.number().default(1e-5),
  pad_token_id: tokenId.default(1),
  expand: count.default(2),
  conv_kernel: count.default(4),
  n_groups: count.default(8),
  use_bias: z.boolean().default(false),
  use_conv_bias: z.boolean().default(true),
  hidden_act: activation.default("silu"),
  residual_in_fp32: z.boolean().default(true),
  time_step_limit: z.tuple([float, float]).default([0, Infinity]),
  chunk_size: count.default(256), // how the reference orders its sums; changes no value
  tie_word_embeddings: z.boolean().default(false),
  // Of the initialisation, or not read:
  ...unread("time_step_rank time_step_min time_step_max time_step_floor rescale_prenorm_residual rms_norm"),
  ...unread("norm_before_gate"),
})
  .refine(({ hidden_size, expand, num_heads, head_dim }) => hidden_size * expand === num_heads * head_dim, {
    message: "hidden_size * expand must equal num_heads * head_dim",
  })
  .transform((fields) => ({
    ...fields,
    intermediate_size: fields.expand * fields.hidden_size,
    layer_types: Array.from({ length: fields.num_hidden_layers }, () => "linear_attention" as const),
  }));
export type Mamba2Config = z.output<typeof Mamba2Config>;
