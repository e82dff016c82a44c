import { defineCase, planPhases } from "../harness/case/case.ts";
import type { CaseDefinition } from "../harness/case/case.ts";
import { multimodal, textOnly } from "./gemma4_unified.config.ts";
import type { Segment } from "./gemma4_unified.inputs.ts";
import { multimodalInputs, sequenceLength, textInputs } from "./gemma4_unified.inputs.ts";

const window = multimodal.text_config.sliding_window;

/**
 * A case whose one sequence mixes text and media: one prefill, then forced decode steps over the last `decode` tokens.
 */
function mixed(name: string, title: string, segments: readonly Segment[], decode = 0): CaseDefinition {
  const total = sequenceLength(multimodalInputs(0, segments));
  return {
    name: `gemma4_unified/${name}`,
    title,
    config: multimodal,
    inputs: (seed) => multimodalInputs(seed, segments),
    phases: planPhases({ chunks: [total - decode], decode, full: decode > 0 }),
  };
}

/** A text case: sequences of these lengths, padded on the left to the longest. */
function text(
  name: string,
  title: string,
  lengths: readonly number[],
  phases: CaseDefinition["phases"],
): CaseDefinition {
  const inputs: CaseDefinition["inputs"] = (seed) => textInputs(seed, lengths);
  return { name: `gemma4_unified/${name}`, title, config: multimodal, inputs, phases };
}

export const cases = [
  text("text", "text longer than the sliding window", [19], planPhases({ chunks: [19], decode: 0, full: false })),
  text(
    "left_padded",
    "a left-padded ragged batch, then decode",
    [17, 11, 5],
    planPhases({ chunks: [14], decode: 3, full: true }),
  ),
  text(
    "chunked",
    "chunked prefill of 1, W-1, W and W+1 tokens",
    [25],
    planPhases({ chunks: [1, window - 1, window, window + 1], decode: 0, full: true }),
  ),
  text(
    "decode",
    "8 forced decode steps across the sliding window",
    [14],
    planPhases({ chunks: [6], decode: 8, full: true }),
  ),
  text(
    "turns",
    "a left-padded batch: decode steps, a second turn, then another request that reuses the first prefill",
    [20, 15],
    planPhases({ chunks: [10], decode: 3, turn: 6, reuse: 10, full: true }),
  ),
  mixed("image", "one non-square photograph, with padding patches", [{ text: 5 }, { image: "photo" }, { text: 6 }]),
  mixed("two_images", "two images of different size with text between", [
    { text: 3 },
    { image: "photo" },
    { text: 7 },
    { image: "photo_wide" },
    { text: 4 },
  ]),
  mixed("audio", "speech shorter than its padded length", [{ text: 4 }, { audio: "speech" }, { text: 5 }]),
  mixed("video", "three video frames", [{ text: 4 }, { video: "video" }, { text: 5 }]),
  mixed(
    "everything",
    "text, image, video and audio together, then decode",
    [{ text: 3 }, { image: "photo" }, { text: 2 }, { video: "video" }, { text: 2 }, { audio: "speech" }, { text: 9 }],
    4,
  ),
  {
    ...text(
      "causal_lm",
      "the text model alone, every switch the other way",
      [15, 9],
      planPhases({ chunks: [4, 7], decode: 4, full: true }),
    ),
    config: textOnly,
  },
].map(defineCase);
