import { defineCase, planPhases } from "../harness/case/case.ts";
import { decoder, decoderInputs } from "./decoder.inputs.ts";

const [sliding, full] = ["sliding_attention", "full_attention"];

/**
 * A sliding and a full layer of their own keys, and one of each that reuse them and have the wide MLP; every layer gets
 * an input of its own.
 */
const config = {
  ...decoder,
  architectures: ["Gemma4ForCausalLM"],
  model_type: "gemma4_text",
  num_hidden_layers: 4,
  head_dim: 14,
  global_head_dim: 18,
  num_global_key_value_heads: 1,
  attention_k_eq_v: true,
  num_kv_shared_layers: 2,
  use_double_wide_mlp: true,
  layer_types: [sliding, full, sliding, full],
  sliding_window: 5,
  hidden_activation: "gelu_pytorch_tanh",
  rope_parameters: {
    sliding_attention: { rope_type: "default", rope_theta: 12_345 },
    full_attention: { rope_type: "proportional", partial_rotary_factor: 0.3, rope_theta: 54_321 },
  },
  vocab_size_per_layer_input: 197,
  hidden_size_per_layer_input: 10,
  final_logit_softcapping: 2.5,
  tie_word_embeddings: true,
};

export const cases = [
  defineCase({
    name: "gemma4/chunked",
    title: "gemma4: a left-padded batch in two chunks, shared keys and inputs per layer",
    config,
    inputs: decoderInputs([10, 7]),
    phases: planPhases({ chunks: [7, 3], decode: 0, full: true }),
  }),
  defineCase({
    name: "gemma4/moe",
    title: "gemma4: experts beside the MLP, biases, an untied head, no inputs per layer, no sharing",
    config: {
      ...config,
      num_hidden_layers: 2,
      layer_types: [sliding, full],
      attention_bias: true,
      attention_k_eq_v: false,
      num_kv_shared_layers: 0,
      use_double_wide_mlp: false,
      hidden_size_per_layer_input: 0,
      enable_moe_block: true,
      num_experts: 5,
      top_k_experts: 2,
      moe_intermediate_size: 26,
      final_logit_softcapping: null,
      tie_word_embeddings: false,
    },
    inputs: decoderInputs([9]),
    phases: planPhases({ chunks: [9], decode: 0, full: false }),
  }),
];
