import { defineCase, int64Tensor, planPhases } from "lockstep";

/** One layer, sizes that differ pairwise, no field at its default. */
const config = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 37,
  hidden_size: 20,
  intermediate_size: 28,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-3,
  rope_parameters: { rope_type: "default", rope_theta: 12_345 },
  attention_bias: false,
  mlp_bias: false,
  hidden_act: "silu",
  tie_word_embeddings: false,
};

const tokens = 11;

export const cases = [
  defineCase({
    name: "tiny_llama/text",
    title: "one layer of Llama on eleven tokens",
    config,
    inputs: (seed) => {
      const ids = Array.from({ length: tokens }, (_, at) => (seed + 7 * at * at + 3) % config.vocab_size);
      return new Map([
        ["input_ids", int64Tensor(ids, [1, tokens])],
        [
          "attention_mask",
          int64Tensor(
            ids.map(() => 1),
            [1, tokens],
          ),
        ],
      ]);
    },
    phases: planPhases({ chunks: [tokens], decode: 0, full: false }),
  }),
];
