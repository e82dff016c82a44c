import { defineCase, planPhases } from "../harness/case/case.ts";
import { chunkedCase, decoder, decoderInputs } from "./decoder.inputs.ts";

/**
 * A dense layer and one with experts: each token goes to 3 of 8, from 2 of 4 groups, and to 2 shared ones. All phases
 * reach beyond the original rope length.
 */
const config = {
  ...decoder,
  architectures: ["DeepseekV3ForCausalLM"],
  model_type: "deepseek_v3",
  num_key_value_heads: 4,
  moe_intermediate_size: 26,
  n_shared_experts: 2,
  n_routed_experts: 8,
  routed_scaling_factor: 1.7,
  q_lora_rank: 22,
  kv_lora_rank: 18,
  qk_nope_head_dim: 10,
  qk_rope_head_dim: 6,
  v_head_dim: 12,
  n_group: 4,
  topk_group: 2,
  num_experts_per_tok: 3,
  first_k_dense_replace: 1,
  hidden_act: "gelu",
  attention_bias: true,
  rope_parameters: {
    rope_type: "yarn",
    rope_theta: 12_345,
    factor: 6,
    original_max_position_embeddings: 6,
    beta_fast: 1.1,
    beta_slow: 0.1,
    mscale: 1.3,
    mscale_all_dim: 0.7,
  },
};

export const cases = [
  chunkedCase("deepseek_v3", config),
  defineCase({
    name: "deepseek_v3/plain",
    title: "deepseek_v3: queries without a latent, a rope in halves, weights that do not sum to 1",
    config: {
      ...config,
      num_hidden_layers: 1,
      q_lora_rank: null,
      first_k_dense_replace: 0,
      n_shared_experts: 1,
      n_group: 1,
      topk_group: 1,
      norm_topk_prob: false,
      hidden_act: "silu",
      rope_interleave: false,
      attention_bias: false,
      rope_parameters: { rope_type: "default", rope_theta: 12_345 },
    },
    inputs: decoderInputs([9]),
    phases: planPhases({ chunks: [5, 4], decode: 0, full: false }),
  }),
];
