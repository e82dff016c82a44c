import { defineCase, planPhases } from "../harness/case/case.ts";
import { features, speechInputs } from "./whisper.inputs.ts";

/** Encoder and decoder differ in heads and width of the MLP, so that what belongs to one does not fit the other. */
const config = {
  architectures: ["WhisperForConditionalGeneration"],
  model_type: "whisper",
  vocab_size: 193,
  num_mel_bins: features.num_mel_bins,
  d_model: 48,
  encoder_layers: 1,
  decoder_layers: 2,
  encoder_attention_heads: 6,
  decoder_attention_heads: 4,
  encoder_ffn_dim: 68,
  decoder_ffn_dim: 76,
  activation_function: "gelu",
  max_source_positions: features.frames / 2,
  max_target_positions: 32,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
  decoder_start_token_id: 3,
  tie_word_embeddings: true,
};

export const cases = [
  defineCase({
    name: "whisper/speech",
    title: "whisper: two clips, a left-padded batch of decoder tokens in two chunks, and one full forward",
    config,
    inputs: speechInputs([8, 6]),
    phases: planPhases({ chunks: [5, 3], decode: 0, full: true }),
  }),
];
