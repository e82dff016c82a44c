import { chunkedCase, decoder } from "./decoder.inputs.ts";

/**
 * A linear layer with experts and a full one with a plain MLP, each head of which rotates 6 of its 14 channels. Each
 * token goes to 2 of 5 experts.
 */
const config = {
  ...decoder,
  architectures: ["Qwen3NextForCausalLM"],
  model_type: "qwen3_next",
  head_dim: 14,
  hidden_act: "gelu_pytorch_tanh",
  rope_parameters: { rope_type: "default", rope_theta: 12_345, partial_rotary_factor: 0.43 },
  attention_bias: true,
  layer_types: ["linear_attention", "full_attention"],
  mlp_only_layers: [1],
  linear_conv_kernel_dim: 4,
  linear_num_key_heads: 3,
  linear_num_value_heads: 6,
  linear_key_head_dim: 8,
  linear_value_head_dim: 10,
  moe_intermediate_size: 26,
  shared_expert_intermediate_size: 22,
  num_experts: 5,
  num_experts_per_tok: 2,
  norm_topk_prob: true,
};

export const cases = [chunkedCase("qwen3_next", config)];
