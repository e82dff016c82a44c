import { defineCase, planPhases } from "../harness/case/case.ts";
import { chunkedCase, decoder, decoderInputs } from "./decoder.inputs.ts";

/** Two layers: all are of one kind. */
const config = {
  ...decoder,
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  head_dim: 14,
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: true,
  mlp_bias: true,
  hidden_act: "gelu",
  tie_word_embeddings: true,
};

/** One layer, plain projections and an untied head; `rope_parameters` as given. */
function rope(name: string, title: string, rope_parameters: Record<string, unknown>, max_position_embeddings = 64) {
  return defineCase({
    name: `llama/rope_${name}`,
    title: `llama: ${title}, positions beyond the original rope length`,
    config: {
      ...config,
      num_hidden_layers: 1,
      attention_bias: false,
      mlp_bias: false,
      hidden_act: "silu",
      tie_word_embeddings: false,
      max_position_embeddings,
      rope_parameters: { rope_theta: 12_345, ...rope_parameters },
    },
    inputs: decoderInputs([13, 9]),
    phases: planPhases({ chunks: [6, 7], decode: 0, full: false }),
  });
}

const original_max_position_embeddings = 8;

export const cases = [
  chunkedCase("llama", config),
  rope("linear", "linear rope scaling", { rope_type: "linear", factor: 3 }),
  rope("dynamic", "dynamic NTK rope scaling", { rope_type: "dynamic", factor: 3 }, original_max_position_embeddings),
  rope("yarn", "YaRN", {
    rope_type: "yarn",
    factor: 8,
    original_max_position_embeddings,
    beta_fast: 1.1,
    beta_slow: 0.1,
    mscale: 1.3,
    mscale_all_dim: 0.7,
    truncate: false,
  }),
  rope("llama3", "Llama 3.1 rope scaling", {
    rope_type: "llama3",
    factor: 6,
    low_freq_factor: 0.2,
    high_freq_factor: 1.1,
    original_max_position_embeddings,
  }),
  rope("longrope", "LongRoPE", {
    rope_type: "longrope",
    short_factor: [1, 1.1, 1.2, 1.3, 1.5, 1.7, 1.9],
    long_factor: [1.1, 1.4, 2, 3.1, 4.5, 6.2, 8],
    original_max_position_embeddings,
  }),
];
