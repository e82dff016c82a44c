/** The config of bert, read beside transformers 5.24.0, `models/bert/configuration_bert.py`. The defaults are those of the reference's class. */
import { z } from "zod";
import { activation, config, size as count, tokenId } from "../layers/config_schema.ts";

/** `BertConfig`, with its defaults. */
export const BertConfig = config({
  model_type: z.literal("bert").default("bert"),
  vocab_size: count.default(30_522),
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  hidden_act: activation.default("gelu"),
  hidden_dropout_prob: z.number().default(0.1), // of training
  max_position_embeddings: count.default(512),
  type_vocab_size: count.default(2),
  layer_norm_eps: z.number().default(1e-12),
  pad_token_id: tokenId.default(0),
  is_decoder: z.literal(false).default(false), // true is not implemented
  add_cross_attention: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(true),
  position_embedding_type: z.literal("absolute").optional(), // in older checkpoints
  gradient_checkpointing: z.boolean().optional(),
}).transform((config) => ({
  ...config,
  num_key_value_heads: config.num_attention_heads,
  head_dim: Math.floor(config.hidden_size / config.num_attention_heads),
}));
export type BertConfig = z.output<typeof BertConfig>;
