/** The config of gpt_oss, read beside transformers 5.24.0, `models/gpt_oss/configuration_gpt_oss.py`. The defaults are those of the reference's class. */
import { z } from "zod";
import { config, layer_type, layerTypes, rope_fields, size as count, standardize_rope_params, tokenId } from "../layers/config_schema.ts";

/** `rope_parameters` of a config that has none. */
const default_rope = {
  rope_type: "yarn" as const,
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4096,
};

/** `GptOssConfig`, with its defaults. */
export const GptOssConfig = config({
  model_type: z.literal("gpt_oss").default("gpt_oss"),
  num_hidden_layers: count.default(36),
  num_local_experts: count.default(128),
  vocab_size: count.default(201_088),
  hidden_size: count.default(2880),
  intermediate_size: count.default(2880),
  head_dim: count.default(64),
  num_attention_heads: count.default(64),
  num_key_value_heads: count.default(8),
  sliding_window: count.nullable().default(128),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.string().optional(), // the reference does not read it
  max_position_embeddings: count.default(131_072),
  rms_norm_eps: z.number().default(1e-5),
  ...rope_fields,
  num_experts_per_tok: count.default(4),
  experts_per_token: count.optional(), // in published checkpoints; the reference does not read it
  swiglu_alpha: z.number().default(1.702),
  swiglu_limit: z.number().positive().default(7),
  layer_types: z.array(layer_type).nullish(),
  pad_token_id: tokenId.default(null),
  attention_bias: z.boolean().default(true),
}).transform((fields, context) => ({
  ...standardize_rope_params({ ...fields, rope_parameters: fields.rope_parameters ?? default_rope }, 150_000),
  layer_types: layerTypes(fields, context, (i) => ((i + 1) % 2 === 0 ? "full_attention" : "sliding_attention")),
}));
export type GptOssConfig = z.output<typeof GptOssConfig>;
