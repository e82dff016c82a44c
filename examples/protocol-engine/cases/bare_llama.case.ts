import { defineCase, int64Tensor } from "lockstep";

export const cases = [
  defineCase({
    name: "bare_llama/text",
    title: "a Llama without layers: embedding, norm and head",
    config: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      vocab_size: 97,
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 0,
      num_attention_heads: 2,
      rms_norm_eps: 0.01,
      tie_word_embeddings: false,
    },
    inputs: () => new Map([["input_ids", int64Tensor([3, 41, 7, 66, 12, 90, 5, 23, 8, 77], [1, 10])]]),
    phases: [{ name: "full", start: 0, end: 10, cache: false }],
  }),
];
