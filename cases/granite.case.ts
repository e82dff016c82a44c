import { chunkedCase, squareDecoder } from "./decoder.inputs.ts";

/** Two layers: all are of one kind. */
const config = {
  ...squareDecoder,
  architectures: ["GraniteForCausalLM"],
  model_type: "granite",
  hidden_act: "gelu",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: true,
  mlp_bias: true,
  embedding_multiplier: 5.3,
  logits_scaling: 3.7,
  residual_multiplier: 0.3,
  attention_multiplier: 0.23,
  tie_word_embeddings: true,
};

export const cases = [chunkedCase("granite", config)];
