import { defineCase } from "../harness/case/case.ts";
import { segmentInputs, wholePhase } from "./encoder.inputs.ts";
import { decoderInputs, squareDecoder } from "./decoder.inputs.ts";

const { rms_norm_eps: layer_norm_eps, num_key_value_heads: _, ...sizes } = squareDecoder;

/** Four passes through two groups of one layer: each layer runs twice. */
const config = {
  ...sizes,
  model_type: "albert",
  embedding_size: 22,
  num_hidden_layers: 4,
  num_hidden_groups: 2,
  inner_group_num: 1,
  hidden_act: "gelu_new",
  layer_norm_eps,
  type_vocab_size: 3,
};

export const cases = [
  defineCase({
    name: "albert/masked_lm",
    title: "albert: a left-padded batch of three segments through two groups of shared layers, two passes each",
    config: { ...config, architectures: ["AlbertForMaskedLM"], tie_word_embeddings: true },
    inputs: segmentInputs([11, 8], 3),
    phases: wholePhase(11),
  }),
  defineCase({
    name: "albert/inner_group",
    title: "albert without a head: one group of two layers that runs twice, the pooled first token",
    config: {
      ...config,
      architectures: ["AlbertModel"],
      hidden_act: "gelu",
      num_hidden_layers: 2,
      num_hidden_groups: 1,
      inner_group_num: 2,
    },
    inputs: decoderInputs([7, 7]),
    phases: wholePhase(7),
  }),
];
