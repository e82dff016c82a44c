/** The config of albert, read beside transformers 5.24.0, `models/albert/configuration_albert.py`. The defaults are those of the reference's class. */
import { z } from "zod";
import { activation, config, size as count, tokenId } from "../layers/config_schema.ts";

/** `AlbertConfig`, with its defaults. */
export const AlbertConfig = config({
  model_type: z.literal("albert").default("albert"),
  vocab_size: count.default(30_000),
  embedding_size: count.default(128),
  hidden_size: count.default(4096),
  num_hidden_layers: count.default(12),
  num_hidden_groups: count.default(1),
  num_attention_heads: count.default(64),
  intermediate_size: count.default(16_384),
  inner_group_num: count.default(1),
  hidden_act: activation.default("gelu_new"),
  hidden_dropout_prob: z.number().default(0), // of training, as the next
  classifier_dropout_prob: z.number().default(0.1),
  max_position_embeddings: count.default(512),
  type_vocab_size: count.default(2),
  layer_norm_eps: z.number().default(1e-12),
  pad_token_id: tokenId.default(0),
  tie_word_embeddings: z.boolean().default(true),
  position_embedding_type: z.literal("absolute").optional(), // in older checkpoints, as what follows
  ...Object.fromEntries(
    "down_scale_factor gap_size net_structure_type num_memory_blocks output_past pruned_heads use_bfloat16 torchscript eos_token_ids finetuning_task"
      .split(" ")
      .map((key) => [key, z.unknown().optional()] as const),
  ),
}).transform((config) => ({
  ...config,
  num_key_value_heads: config.num_attention_heads,
  head_dim: Math.floor(config.hidden_size / config.num_attention_heads),
}));
export type AlbertConfig = z.output<typeof AlbertConfig>;
