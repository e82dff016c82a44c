import { defineCase, planPhases } from "../harness/case/case.ts";
import { chunkedCase, decoderInputs } from "./decoder.inputs.ts";

/** Two layers: all are of one kind. 6 heads of 14 channels in 3 groups of one B and C; 26 states a channel. */
const config = {
  architectures: ["Mamba2ForCausalLM"],
  model_type: "mamba2",
  vocab_size: 193,
  hidden_size: 28,
  num_hidden_layers: 2,
  num_heads: 6,
  head_dim: 14,
  state_size: 10,
  n_groups: 3,
  expand: 3,
  conv_kernel: 4,
  chunk_size: 5,
  layer_norm_epsilon: 1e-3,
  pad_token_id: 0,
  tie_word_embeddings: true,
};

export const cases = [
  chunkedCase("mamba2", config),
  defineCase({
    name: "mamba2/limits",
    title:
      "mamba2: clamped time steps, biases of projections, none of the convolution, a residual in the model's dtype",
    config: {
      ...config,
      num_hidden_layers: 1,
      time_step_limit: [0.5, 1.5],
      use_bias: true,
      use_conv_bias: false,
      hidden_act: "gelu_pytorch_tanh",
      residual_in_fp32: false,
      tie_word_embeddings: false,
    },
    inputs: decoderInputs([7]),
    phases: planPhases({ chunks: [7], decode: 0, full: false }),
  }),
];
