import { chunkedCase, decoder } from "./decoder.inputs.ts";

/** Two sliding layers: all are of one kind. */
const config = {
  ...decoder,
  architectures: ["MistralForCausalLM"],
  model_type: "mistral",
  head_dim: 14,
  hidden_act: "relu2",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  sliding_window: 5,
  tie_word_embeddings: true,
};

export const cases = [chunkedCase("mistral", config)];
