import { chunkedCase, squareDecoder } from "./decoder.inputs.ts";

const { rms_norm_eps: layer_norm_eps, ...sizes } = squareDecoder;

/** A full layer, which has no positions, and two sliding ones. */
const config = {
  ...sizes,
  architectures: ["Cohere2ForCausalLM"],
  model_type: "cohere2",
  num_hidden_layers: 3,
  hidden_act: "gelu_pytorch_tanh",
  layer_norm_eps,
  logit_scale: 0.3,
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: true,
  sliding_window: 5,
  layer_types: ["full_attention", "sliding_attention", "sliding_attention"],
  tie_word_embeddings: false,
};

export const cases = [chunkedCase("cohere2", config)];
