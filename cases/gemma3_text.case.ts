import { chunkedCase, decoder } from "./decoder.inputs.ts";

/** A sliding layer and a full one, whose rope is scaled. */
const config = {
  ...decoder,
  architectures: ["Gemma3ForCausalLM"],
  model_type: "gemma3_text",
  head_dim: 14,
  hidden_activation: "silu",
  rope_parameters: {
    sliding_attention: { rope_type: "default", rope_theta: 12_345 },
    full_attention: { rope_type: "linear", rope_theta: 54_321, factor: 3 },
  },
  attention_bias: true,
  query_pre_attn_scalar: 9,
  sliding_window: 5,
  layer_types: ["sliding_attention", "full_attention"],
  final_logit_softcapping: 2.5,
  tie_word_embeddings: false,
};

export const cases = [chunkedCase("gemma3_text", config)];
