import { defineCase, planPhases } from "../harness/case/case.ts";
import { chunkedCase, decoderInputs, squareDecoder } from "./decoder.inputs.ts";

const { rms_norm_eps: layer_norm_eps, num_key_value_heads: _, ...sizes } = squareDecoder;

/** Two layers: all are of one kind. Half of each head rotates. */
const config = {
  ...sizes,
  architectures: ["GPTNeoXForCausalLM"],
  model_type: "gpt_neox",
  hidden_act: "gelu_new",
  layer_norm_eps,
  rope_parameters: { rope_type: "default", rope_theta: 12_345, partial_rotary_factor: 0.5 },
  attention_bias: false,
  tie_word_embeddings: true,
};

export const cases = [
  chunkedCase("gpt_neox", config),
  defineCase({
    name: "gpt_neox/serial",
    title: "gpt_neox: attention and MLP one after the other, biases, an untied head",
    config: { ...config, use_parallel_residual: false, attention_bias: true, tie_word_embeddings: false },
    inputs: decoderInputs([9]),
    phases: planPhases({ chunks: [9], decode: 0, full: false }),
  }),
];
