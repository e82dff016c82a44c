import { chunkedCase, decoder } from "./decoder.inputs.ts";

/** A full layer and two sliding ones; by default they alternate and the first slides. */
const config = {
  ...decoder,
  architectures: ["Gemma2ForCausalLM"],
  model_type: "gemma2",
  num_hidden_layers: 3,
  head_dim: 14,
  hidden_activation: "gelu",
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: true,
  query_pre_attn_scalar: 9,
  sliding_window: 5,
  layer_types: ["full_attention", "sliding_attention", "sliding_attention"],
  attn_logit_softcapping: 0.7,
  final_logit_softcapping: 2.5,
  tie_word_embeddings: false,
};

export const cases = [chunkedCase("gemma2", config)];
