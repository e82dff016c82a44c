import { chunkedCase, decoder } from "./decoder.inputs.ts";

/** Two sliding layers: all are of one kind. Each token goes to 2 of 5 experts. */
const config = {
  ...decoder,
  architectures: ["MixtralForCausalLM"],
  model_type: "mixtral",
  head_dim: 14,
  intermediate_size: 26,
  hidden_act: "gelu",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  sliding_window: 5,
  num_local_experts: 5,
  num_experts_per_tok: 2,
};

export const cases = [chunkedCase("mixtral", config)];
