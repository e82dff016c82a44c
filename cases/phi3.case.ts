import { chunkedCase, squareDecoder } from "./decoder.inputs.ts";

/**
 * Two sliding layers: all are of one kind. Half of each head rotates; all phases are longer than the original rope
 * length.
 */
const config = {
  ...squareDecoder,
  architectures: ["Phi3ForCausalLM"],
  model_type: "phi3",
  hidden_act: "gelu",
  original_max_position_embeddings: 6,
  rope_parameters: {
    rope_type: "longrope",
    rope_theta: 12_345,
    partial_rotary_factor: 0.5,
    short_factor: [1.1, 1.7],
    long_factor: [1.4, 3.1],
  },
  sliding_window: 5,
  tie_word_embeddings: true,
};

export const cases = [chunkedCase("phi3", config)];
