/**
 * The common parts of the cases of text decoders: sizes that differ pairwise and as products, inputs, and one plan of
 * phases.
 */
import type { Case, CaseDefinition } from "../harness/case/case.ts";
import { defineCase, planPhases } from "../harness/case/case.ts";
import { textInputs } from "./gemma4_unified.inputs.ts";

type Json = Record<string, unknown>;

/**
 * Fields that every decoder config has, none at its default: 4 heads of 14 channels, 2 key heads, 44 channels between
 * layers.
 */
export const decoder = {
  vocab_size: 193,
  hidden_size: 44,
  intermediate_size: 68,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-3,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
};

/** The fields of `decoder` for models whose heads together have the width between layers: 6 heads of 8 channels. */
export const squareDecoder = { ...decoder, hidden_size: 48, num_attention_heads: 6 };

/** Token ids drawn from the seed, one row per length, padded on the left. */
export function decoderInputs(lengths: readonly number[]): CaseDefinition["inputs"] {
  return (seed) => new Map([...textInputs(seed, lengths)].filter(([name]) => name !== "mm_token_type_ids"));
}

/**
 * The case of an architecture: a left-padded batch in two chunks, the first longer than a window of 5 tokens, a forced
 * decode step, and all of it again in one forward.
 */
export function chunkedCase(architecture: string, config: Json): Case {
  return defineCase({
    name: `${architecture}/chunked`,
    title: `${architecture}: a left-padded batch in two chunks, a decode step, and one full forward`,
    config,
    inputs: decoderInputs([11, 8]),
    phases: planPhases({ chunks: [7, 3], decode: 1, full: true }),
  });
}
