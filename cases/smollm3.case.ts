import { chunkedCase, squareDecoder } from "./decoder.inputs.ts";

/**
 * A full layer with positions, a sliding one with and a sliding one without; `no_rope_layers` has 1 where a layer
 * rotates.
 */
const config = {
  ...squareDecoder,
  architectures: ["SmolLM3ForCausalLM"],
  model_type: "smollm3",
  num_hidden_layers: 3,
  hidden_act: "gelu",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  use_sliding_window: true,
  sliding_window: 5,
  no_rope_layers: [1, 1, 0],
  layer_types: ["full_attention", "sliding_attention", "sliding_attention"],
  attention_bias: true,
  mlp_bias: true,
  tie_word_embeddings: false,
};

export const cases = [chunkedCase("smollm3", config)];
