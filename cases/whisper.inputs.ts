/** Inputs of whisper: mel features of a clip, and the tokens that the decoder says. */
import type { CaseDefinition, Inputs } from "../harness/case/case.ts";
import { drawUniform } from "../harness/trace/draw.ts";
import { float32Tensor } from "../harness/trace/tensor.ts";
import { decoderInputs } from "./decoder.inputs.ts";

type Json = Record<string, unknown>;

/** Sizes of the features of the tiny config: bins, and frames, two for each position of the encoder. */
export const features = { num_mel_bins: 10, frames: 46 };

/**
 * Decoder tokens of one length a row, padded on the left, and features [rows, bins, frames] between -1 and 1.5, as
 * those of speech.
 */
export function speechInputs(
  lengths: readonly number[],
  { num_mel_bins, frames } = features,
): CaseDefinition["inputs"] {
  return (seed) => {
    const shape = [lengths.length, num_mel_bins, frames];
    const values = drawUniform(
      seed,
      "input_features",
      shape.reduce((product, size) => product * size, 1),
      -1,
      1.5,
    );
    return new Map([...decoderInputs(lengths)(seed), ["input_features", float32Tensor(values, shape)]]);
  };
}

/** A clip of the length that a config asks for, and `length` decoder tokens. */
export function shapeInputs(config: Json, length: number): Inputs {
  const { num_mel_bins = 80, max_source_positions = 1500 } = config as Record<string, number>;
  return speechInputs([length], { num_mel_bins, frames: 2 * max_source_positions })(0);
}
