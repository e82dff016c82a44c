import { chunkedCase, decoder } from "./decoder.inputs.ts";

/**
 * A full layer and a sliding one; by default they alternate and the first slides. Each token goes to 2 of 5 experts;
 * gates and ups reach the limit.
 */
const config = {
  ...decoder,
  architectures: ["GptOssForCausalLM"],
  model_type: "gpt_oss",
  head_dim: 14,
  intermediate_size: 26,
  rope_parameters: {
    rope_type: "yarn",
    rope_theta: 12_345,
    factor: 6,
    beta_fast: 1.1,
    beta_slow: 0.1,
    truncate: false,
    original_max_position_embeddings: 8,
  },
  sliding_window: 5,
  layer_types: ["full_attention", "sliding_attention"],
  num_local_experts: 5,
  num_experts_per_tok: 2,
  swiglu_alpha: 1.3,
  swiglu_limit: 0.9,
};

export const cases = [chunkedCase("gpt_oss", config)];
