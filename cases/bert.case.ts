import { defineCase } from "../harness/case/case.ts";
import { decoderInputs, squareDecoder } from "./decoder.inputs.ts";
import { segmentInputs, wholePhase } from "./encoder.inputs.ts";

const { rms_norm_eps: layer_norm_eps, num_key_value_heads: _, ...sizes } = squareDecoder;

/** Two layers: all are of one kind. Three kinds of segments, so that one that is taken for another shows. */
const config = {
  ...sizes,
  model_type: "bert",
  hidden_act: "gelu",
  layer_norm_eps,
  type_vocab_size: 3,
};

export const cases = [
  defineCase({
    name: "bert/masked_lm",
    title: "bert: a left-padded batch of three segments, the head tied to the word embeddings",
    config: { ...config, architectures: ["BertForMaskedLM"], tie_word_embeddings: true },
    inputs: segmentInputs([11, 8], 3),
    phases: wholePhase(11),
  }),
  defineCase({
    name: "bert/pooler",
    title: "bert without a head: hidden states and the pooled first token, another activation, no segments",
    config: { ...config, architectures: ["BertModel"], hidden_act: "gelu_new", num_hidden_layers: 1 },
    inputs: decoderInputs([9, 9]),
    phases: wholePhase(9),
  }),
  defineCase({
    name: "bert/untied",
    title: "bert: a head with a weight and a bias of its own",
    config: { ...config, architectures: ["BertForMaskedLM"], tie_word_embeddings: false, num_hidden_layers: 1 },
    inputs: segmentInputs([9], 3),
    phases: wholePhase(9),
  }),
];
