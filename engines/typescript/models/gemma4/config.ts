/** The text config of gemma4, read beside transformers 5.24.0, `models/gemma4/configuration_gemma4.py`. */
import { z } from "zod";
import { configSchema, count } from "../../layers/config_schema.ts";
import { bidirectional, derive_layers, kv_sharing_fields } from "../../layers/kv_sharing_config.ts";

/** `Gemma4TextConfig`, with its defaults. */
export const Gemma4TextConfig = configSchema({
  model_type: z.literal("gemma4_text").default("gemma4_text"),
  ...kv_sharing_fields,
  max_position_embeddings: count.default(131_072),
  sliding_window: count.default(512),
  use_bidirectional_attention: bidirectional.default(null),
  vocab_size_per_layer_input: count.default(262_144),
  hidden_size_per_layer_input: z.int().nonnegative().default(256),
  enable_moe_block: z.boolean().default(false),
  num_experts: count.nullable().default(null),
  top_k_experts: count.nullable().default(null),
  moe_intermediate_size: count.nullable().default(null),
}).transform((fields, context) => {
  for (const path of ["num_experts", "top_k_experts", "moe_intermediate_size"] as const)
    if (fields.enable_moe_block && fields[path] === null)
      context.addIssue({ code: "custom", path: [path], message: "enable_moe_block needs one" });
  return derive_layers(fields, context);
});
export type Gemma4TextConfig = z.output<typeof Gemma4TextConfig>;
