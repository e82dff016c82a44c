import { chunkedCase, squareDecoder } from "./decoder.inputs.ts";

/** A full layer and two sliding ones. */
const config = {
  ...squareDecoder,
  architectures: ["Qwen2ForCausalLM"],
  model_type: "qwen2",
  num_hidden_layers: 3,
  hidden_act: "gelu",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  use_sliding_window: true,
  sliding_window: 5,
  max_window_layers: 1,
  tie_word_embeddings: true,
};

export const cases = [chunkedCase("qwen2", config)];
