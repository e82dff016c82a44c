import { chunkedCase } from "./decoder.inputs.ts";

/** Two layers: all are of one kind, but each scales its scores by its own number. */
const config = {
  architectures: ["GPT2LMHeadModel"],
  model_type: "gpt2",
  vocab_size: 193,
  n_positions: 64,
  n_embd: 48,
  n_layer: 2,
  n_head: 6,
  n_inner: 68,
  activation_function: "relu2",
  layer_norm_epsilon: 1e-3,
  scale_attn_by_inverse_layer_idx: true,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
};

export const cases = [chunkedCase("gpt2", config)];
