import { chunkedCase, decoder } from "./decoder.inputs.ts";

/** Two layers: all are of one kind. */
const config = {
  ...decoder,
  architectures: ["GemmaForCausalLM"],
  model_type: "gemma",
  head_dim: 14,
  hidden_act: "gelu",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: true,
  tie_word_embeddings: true,
};

export const cases = [chunkedCase("gemma", config)];
