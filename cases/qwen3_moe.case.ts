import { chunkedCase, decoder } from "./decoder.inputs.ts";

/** A dense layer and one with experts, both sliding. Each token goes to 3 of 7 experts. */
const config = {
  ...decoder,
  architectures: ["Qwen3MoeForCausalLM"],
  model_type: "qwen3_moe",
  head_dim: 14,
  hidden_act: "gelu_pytorch_tanh",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  use_sliding_window: true,
  sliding_window: 5,
  mlp_only_layers: [0],
  moe_intermediate_size: 26,
  num_experts: 7,
  num_experts_per_tok: 3,
  norm_topk_prob: true,
};

export const cases = [chunkedCase("qwen3_moe", config)];
