import { chunkedCase, squareDecoder } from "./decoder.inputs.ts";

/** Two layers: all are of one kind. */
const config = {
  ...squareDecoder,
  architectures: ["Olmo2ForCausalLM"],
  model_type: "olmo2",
  hidden_act: "gelu_pytorch_tanh",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: true,
  tie_word_embeddings: true,
};

export const cases = [chunkedCase("olmo2", config)];
