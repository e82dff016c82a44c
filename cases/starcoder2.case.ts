import { chunkedCase } from "./decoder.inputs.ts";

/** Two sliding layers: all are of one kind. */
const config = {
  architectures: ["Starcoder2ForCausalLM"],
  model_type: "starcoder2",
  vocab_size: 193,
  hidden_size: 48,
  intermediate_size: 68,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  norm_epsilon: 0.001,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
  hidden_act: "gelu",
  sliding_window: 5,
  tie_word_embeddings: false,
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
};

export const cases = [chunkedCase("starcoder2", config)];
