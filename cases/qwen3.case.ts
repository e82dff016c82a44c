import { chunkedCase, decoder } from "./decoder.inputs.ts";

/** A full layer and two sliding ones. */
const config = {
  ...decoder,
  architectures: ["Qwen3ForCausalLM"],
  model_type: "qwen3",
  num_hidden_layers: 3,
  head_dim: 14,
  hidden_act: "gelu_pytorch_tanh",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: true,
  use_sliding_window: true,
  sliding_window: 5,
  max_window_layers: 1,
  tie_word_embeddings: true,
};

export const cases = [chunkedCase("qwen3", config)];
